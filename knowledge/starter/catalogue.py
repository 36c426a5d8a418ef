"""Read and check the starter precedents in `data/*.toml`.

Run `python -m knowledge.starter.catalogue [FILE ...]` to check them and to see what they cover.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from knowledge.errors import StarterDataError
from knowledge.failures import Action, Cause, Verdict

REQUIRED = frozenset({"key", "title", "verdict", "cause", "action", "resolution", "sources", "wordings"})
OPTIONAL = frozenset({"look_alikes"})
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MINIMUM_WORDINGS = 2
FITTING_ACTIONS = {
    Verdict.TRANSIENT: frozenset(Action) - {Action.FIX_THEN_RERUN, Action.ESCALATE},
    Verdict.GENUINE: frozenset({Action.FIX_THEN_RERUN, Action.ESCALATE, Action.RETRY_WITH_MORE_RESOURCES}),
}


@dataclass(frozen=True, slots=True)
class StarterPrecedent:
    """A documented failure: how it reads, what it means, what to do, and where that is written down.

    `wordings` are real renderings of the same failure (different clients, versions, languages).
    `look_alikes` are keys of precedents that read alike but are judged otherwise.
    """

    key: str
    component: str
    title: str
    verdict: Verdict
    cause: Cause
    action: Action
    resolution: str
    sources: tuple[str, ...]
    wordings: tuple[str, ...]
    look_alikes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All starter precedents, with a version that changes whenever their content does."""

    version: str
    files: tuple[tuple[str, bytes], ...]

    @cached_property
    def precedents(self) -> tuple[StarterPrecedent, ...]:
        """Parsed only when asked for: the version alone tells whether they are loaded already."""
        parsed = tuple(p for name, content in self.files for p in _parse_file(name, content))
        _check_whole(parsed)
        return parsed


def read_catalogue(folder: Traversable | None = None) -> Catalogue:
    """Read the data files (by default those that ship with the product); raises `StarterDataError` on bad data."""
    root = folder or resources.files("knowledge.starter").joinpath("data")
    names = sorted((entry for entry in root.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    files = tuple((entry.name, entry.read_bytes()) for entry in names)
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(name.encode() + b"\0" + content + b"\0")
    return Catalogue(version=digest.hexdigest()[:16], files=files)


def _parse_file(name: str, content: bytes) -> Iterator[StarterPrecedent]:
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StarterDataError(f"{name}: {error}") from error
    component = document.get("component")
    if not isinstance(component, str):
        raise StarterDataError(f"{name}: needs a component")
    for row in document.get("precedent", []):
        yield _parse_precedent(row, component=component, where=f"{name}: {row.get('key', '(no key)')}")


def _parse_precedent(row: dict[str, Any], *, component: str, where: str) -> StarterPrecedent:
    missing, unknown = REQUIRED - row.keys(), row.keys() - REQUIRED - OPTIONAL
    if missing or unknown:
        raise StarterDataError(f"{where}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    try:
        precedent = StarterPrecedent(
            key=row["key"],
            component=component,
            title=row["title"],
            verdict=Verdict(row["verdict"]),
            cause=Cause(row["cause"]),
            action=Action(row["action"]),
            resolution=" ".join(row["resolution"].split()),
            sources=tuple(row["sources"]),
            wordings=tuple(wording.strip() for wording in row["wordings"]),
            look_alikes=tuple(row.get("look_alikes", ())),
        )
    except ValueError as error:
        raise StarterDataError(f"{where}: {error}") from error
    problem = _problem(precedent)
    if problem:
        raise StarterDataError(f"{where}: {problem}")
    return precedent


def _problem(precedent: StarterPrecedent) -> str | None:
    if not KEY.fullmatch(precedent.key):
        return "the key is not in kebab-case"
    if precedent.verdict is Verdict.UNKNOWN:
        return "a starter precedent knows its verdict"
    if precedent.action not in FITTING_ACTIONS[precedent.verdict]:
        return f"{precedent.action} does not fit a {precedent.verdict} failure"
    if len(set(precedent.wordings)) < MINIMUM_WORDINGS or not all(precedent.wordings):
        return f"needs {MINIMUM_WORDINGS} different wordings"
    if not precedent.sources or not all(precedent.sources):
        return "needs a source"
    if len(precedent.resolution) < 30:
        return "the resolution says too little"
    return None


def _check_whole(precedents: Iterable[StarterPrecedent]) -> None:
    by_key: dict[str, StarterPrecedent] = {}
    by_wording: dict[str, str] = {}
    for precedent in precedents:
        if precedent.key in by_key:
            raise StarterDataError(f"{precedent.key}: the key is used twice")
        by_key[precedent.key] = precedent
        for wording in precedent.wordings:
            if (other := by_wording.setdefault(wording, precedent.key)) != precedent.key:
                raise StarterDataError(f"{precedent.key}: shares a wording with {other}: {wording[:80]!r}")
    for precedent in by_key.values():
        if dangling := [key for key in precedent.look_alikes if key not in by_key]:
            raise StarterDataError(f"{precedent.key}: look-alikes that do not exist: {dangling}")


def _main(paths: list[str]) -> int:
    files = tuple((path, Path(path).read_bytes()) for path in paths)
    catalogue = Catalogue(version="(of the files named)", files=files) if files else read_catalogue()
    precedents = catalogue.precedents
    wordings = sum(len(p.wordings) for p in precedents)
    print(f"version {catalogue.version}: {len(precedents)} precedents, {wordings} wordings")
    for title, counts in (
        ("verdict", Counter(p.verdict.value for p in precedents)),
        ("cause", Counter(p.cause.value for p in precedents)),
        ("component", Counter(p.component for p in precedents)),
    ):
        print(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
