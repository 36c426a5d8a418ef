"""Scores of answers made by hand."""

from __future__ import annotations

import pytest

from benchmarks.protocol import Row
from benchmarks.scoring import Answer, Retrieval, Shown, calibration_error, score
from knowledge.failures import Action, Cause, DecisionAction, Verdict

TRANSIENT, GENUINE, UNKNOWN = Verdict.TRANSIENT, Verdict.GENUINE, Verdict.UNKNOWN
STARTER = Shown(None, GENUINE)


def answer(
    shown: list[Shown],
    *,
    label: Verdict = TRANSIENT,
    verdict: Verdict = TRANSIENT,
    confidence: float = 0.9,
    decision: DecisionAction = DecisionAction.DEFAULT,
    ambiguous: bool = False,
) -> Answer:
    """An answer to a row of group `a`."""
    row = Row("r1", "text", "a", label, Cause.NETWORK, Action.RETRY_NOW, "resolution", ambiguous)
    return Answer(row, tuple(shown), verdict, confidence, decision)


def near(group: str) -> Shown:
    """A neighbour of that group."""
    return Shown(group, TRANSIENT)


def test_retrieval_counts_starters_as_they_stand() -> None:
    """A starter precedent in front takes the first place; the variant without them gives it back."""
    found = score([answer([STARTER, near("a")]), answer([near("a")])])

    assert Retrieval(at_1=0.5, in_5=1.0, mrr=0.75) == found.retrieval
    assert Retrieval(at_1=1.0, in_5=1.0, mrr=1.0) == found.own_retrieval


def test_retrieval_beyond_five_and_not_at_all() -> None:
    """The sixth counts for the reciprocal rank only; an absent group counts nowhere."""
    sixth = answer([*(near(name) for name in "bcdef"), near("a")])
    found = score([sixth, answer([near("b")]), answer([])])

    assert (0.0, 0.0) == (found.retrieval.at_1, found.retrieval.in_5)
    assert pytest.approx(1 / 18) == found.retrieval.mrr


def test_unknown_is_left_aside_or_counted_as_wrong() -> None:
    """Both shares are given, and the coverage between them."""
    found = score([answer([]), answer([], verdict=GENUINE), answer([], verdict=UNKNOWN), answer([])])

    assert pytest.approx(2 / 3) == found.verdict
    assert (0.5, 0.75) == (found.verdict_of_all, found.coverage)


def test_ambiguous_rows_count_for_retrieval_only() -> None:
    """No verdict is right for them; leaving them open is counted apart."""
    unsure = [answer([near("a")], ambiguous=True, verdict=each) for each in (UNKNOWN, GENUINE)]
    found = score([*unsure, answer([near("b")])])

    assert (1.0, 1.0, 0.5) == (found.verdict, found.coverage, found.abstained)
    assert pytest.approx(2 / 3) == found.retrieval.at_1


def test_wrong_fail_is_a_share_of_transient_rows() -> None:
    """Ambiguous ones as well: whoever was told to stop, stopped."""
    told = DecisionAction.FAIL
    found = score(
        [
            answer([], label=TRANSIENT, verdict=GENUINE, decision=told, ambiguous=True),
            answer([], label=TRANSIENT),
            answer([], label=GENUINE, verdict=GENUINE, decision=told),
            answer([], label=GENUINE, verdict=GENUINE),
        ]
    )

    assert (0.5, 0.5) == (found.wrong_fail, found.told_fail)


def test_nearest_judges_alone() -> None:
    """The first shown, whatever was answered."""
    found = score([answer([STARTER]), answer([near("b")], verdict=GENUINE), answer([])])

    assert pytest.approx(1 / 3) == found.nearest


def test_honest_confidence_has_no_error() -> None:
    """Nine right of ten at 0.9; and one wrong at full confidence is off by all of it."""
    honest = [(0.9, number < 9) for number in range(10)]

    assert pytest.approx(0.0, abs=1e-9) == calibration_error(honest)
    assert calibration_error([(1.0, False)]) == 1.0
    assert calibration_error([]) == 0.0


def test_bins_are_weighed_by_their_size() -> None:
    """Errors of two bins do not cancel."""
    judged = [(0.55, True)] * 3 + [(0.95, False)]

    assert pytest.approx((3 * 0.45 + 0.95) / 4) == calibration_error(judged)


def test_no_answers_score_nothing() -> None:
    """An empty list divides by nothing."""
    assert score([]).rows == 0
