"""Facets: by what precedents are narrowed, and how many of them each value would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from knowledge.failures import Cause, Verdict
from knowledge.within import Within

#: Values of a facet that are shown.
MOST_VALUES = 10


class Facet(StrEnum):
    """What can be chosen."""

    VERDICT = "verdict"
    CAUSE = "cause"
    PIPELINE = "pipeline"
    WITHIN = "within"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen of each facet; None: all of it."""

    verdict: Verdict | None = None
    cause: Cause | None = None
    pipeline: str | None = None
    within: Within | None = None
    resolved: bool | None = None

    def of(self, facet: Facet) -> object:
        """What was chosen of one."""
        value: object = getattr(self, facet.value)
        return value

    def without(self, facet: Facet) -> Chosen:
        """All else that was chosen."""
        return replace(self, **{facet.value: None})

    def since(self, now: datetime) -> datetime | None:
        """The time after which a precedent must have been seen."""
        return now - self.within.span if self.within else None


@dataclass(frozen=True, slots=True)
class Facts:
    """What facets ask of a precedent."""

    verdict: Verdict
    cause: Cause | None
    pipelines: tuple[str, ...]
    resolved: bool
    seen: datetime | None

    def values(self, facet: Facet, *, now: datetime) -> list[str]:
        """Its values, as they are chosen."""
        match facet:
            case Facet.VERDICT:
                return [self.verdict.value]
            case Facet.CAUSE:
                return [self.cause.value] if self.cause else []
            case Facet.PIPELINE:
                return list(self.pipelines)
            case Facet.RESOLVED:
                return [written(self.resolved)]
            case Facet.WITHIN:
                return [each.value for each in Within if self.seen is not None and self.seen >= now - each.span]


@dataclass(frozen=True, slots=True)
class Count:
    """A value of a facet, and of how many precedents."""

    value: str
    number: int
    chosen: bool


def written(value: object) -> str:
    """A value as the address has it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def counts(facet: Facet, among: Iterable[Facts], *, chosen: object, now: datetime) -> list[Count]:
    """How many each value would leave, the most first; times from the shortest. What is chosen is always there."""
    numbers = Counter(value for facts in among for value in facts.values(facet, now=now))
    picked = None if chosen is None else written(chosen)
    order = list(Within) if facet is Facet.WITHIN else [value for value, _ in numbers.most_common(MOST_VALUES)]
    shown = [str(value) for value in order if numbers[value]]
    if picked is not None and picked not in shown:
        shown.append(picked)
    return [Count(value, numbers[value], value == picked) for value in shown]
