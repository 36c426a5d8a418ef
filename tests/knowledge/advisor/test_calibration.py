"""Confidence held against what came out, and what is learned from it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import count
from uuid import UUID

import pytest

from knowledge.advisor.calibration import (
    AS_SHIPPED,
    FAIL_GRID,
    INTERCEPTS,
    NEVER,
    PASSES,
    SHIPPED_FAIL_FROM,
    SLOPES,
    Calibration,
    Fit,
    Judged,
    enough,
    fail_from,
    fit,
    measure,
    shipped_fail_from,
)
from knowledge.advisor.retrying import FALSE_PASS
from knowledge.advisor.verdict import VerdictSettings, judge
from knowledge.failures import DecisionAction, Verdict
from tests.knowledge.advisor.making import NOW, neighbour, numbered

NUMBERS: Iterator[int] = count(1)


def chance(odds: float) -> float:
    """The chance that these log odds are of."""
    return 1 / (1 + math.exp(-odds))


def judged(
    odds: float,
    *,
    said: bool | None = None,
    passed: bool | None = None,
    near: bool = True,
    precedent: UUID | None = None,
) -> Judged:
    """An advice as the shipped constants give it, about a precedent of its own."""
    sure = chance(abs(odds))
    verdict = Verdict.UNKNOWN if sure < 0.7 else Verdict.TRANSIENT if odds > 0 else Verdict.GENUINE
    stop = verdict is Verdict.GENUINE and sure >= 0.97 and near
    return Judged(
        precedent=precedent or numbered(next(NUMBERS)),
        odds=odds,
        verdict=verdict,
        confidence=sure if verdict is not Verdict.UNKNOWN else 0.5,
        decision=DecisionAction.FAIL if stop else DecisionAction.DEFAULT,
        near=near,
        said=None if said is None else Verdict.TRANSIENT if said else Verdict.GENUINE,
        passed=passed,
    )


def workspace(number: int, *, slope: float, intercept: float, outcomes: bool = False) -> list[Judged]:
    """Advice in a workspace where odds mean something else; its truth by people or by the ends of retries."""
    dice = random.Random(7)
    made = []
    for _ in range(number):
        odds = dice.gauss(0, 2.5)
        transient = dice.random() < chance(slope * odds + intercept)
        if outcomes:
            made.append(judged(odds, passed=dice.random() < (PASSES if transient else FALSE_PASS)))
        else:
            made.append(judged(odds, said=transient))
    return made


@pytest.mark.parametrize("outcomes", [False, True])
def test_fit_finds_what_odds_mean(outcomes: bool) -> None:
    """Too sure and leaning to transient: by people's words, and through the error of outcomes as well."""
    found = fit(workspace(20_000, slope=0.75, intercept=-0.6, outcomes=outcomes))

    assert found is not None
    assert pytest.approx((0.75, -0.6), abs=0.1) == (found.calibration.slope, found.calibration.intercept)


def test_fit_of_honest_confidence_changes_next_to_nothing() -> None:
    """What is right stays."""
    found = fit(workspace(5_000, slope=1.0, intercept=0.0))

    assert found is not None
    assert pytest.approx((1.0, 0.0), abs=0.1) == (found.calibration.slope, found.calibration.intercept)


def test_few_outcomes_move_little() -> None:
    """Sixty ends of retries say less than sixty words of people."""
    said = fit(workspace(60, slope=1.6, intercept=0.0))
    measured = fit(workspace(60, slope=1.6, intercept=0.0, outcomes=True))

    assert said is not None and measured is not None
    assert 0.9 < measured.calibration.slope < 1.1 < said.calibration.slope


def test_fit_stays_within_bounds() -> None:
    """Even where everything was wrong."""
    found = fit([judged(odds, said=odds < 0) for odds in (-4.0, 4.0) for _ in range(100)])

    assert found is not None
    assert SLOPES[0] == found.calibration.slope


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("intercept", INTERCEPTS)
@pytest.mark.parametrize("verdict", [Verdict.TRANSIENT, Verdict.GENUINE])
def test_one_stated_verdict_goes_on_counting(slope: float, intercept: float, verdict: Verdict) -> None:
    """At the bounds as well: the same failure again is answered."""
    said = neighbour(similarity=1.0, verdict=verdict.value, **{f"stated_{verdict.value}": 1})
    found = judge([said], settings=VerdictSettings(), now=NOW, calibration=Calibration(slope, intercept))

    assert verdict is found.verdict


@pytest.mark.parametrize(("transient", "genuine"), [(39, 10), (41, 9), (9, 60), (50, 0), (0, 0)])
def test_too_little_is_not_learned_from(transient: int, genuine: int) -> None:
    """Fifty, and ten of each."""
    rows = [judged(2.0, said=True) for _ in range(transient)] + [judged(-2.0, said=False) for _ in range(genuine)]

    assert (False, None) == (enough(rows), fit(rows))


def test_enough() -> None:
    """Just so many; by outcomes they count as well."""
    rows = [judged(2.0, said=True) for _ in range(40)] + [judged(-2.0, passed=False) for _ in range(10)]

    assert enough(rows)


def test_copies_are_not_enough() -> None:
    """Ten of each are of ten precedents."""
    one = numbered(next(NUMBERS))
    copies = [judged(-2.0, said=False, precedent=one) for _ in range(40)]
    rows = [judged(2.0, said=True) for _ in range(40)] + [judged(-2.0, said=False) for _ in range(8)]

    assert (False, True) == (enough(rows + copies), enough([*rows, *copies, judged(-2.0, said=False)]))


def test_shipped_thresholds() -> None:
    """A bound between those measured takes the one below it; below all of them nothing is known to keep it."""
    least, most = min(SHIPPED_FAIL_FROM), max(SHIPPED_FAIL_FROM)

    assert SHIPPED_FAIL_FROM[0.02] == shipped_fail_from(0.02)
    assert (SHIPPED_FAIL_FROM[most], NEVER) == (shipped_fail_from(0.5), shipped_fail_from(least / 2))
    assert sorted(SHIPPED_FAIL_FROM.values(), reverse=True) == [
        SHIPPED_FAIL_FROM[at] for at in sorted(SHIPPED_FAIL_FROM)
    ]


def learned(curve: Callable[[float], float], *, calibration: Calibration = AS_SHIPPED) -> Fit:
    """A workspace of which so large a share of transient failures would be told to stop, by the threshold."""
    return Fit(calibration, 400, tuple(curve(threshold) for threshold in FAIL_GRID))


def test_curve_counts_one_more_than_seen() -> None:
    """Five of 200 are told wrongly at the lowest threshold, and nobody where nobody is told."""
    rows = [judged(-3.0, said=True) for _ in range(5)] + [judged(3.0, said=True) for _ in range(195)]
    found = fit(rows + [judged(-3.0, said=False) for _ in range(200)])

    assert found is not None
    assert pytest.approx((6 / 201, 1 / 201)) == (found.wrong_fails[0], found.wrong_fails[-1])


@pytest.mark.parametrize("at", [0.9975, 0.9999, NEVER])
def test_measured_curve_raises_the_threshold(at: float) -> None:
    """To where it keeps the bound."""
    found = learned(lambda threshold: 0.03 if threshold < at else 0.01)

    assert at == fail_from(found, bound=0.02)
    assert shipped_fail_from(0.05) == fail_from(found, bound=0.05)


@pytest.mark.parametrize("share", [0.0, 0.03])
def test_measured_curve_never_lowers_the_threshold(share: float) -> None:
    """None told wrongly is none seen: who is told to stop does not retry. A curve that cannot tell says nothing."""
    assert shipped_fail_from(0.02) == fail_from(learned(lambda _: share), bound=0.02)
    assert shipped_fail_from(0.02) == fail_from(None, bound=0.02)


@pytest.mark.parametrize("calibration", [Calibration(2.0, -0.75), Calibration(1.0, -0.5), Calibration(2.0, 0.75)])
def test_nobody_is_told_to_stop_who_would_not_be_as_shipped(calibration: Calibration) -> None:
    """Where the workspace learned to be surer the threshold is of the same odds, and so higher."""
    shipped = shipped_fail_from(0.02)
    odds = math.log((1 - shipped) / shipped)
    found = fail_from(learned(lambda _: 0.0, calibration=calibration), bound=0.02)

    assert shipped < found < 1
    assert pytest.approx(1 - found, abs=1e-6) == chance(calibration.of(odds))


def test_threshold_of_a_bound_that_was_not_measured() -> None:
    """Whatever the curve shows."""
    assert NEVER == fail_from(learned(lambda _: 0.0), bound=min(SHIPPED_FAIL_FROM) / 2)


def test_what_is_not_near_is_never_told_to_stop() -> None:
    """And does not count as told wrongly, however sure."""
    rows = [judged(-5.0, said=True, near=False) for _ in range(20)]
    rows += [judged(3.0, said=True) for _ in range(180)] + [judged(-3.0, said=False) for _ in range(200)]
    found = fit(rows)

    assert found is not None
    assert pytest.approx(1 / 201) == found.wrong_fails[0]


def test_measure_of_nothing() -> None:
    """Ten empty bins, and no figures."""
    found = measure([])

    assert (0, 0, 0, None, None, None) == (
        found.judged,
        found.by_people,
        found.answered,
        found.brier,
        found.calibration_error,
        found.wrong_fail,
    )
    assert [(0, None, None)] * 10 == [(each.count, each.confidence, each.right) for each in found.reliability]


def test_measure_by_hand() -> None:
    """Four answers at 0.9, three of them right; an abstention counts only as judged."""
    odds = math.log(9)
    rows = [judged(odds, said=each) for each in (True, True, True, False)] + [judged(0.1, said=True)]
    found = measure(rows)

    assert (5, 5, 4) == (found.judged, found.by_people, found.answered)
    assert (4, pytest.approx(0.9), 0.75) == (
        found.reliability[-1].count,
        found.reliability[-1].confidence,
        found.reliability[-1].right,
    )
    assert pytest.approx((3 * 0.01 + 0.81) / 4) == found.brier
    assert pytest.approx(0.15) == found.calibration_error
    assert 0.0 == found.wrong_fail


def test_wrong_fail_is_among_transient_failures() -> None:
    """One of four that turned out transient was told to stop; what was rightly stopped does not count."""
    rows = [judged(-5.0, said=True)] + [judged(3.0, said=True)] * 3 + [judged(-5.0, said=False)] * 6

    assert 0.25 == measure(rows).wrong_fail


def test_outcomes_are_measured_through_their_error() -> None:
    """Honest confidence looks honest, although every third transient failure fails again."""
    found = measure(workspace(20_000, slope=1.0, intercept=0.0, outcomes=True))
    exact = measure(workspace(20_000, slope=1.0, intercept=0.0))

    assert found.calibration_error is not None and found.calibration_error < 0.03
    assert found.brier is not None and pytest.approx(exact.brier, abs=0.02) == found.brier


def test_judgement_uses_the_calibration_and_keeps_the_odds() -> None:
    """Less sure by half, of the same odds."""
    near = [neighbour(verdict="transient", stated_transient=5)]
    plain = judge(near, settings=VerdictSettings(), now=NOW)
    bent = judge(near, settings=VerdictSettings(), now=NOW, calibration=Calibration(0.5, 0.1))

    assert plain.odds is not None and plain.odds == bent.odds
    assert pytest.approx(chance(0.5 * plain.odds + 0.1)) == bent.confidence
    assert bent.confidence < plain.confidence


def test_silence_has_no_odds() -> None:
    """Where nobody has a say there is nothing to calibrate."""
    assert judge([], settings=VerdictSettings(), now=NOW).odds is None
