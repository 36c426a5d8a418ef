"""Releases that were refused: a decision that is a failure as well, and how that reads."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from knowledge.failures import Cause, Failure, Verdict

RELEASE = "release"
REFUSED = "release_refused"


class Comparison(StrEnum):
    """How what was observed stands to the threshold. Figures are compared as they are: 0.85 is not below 0.85."""

    BELOW = "below"
    ABOVE = "above"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


READ_AS = {
    Comparison.BELOW: "is below",
    Comparison.ABOVE: "is above",
    Comparison.EQUAL: "equals",
    Comparison.NOT_EQUAL: "differs from",
    Comparison.AT_LEAST: "is at least",
    Comparison.AT_MOST: "is at most",
}


TESTS: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.BELOW: operator.lt,
    Comparison.ABOVE: operator.gt,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
    Comparison.AT_LEAST: operator.ge,
    Comparison.AT_MOST: operator.le,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """What a decision was made of: `precision@90recall` was 0.83, which is below 0.85."""

    metric: str
    observed: float
    comparison: Comparison
    threshold: float

    @property
    def holds(self) -> bool:
        """Whether its own figures say so: 0.93 is not below 0.85, whoever says it."""
        return TESTS[self.comparison](self.observed, self.threshold)


def is_refused(kind: str, *, choice: Mapping[str, Any], reasons: Sequence[Reason]) -> bool:
    """Whether a decision is a release that was refused with reasons, one of which holds at least."""
    return any(each.holds for each in reasons) and (
        kind == REFUSED or (kind == RELEASE and choice.get("released") is False)
    )


def failure_of(reasons: Sequence[Reason], *, pipeline: str, step: str | None, run_id: str) -> Failure:
    """The refused release as a failure, by the reasons that hold; the same for other figures of the same metrics, in
    whatever order."""
    held = sorted((each for each in reasons if each.holds), key=lambda each: (each.metric, each.comparison))
    told = [f"{each.metric} {_said(each)}" for each in held]
    return Failure(
        text=f"Release refused: {'; '.join(told)}",
        pipeline=pipeline,
        step=step,
        run_id=run_id,
        verdict=Verdict.GENUINE,
        cause=Cause.MODEL_QUALITY,
    )


def _said(reason: Reason) -> str:
    return f"{reason.observed:.6g} {READ_AS[reason.comparison]} {reason.threshold:.6g}"
