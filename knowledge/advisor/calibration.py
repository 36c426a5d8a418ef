"""Confidence that means what it says: how advice is held against what came out, and what a workspace learns from it.

What came out is a person's word, or else how retries ended. The latter is a measurement with known error: a pass shows
`PASSES` of transient failures and `FALSE_PASS` of genuine ones. The share of transient among measured failures is then
the mean of `(passed - FALSE_PASS) / (PASSES - FALSE_PASS)` (Rogan and Gladen, "Estimating prevalence from the results
of a screening test", 1978): right on average, and for a single failure outside of 0 to 1.

The calibration is Platt's (1999): a slope and an intercept on the log odds, drawn by a ridge towards 1 and 0, which
leave them as they are. Outcomes enter through their error, by expectation and maximisation (Bootkrajang and Kabán,
"Label-noise robust logistic regression", 2012). Pure; odds are log odds of transient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from knowledge.advisor.retrying import FALSE_PASS
from knowledge.failures import DecisionAction, Verdict

Numbers = npt.NDArray[np.float64]

#: Share of transient failures whose retries end well. Reruns mislabel 16 to 50 % of jobs (FACTS: studies of flaky CI);
#: the middle, for it is the last of the retries that is looked at.
PASSES = 0.67
#: What a workspace's own calibration needs: two numbers are fitted, each side must be there to place the intercept, and
#: with 50 rows of which 9 in 10 are right the standard error of the slope is about 0.2, less than what shipping costs.
#: Of each side so many precedents: advice about one of them is much the same advice each time.
LEAST_JUDGED, LEAST_OF_EACH = 50, 10
#: What it learns from at most of one precedent, the latest: copies are no evidence.
MOST_OF_ONE = 5
#: The ridge: 1 / variance of slope and intercept before anything is known of a workspace (standard deviations 0.5, 1).
SLOPE_RIDGE, INTERCEPT_RIDGE = 4.0, 1.0
#: A workspace bends the shipped calibration and does not replace it: one stated verdict of the same fingerprint (log
#: odds 3.4) is still answered where both bounds are against it: 0.6 * 3.4 - 0.75 = 1.29, confidence 0.78.
SLOPES, INTERCEPTS = (0.6, 2.0), (-0.75, 0.75)
#: Odds beyond are all the same to the fit: a settled precedent says 15, and would decide the slope by itself.
MOST_ODDS = 8.0
ROUNDS, SETTLED_AT = 200, 1e-6
#: Newton's steps overshoot where all rows are saturated.
LONGEST_STEP = 0.25

#: Least confidence in genuine at which a caller is told to stop, by the bound on transient failures told so. Measured:
#: `python -m benchmarks.tune CORPUS` prints them ("Thresholds by bound", the column chosen on all rows).
SHIPPED_FAIL_FROM = {0.01: 0.99, 0.02: 0.985, 0.05: 0.915}
#: Nobody is this sure: callers are never told to stop.
NEVER = 1.01
FAIL_GRID = (*(step / 200 for step in range(160, 200)), 0.9975, 0.999, 0.9995, 0.9999, NEVER)
BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a workspace makes of log odds; as it stands here, nothing."""

    slope: float = 1.0
    intercept: float = 0.0

    def of(self, odds: float) -> float:
        """The log odds that are meant."""
        return self.slope * odds + self.intercept


AS_SHIPPED = Calibration()


@dataclass(frozen=True, slots=True)
class Judged:
    """One advice with what came out.

    `precedent`: what it was about. `odds` before calibration; `verdict`, `confidence` and `decision` as given; `near`:
    whether the nearest precedent was near enough to stop on. `said`: a person's word; without one, `passed`: how its
    retries ended.
    """

    precedent: UUID
    odds: float
    verdict: Verdict
    confidence: float
    decision: DecisionAction
    near: bool
    said: Verdict | None = None
    passed: bool | None = None

    @property
    def transient(self) -> float:
        """1 or 0 by a person's word; by outcomes an estimate that is right on average."""
        if self.said is not None:
            return float(self.said is Verdict.TRANSIENT)
        return (float(bool(self.passed)) - FALSE_PASS) / (PASSES - FALSE_PASS)

    @property
    def right(self) -> float:
        """The same of the verdict's being right."""
        return self.transient if self.verdict is Verdict.TRANSIENT else 1.0 - self.transient


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned from a workspace's own outcomes.

    `wrong_fails` is the measured curve: for each threshold of `FAIL_GRID` the share of transient failures that would
    be told to stop, one more than seen counted, because a threshold on the edge of these fails on the next ones.
    """

    calibration: Calibration
    judged: int
    wrong_fails: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence: from (included) to (left out, but for 1)."""

    from_confidence: float
    to_confidence: float
    count: int
    confidence: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """How answers fared that were given. Figures of nothing are None.

    `judged` counts advice of which the truth is known, `by_people` those of them by a person's word, `answered` those
    that committed themselves. `wrong_fail` is the share of transient failures that were told to stop.
    """

    judged: int
    by_people: int
    answered: int
    reliability: tuple[Bin, ...]
    brier: float | None
    calibration_error: float | None
    wrong_fail: float | None


def shipped_fail_from(bound: float) -> float:
    """The shipped threshold that keeps the bound: of those measured, that of the next lower one; `NEVER` without."""
    kept = [measured for measured in SHIPPED_FAIL_FROM if measured <= bound]
    return SHIPPED_FAIL_FROM[max(kept)] if kept else NEVER


def fail_from(fit: Fit | None, *, bound: float) -> float:
    """The threshold that keeps the bound: as shipped, or higher where what the workspace learned asks for it.

    Never lower, neither in confidence nor in the odds that it stands for. A run that is told to stop is not retried:
    wrong ones drop out of the truth that comes from outcomes, and what was learned of the others would lower the
    threshold further each time. So nobody is told to stop who would not be told so as shipped.
    """
    shipped = shipped_fail_from(bound)
    if fit is None or shipped >= NEVER:
        return shipped
    return max(shipped, _meant(fit.calibration, shipped), _kept_from(fit.wrong_fails, bound=bound))


def fit(judged: Sequence[Judged]) -> Fit | None:
    """The calibration that these ask for, and what it makes of thresholds; None when they are too few."""
    if not enough(judged):
        return None
    calibration = _fitted(judged)
    return Fit(calibration, len(judged), _wrong_fails(judged, calibration))


def enough(judged: Sequence[Judged]) -> bool:
    """Whether there are `LEAST_JUDGED`, and of `LEAST_OF_EACH` precedents on either side."""
    transient = {each.precedent for each in judged if each.transient > 0.5}
    genuine = {each.precedent for each in judged if each.transient <= 0.5}
    return len(judged) >= LEAST_JUDGED and min(len(transient), len(genuine)) >= LEAST_OF_EACH


def measure(judged: Sequence[Judged]) -> Measured:
    """How these fared, by the confidence that they were given with."""
    answered = [each for each in judged if each.verdict is not Verdict.UNKNOWN]
    bins = _bins(answered)
    return Measured(
        judged=len(judged),
        by_people=sum(each.said is not None for each in judged),
        answered=len(answered),
        reliability=bins,
        brier=_brier(answered) if answered else None,
        calibration_error=_calibration_error(bins) if answered else None,
        wrong_fail=_wrong_fail(judged),
    )


def _meant(calibration: Calibration, confidence: float) -> float:
    """What the calibration makes of so much confidence in genuine, to a millionth."""
    return round(1.0 / (1.0 + math.exp(calibration.of(math.log((1.0 - confidence) / confidence)))), 6)


def _kept_from(curve: Sequence[float], *, bound: float) -> float:
    """From where on a measured curve keeps the bound; 0 where it cannot tell."""
    if not curve or curve[-1] > bound:  # too few transient failures to show that so small a bound is kept
        return 0.0
    kept = NEVER
    for threshold, wrong in zip(reversed(FAIL_GRID), reversed(curve), strict=True):
        if wrong > bound:
            break
        kept = threshold
    return kept


def _fitted(judged: Sequence[Judged]) -> Calibration:
    """Newton's steps on the ridged logistic regression, its labels anew from what is believed after each."""
    odds = np.clip(np.array([each.odds for each in judged]), -MOST_ODDS, MOST_ODDS)
    passed = np.array([bool(each.passed) for each in judged])
    said = np.array([math.nan if each.said is None else each.transient for each in judged])
    columns = np.stack([odds, np.ones_like(odds)], axis=1)
    ridge, towards = np.diag([SLOPE_RIDGE, INTERCEPT_RIDGE]), np.array([1.0, 0.0])
    found = towards
    for _ in range(ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-columns @ found))
        labels = np.where(np.isnan(said), _believed(chance, passed), said)
        downhill = columns.T @ (labels - chance) - ridge @ (found - towards)
        curved = (columns * (chance * (1 - chance))[:, None]).T @ columns + ridge
        step = np.clip(np.linalg.solve(curved, downhill), -LONGEST_STEP, LONGEST_STEP)
        found = found + step
        if np.abs(step).max() < SETTLED_AT:
            break
    slope, intercept = float(np.clip(found[0], *SLOPES)), float(np.clip(found[1], *INTERCEPTS))
    return Calibration(round(slope, 4), round(intercept, 4))


def _believed(chance: Numbers, passed: npt.NDArray[np.bool_]) -> Numbers:
    """The chance of transient once the end of the retries is known (Bayes)."""
    if_transient = chance * np.where(passed, PASSES, 1 - PASSES)
    if_genuine = (1 - chance) * np.where(passed, FALSE_PASS, 1 - FALSE_PASS)
    return np.asarray(if_transient / (if_transient + if_genuine))


def _wrong_fails(judged: Sequence[Judged], calibration: Calibration) -> tuple[float, ...]:
    transient = max(0.0, sum(each.transient for each in judged))
    sure = [(1.0 / (1.0 + math.exp(calibration.of(each.odds))), each.transient) for each in judged if each.near]
    told = (max(0.0, sum(weight for genuine, weight in sure if genuine >= threshold)) for threshold in FAIL_GRID)
    return tuple(min(1.0, (each + 1) / (transient + 1)) for each in told)


def _bins(answered: Sequence[Judged]) -> tuple[Bin, ...]:
    found: list[list[Judged]] = [[] for _ in range(BINS)]
    for each in answered:
        found[min(BINS - 1, int(each.confidence * BINS))].append(each)
    return tuple(_bin(number, members) for number, members in enumerate(found))


def _bin(number: int, members: Sequence[Judged]) -> Bin:
    start, end = number / BINS, (number + 1) / BINS
    if not members:
        return Bin(start, end, 0, None, None)
    confidence = sum(each.confidence for each in members) / len(members)
    right = sum(each.right for each in members) / len(members)
    return Bin(start, end, len(members), confidence, min(1.0, max(0.0, right)))


def _brier(answered: Sequence[Judged]) -> float:
    """The mean of `(confidence - right)²`, which is straight in `right` where that is 1 or 0: estimates do."""
    total = sum(each.confidence**2 - 2 * each.confidence * each.right + each.right for each in answered)
    return min(1.0, max(0.0, total / len(answered)))


def _calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error (Guo et al., 2017): |share right - mean confidence| over bins, by their size."""
    gaps = sum(each.count * abs((each.right or 0.0) - (each.confidence or 0.0)) for each in bins)
    return gaps / sum(each.count for each in bins)


def _wrong_fail(judged: Sequence[Judged]) -> float | None:
    transient = sum(each.transient for each in judged)
    if transient <= 0:
        return None
    told = sum(each.transient for each in judged if each.decision is DecisionAction.FAIL)
    return min(1.0, max(0.0, told / transient))
