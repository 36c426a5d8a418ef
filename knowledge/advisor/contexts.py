"""A precedent that turned out both ways is judged by where it happens now: attempt, environment, step, what differs.

Its incidents whose end is known are counted for each part of the present context that some of them share and others
do not. The part that moves the belief most is heard, drawn towards the precedent as a whole (empirical Bayes: Gelman
et al., Bayesian Data Analysis, chapter 5), so that a single incident does not turn it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowledge.advisor.advice import Ending, InContext, Neighbour
from knowledge.advisor.verdict import OUTCOME
from knowledge.failures import Failure, Verdict
from knowledge.store.records import EndingRecord

#: The precedent as a whole weighs as much as so many incidents of the same context. Our choice: two that agree with
#: one another and with none of the others are heard, one is not.
STRENGTH = 2.0
#: Least number of endings, as people's statements, in a part of the context.
LEAST = 1.5
#: Parts of an environment that are looked at, and the longest value that can be compared.
MOST_PARTS, LONGEST_VALUE = 64, 200
#: The first attempt, the first retry, and all later ones.
LAST_ATTEMPT_APART = 3
#: Names of parts; those of an environment begin so.
WORDING, ENVIRONMENT = "wording", "environment "


def ending_of(record: EndingRecord) -> Ending | None:
    """How an incident turned out: as a person said, else as its retries did; None where neither tells."""
    stated = record.verdict is not None and record.verdict is not Verdict.UNKNOWN
    if not stated and not record.succeeded and not record.failed:
        return None
    transient = record.verdict is Verdict.TRANSIENT if stated else record.succeeded > 0
    context = describe(
        attempt=record.attempt,
        step=record.step,
        pipeline=record.pipeline,
        environment=record.environment,
        fingerprint=record.fingerprint,
    )
    return Ending(transient, 1.0 if stated else OUTCOME, context)


def context_of(failure: Failure, *, fingerprint: str) -> dict[str, str]:
    """The parts of a failure's context by name, as text."""
    return describe(
        attempt=failure.attempt,
        step=failure.step,
        pipeline=failure.pipeline,
        environment=failure.environment,
        fingerprint=fingerprint,
    )


def describe(
    *,
    attempt: int | None,
    step: str | None,
    pipeline: str | None,
    environment: Mapping[str, Any],
    fingerprint: str,
) -> dict[str, str]:
    """The parts of a context by name; what nobody said is left out. The fingerprint stands for the wording."""
    said = {"attempt": None if attempt is None else _attempt(attempt), "step": step, "pipeline": pipeline}
    parts = {name: value for name, value in said.items() if value is not None}
    for name, value in sorted(environment.items())[:MOST_PARTS]:
        text = str(value)
        if isinstance(value, str | int | float | bool) and len(text) <= LONGEST_VALUE:
            parts[f"{ENVIRONMENT}{name}"] = text
    return {**parts, WORDING: fingerprint}


def with_endings(neighbour: Neighbour, records: Sequence[EndingRecord]) -> Neighbour:
    """The neighbour, with how its incidents turned out (latest first). The attempts of one step of one run ended as the
    last of them did: they had one trouble."""
    last = {
        (each.pipeline, each.run_id or number, each.step): each for number, each in reversed(list(enumerate(records)))
    }
    endings = tuple(ending for each in last.values() if (ending := ending_of(each)) is not None)
    return replace(neighbour, endings=endings)


def in_context(neighbours: Sequence[Neighbour], *, context: Mapping[str, str]) -> list[Neighbour]:
    """The neighbours, those that turned out both ways with what they say of this context."""
    return [replace(each, in_context=heard(each.endings, context=context)) for each in neighbours]


def heard(endings: Sequence[Ending], *, context: Mapping[str, str]) -> InContext | None:
    """What the endings say of this context; None where no part of it tells them apart."""
    whole = _Counts.of(endings)
    if not whole.mixed:
        return None
    overall = (whole.transient + 0.5) / (whole.total + 1.0)
    best: InContext | None = None
    for name, value in context.items():
        here = _Counts.of([each for each in endings if each.context.get(name) == value])
        if here.total < LEAST or here.total == whole.total:
            continue
        found = InContext(
            part=name,
            value=value,
            transient=here.transient + STRENGTH * overall,
            genuine=here.genuine + STRENGTH * (1 - overall),
            seen_transient=here.transient_count,
            seen=here.count,
        )
        if best is None or _moved(found, overall) > _moved(best, overall):
            best = found
    return best


@dataclass(frozen=True, slots=True)
class _Counts:
    transient: float
    total: float
    transient_count: int
    count: int

    @classmethod
    def of(cls, endings: Sequence[Ending]) -> _Counts:
        passing = [each for each in endings if each.transient]
        return cls(
            transient=sum(each.weight for each in passing),
            total=sum(each.weight for each in endings),
            transient_count=len(passing),
            count=len(endings),
        )

    @property
    def genuine(self) -> float:
        return self.total - self.transient

    @property
    def mixed(self) -> bool:
        return 0 < self.transient_count < self.count


def _moved(found: InContext, overall: float) -> float:
    """How far the belief moves, in log odds."""
    return abs(math.log(found.transient / found.genuine) - math.log(overall / (1 - overall)))


def _attempt(attempt: int) -> str:
    return str(attempt) if attempt < LAST_ATTEMPT_APART else f"{LAST_ATTEMPT_APART} or later"
