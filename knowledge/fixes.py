"""Whether a fix holds: where it is, against where a failure has come back.

Values are compared as versions (PEP 440) where both are, images by their tag, and commits by equality alone: nobody can
tell from two hashes which is the newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any

from packaging.version import InvalidVersion, Version

#: Keys of `fixed_in` whose values only are or are not the same, though some look like numbers.
UNORDERED = frozenset({"commit", "sha", "git_sha", "git_commit", "commit_sha", "revision", "git_revision", "digest"})
#: Longer values are no versions; what is shown of them in a sentence is shorter still.
LONGEST_VALUE = 500
LONGEST_SHOWN = 80
MOST_SHOWN = 3


class Age(Enum):
    """A value of an environment, against that of a fix."""

    OLDER = "older"
    SAME_OR_NEWER = "same or newer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a precedent was fixed, said at `resolved_at`; `regressed_at` is when it first came back all the same."""

    fixed_in: Mapping[str, str]
    resolved_at: datetime
    regressed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Regression:
    """A precedent that came back where it was fixed; `seen_in` are the values of the environment under its keys."""

    fixed_in: Mapping[str, str]
    seen_in: Mapping[str, str]
    resolved_at: datetime


@dataclass(frozen=True, slots=True)
class Outdated:
    """A failure of an environment that does not have the fix: the key that says so, and both values."""

    key: str
    fixed_in: str
    seen_in: str


def compared(fix: Fix, *, environment: Mapping[str, Any], occurred_at: datetime) -> Regression | Outdated | None:
    """What an environment says about a fix; None where it says nothing.

    One older value is enough to say that the fix is not there yet; without one, one that is the same or newer, seen
    after the fix was told, is a regression.
    """
    seen = {key: value for key in fix.fixed_in if (value := text_of(environment.get(key))) is not None}
    ages = {key: age(seen[key], key=key, fixed_in=fix.fixed_in[key]) for key in seen}
    for key, found in ages.items():
        if found is Age.OLDER:
            return Outdated(key=key, fixed_in=fix.fixed_in[key], seen_in=seen[key])
    if Age.SAME_OR_NEWER in ages.values() and occurred_at > fix.resolved_at:
        return Regression(fixed_in=fix.fixed_in, seen_in=seen, resolved_at=fix.resolved_at)
    return None


def text_of(value: Any) -> str | None:
    """A value of an environment as it can be compared: a short text or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= LONGEST_VALUE else None


def age(seen: str, *, key: str, fixed_in: str) -> Age:
    """Whether what was seen has what `fixed_in` has."""
    if seen == fixed_in:
        return Age.SAME_OR_NEWER
    if key.lower() in UNORDERED:
        return Age.UNKNOWN
    (seen_name, seen_tag), (fixed_name, fixed_tag) = _image(seen), _image(fixed_in)
    ours, theirs = _version(seen_tag), _version(fixed_tag)
    if seen_name != fixed_name or ours is None or theirs is None:
        return Age.UNKNOWN
    return Age.OLDER if ours < theirs else Age.SAME_OR_NEWER


def sentence(found: Regression | Outdated) -> str:
    """What a person is told."""
    if isinstance(found, Outdated):
        return f"It was fixed in {_named(found.key, found.fixed_in)}; you run {_short(found.seen_in)}."
    return f"It was fixed in {_listed(found.fixed_in)} and is back in {_listed(found.seen_in)}: a regression."


def _image(value: str) -> tuple[str, str]:
    """`repo/train` and `1.8` of `repo/train:1.8`; a version alone has no name. A digest has no order."""
    name, colon, tag = value.rpartition(":")
    if not colon or "/" in tag or "@" in value:  # host:5000/repo has no tag
        return "", value
    return name, tag


def _version(value: str) -> Version | None:
    try:
        # Builds of one version (2.13.0+cpu, 2.13.0+cu128) are one.
        return Version(Version(value).public)
    except InvalidVersion:
        return None


def _listed(values: Mapping[str, str]) -> str:
    shown = [_named(key, value) for key, value in islice(values.items(), MOST_SHOWN)]
    return ", ".join([*shown, "…"] if len(values) > MOST_SHOWN else shown)


def _named(key: str, value: str) -> str:
    return f"{_short(key)} {_short(value)}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
