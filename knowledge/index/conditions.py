"""A filter as plain conditions, which each adapter says in its engine's own types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.index.port import IndexFilter

#: Payload fields that filters ask for and what kind of index each needs.
KEYWORD_FIELDS = ("verdict", "cause", "pipelines", "resolved")
INTEGER_FIELDS = ("workspace_id",)
FLOAT_FIELDS = ("last_seen",)


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field holds (or, being a list, contains) one of the values."""

    key: str
    values: Sequence[str] | Sequence[int]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The field is at least this number."""

    key: str
    value: float


Condition = OneOf | AtLeast


def conditions(wanted: IndexFilter) -> list[Condition]:
    """All of which must hold."""
    found: list[Condition] = [OneOf("workspace_id", wanted.workspaces)]
    words = {
        "verdict": wanted.verdict,
        "cause": wanted.cause,
        "pipelines": wanted.pipeline,
        "resolved": None if wanted.resolved is None else str(wanted.resolved).lower(),
    }
    found.extend(OneOf(key, [str(value)]) for key, value in words.items() if value is not None)
    if wanted.since is not None:
        found.append(AtLeast("last_seen", wanted.since))
    return found
