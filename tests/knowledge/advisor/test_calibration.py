"""Confidence held against what came out, and what is learned from it."""

from __future__ import annotations

import math
import random

import pytest

from knowledge.advisor.calibration import (
    FAIL_FLOOR,
    FAIL_GRID,
    NEVER,
    PASSES,
    SHIPPED_FAIL_FROM,
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
from tests.knowledge.advisor.making import NOW, neighbour


def chance(odds: float) -> float:
    """The chance that these log odds are of."""
    return 1 / (1 + math.exp(-odds))


def judged(odds: float, *, said: bool | None = None, passed: bool | None = None, near: bool = True) -> Judged:
    """An advice as the shipped constants give it."""
    sure = chance(abs(odds))
    verdict = Verdict.UNKNOWN if sure < 0.7 else Verdict.TRANSIENT if odds > 0 else Verdict.GENUINE
    stop = verdict is Verdict.GENUINE and sure >= 0.97 and near
    return Judged(
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
    """Twice too sure and leaning to transient: by people's words, and through the error of outcomes as well."""
    found = fit(workspace(20_000, slope=0.5, intercept=-0.8, outcomes=outcomes))

    assert found is not None
    assert pytest.approx((0.5, -0.8), abs=0.1) == (found.calibration.slope, found.calibration.intercept)


def test_fit_of_honest_confidence_changes_next_to_nothing() -> None:
    """What is right stays."""
    found = fit(workspace(5_000, slope=1.0, intercept=0.0))

    assert found is not None
    assert pytest.approx((1.0, 0.0), abs=0.1) == (found.calibration.slope, found.calibration.intercept)


def test_few_outcomes_move_little() -> None:
    """Sixty ends of retries say less than sixty words of people."""
    said = fit(workspace(60, slope=0.4, intercept=0.0))
    measured = fit(workspace(60, slope=0.4, intercept=0.0, outcomes=True))

    assert said is not None and measured is not None
    assert said.calibration.slope < measured.calibration.slope < 1.1


def test_fit_stays_within_bounds() -> None:
    """Even where everything was wrong one stated verdict goes on counting."""
    found = fit([judged(odds, said=odds < 0) for odds in (-4.0, 4.0) for _ in range(100)])

    assert found is not None
    assert 0.4 == found.calibration.slope


@pytest.mark.parametrize(("transient", "genuine"), [(39, 10), (41, 9), (9, 60), (50, 0), (0, 0)])
def test_too_little_is_not_learned_from(transient: int, genuine: int) -> None:
    """Fifty, and ten of each."""
    rows = [judged(2.0, said=True)] * transient + [judged(-2.0, said=False)] * genuine

    assert (False, None) == (enough(rows), fit(rows))


def test_enough() -> None:
    """Just so many; by outcomes they count as well."""
    assert enough([judged(2.0, said=True)] * 40 + [judged(-2.0, passed=False)] * 10)


def test_shipped_thresholds() -> None:
    """A bound between those measured takes the one below it; below all of them nothing is known to keep it."""
    least, most = min(SHIPPED_FAIL_FROM), max(SHIPPED_FAIL_FROM)

    assert SHIPPED_FAIL_FROM[0.02] == shipped_fail_from(0.02)
    assert (SHIPPED_FAIL_FROM[most], NEVER) == (shipped_fail_from(0.5), shipped_fail_from(least / 2))
    assert sorted(SHIPPED_FAIL_FROM.values(), reverse=True) == [
        SHIPPED_FAIL_FROM[at] for at in sorted(SHIPPED_FAIL_FROM)
    ]


def learned(*wrongly: float, transient: int = 200) -> Fit:
    """A workspace with so many transient failures, some of them with so much confidence in genuine."""
    at = [math.log(confidence / (1 - confidence)) for confidence in wrongly]
    rows = [judged(-odds, said=True) for odds in at]
    rows += [judged(3.0, said=True)] * (transient - len(rows)) + [judged(-3.0, said=False)] * 200
    found = fit(rows)
    assert found is not None
    return Fit(found.calibration, found.judged, found.wrong_fails)


def test_threshold_follows_from_the_measured_curve() -> None:
    """Four are allowed of 200 with the one that is counted more; the fifth marks the threshold."""
    found = learned(*[0.95] * 5)
    threshold = fail_from(found, bound=0.02)
    wrong = dict(zip(FAIL_GRID, found.wrong_fails, strict=True))

    assert wrong[threshold] <= 0.02 < wrong[max(each for each in FAIL_GRID if each < threshold)]
    assert pytest.approx(6 / 201) == found.wrong_fails[0]


def test_wider_bound_tells_more_to_stop() -> None:
    """And no bound goes below the floor."""
    found = learned(*[0.95] * 5)

    assert fail_from(found, bound=0.02) > fail_from(found, bound=0.05)
    assert FAIL_FLOOR == fail_from(found, bound=0.05)


def test_too_few_transient_failures_show_nothing() -> None:
    """None of 40 told wrongly is no proof of one in fifty: the shipped threshold stays."""
    assert shipped_fail_from(0.02) == fail_from(learned(transient=40), bound=0.02)
    assert FAIL_FLOOR == fail_from(learned(transient=40), bound=0.05)
    assert shipped_fail_from(0.02) == fail_from(None, bound=0.02)


def test_what_is_not_near_is_never_told_to_stop() -> None:
    """And does not count as told wrongly, however sure."""
    rows = (
        [judged(-5.0, said=True, near=False)] * 20 + [judged(3.0, said=True)] * 180 + [judged(-3.0, said=False)] * 200
    )
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
