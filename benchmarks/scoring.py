"""Answers scored against the labels of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.protocol import Row
from knowledge.failures import DecisionAction, Verdict

#: Neighbours among which the group is looked for.
FEW = 5
BINS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """One neighbour of an answer. `group` is None where it belongs to none (a starter precedent)."""

    group: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one row; `shown` is best first. Without a decision of its own, an answer is `default`."""

    row: Row
    shown: tuple[Shown, ...]
    verdict: Verdict
    confidence: float = 0.5
    decision: DecisionAction = DecisionAction.DEFAULT

    @property
    def answered(self) -> bool:
        """Whether it commits itself."""
        return self.verdict is not Verdict.UNKNOWN

    @property
    def right(self) -> bool:
        """Whether the verdict is the label."""
        return self.verdict is self.row.label


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Shares of rows whose group is the first shown, among the first five, and the mean reciprocal rank."""

    at_1: float
    in_5: float
    mrr: float


@dataclass(frozen=True, slots=True)
class Scores:
    """All figures of one kind, as shares of rows.

    `verdict` is right answers among the answered, `verdict_of_all` among all; `nearest` is the same of the first
    shown alone; those, `coverage` and `calibration_error` leave ambiguous rows aside. `wrong_fail` is among transient
    rows, `told_fail` among genuine ones. `abstained` is among ambiguous rows, where abstaining is right.
    """

    rows: int
    retrieval: Retrieval
    own_retrieval: Retrieval
    verdict: float
    verdict_of_all: float
    coverage: float
    nearest: float
    wrong_fail: float
    told_fail: float
    calibration_error: float
    abstained: float


def score(answers: Sequence[Answer]) -> Scores:
    """Every figure; a share of nothing is 0."""
    clear = [answer for answer in answers if not answer.row.ambiguous]
    answered = [answer for answer in clear if answer.answered]
    return Scores(
        rows=len(answers),
        retrieval=_retrieval([[shown.group for shown in answer.shown] for answer in answers], answers),
        own_retrieval=_retrieval(
            [[shown.group for shown in answer.shown if shown.group is not None] for answer in answers], answers
        ),
        verdict=_share(answer.right for answer in answered),
        verdict_of_all=_share(answer.right for answer in clear),
        coverage=_share(answer.answered for answer in clear),
        nearest=_share(bool(answer.shown) and answer.shown[0].verdict is answer.row.label for answer in clear),
        wrong_fail=_told_fail(answers, label=Verdict.TRANSIENT),
        told_fail=_told_fail(answers, label=Verdict.GENUINE),
        calibration_error=calibration_error([(answer.confidence, answer.right) for answer in answered]),
        abstained=_share(not answer.answered for answer in answers if answer.row.ambiguous),
    )


def calibration_error(judged: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error: over ten bins of confidence, |share right - mean confidence|, weighed by size.

    Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in judged:
        bins[min(BINS - 1, int(confidence * BINS))].append((confidence, right))
    gaps = (abs(sum(right - confidence for confidence, right in found)) for found in bins)
    return sum(gaps) / len(judged) if judged else 0.0


def _retrieval(groups: Sequence[Sequence[str | None]], answers: Sequence[Answer]) -> Retrieval:
    ranks = [
        list(shown).index(answer.row.group) + 1 if answer.row.group in shown else None
        for shown, answer in zip(groups, answers, strict=True)
    ]
    return Retrieval(
        at_1=_share(rank == 1 for rank in ranks),
        in_5=_share(rank is not None and rank <= FEW for rank in ranks),
        mrr=sum(1 / rank for rank in ranks if rank) / len(ranks) if ranks else 0.0,
    )


def _told_fail(answers: Sequence[Answer], *, label: Verdict) -> float:
    return _share(answer.decision is DecisionAction.FAIL for answer in answers if answer.row.label is label)


def _share(facts: Iterable[bool]) -> float:
    counted = list(facts)
    return sum(counted) / len(counted) if counted else 0.0
