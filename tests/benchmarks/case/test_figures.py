"""Figures of a world, and what several say together."""

from __future__ import annotations

import pytest

from benchmarks.case.figures import Estimate, change, estimate, figures
from benchmarks.case.learning import MET, NEW, learned
from benchmarks.case.seen_before import Told
from benchmarks.case.simulation import Story
from benchmarks.case.tables import reaches
from benchmarks.case.world import Retraining, World
from knowledge.failures import DecisionAction, Verdict
from tests.benchmarks.case.making import PLAIN, transient

HIT = Story(0.0, deployed_h=60.0, gpu_hours=900.0, attempts=3, pages=2, transient=3, genuine=1, stopped=1, retried=1)
SMOOTH = Story(0.0, deployed_h=30.0, gpu_hours=480.0, attempts=1)


def test_figures_of_a_world() -> None:
    """By the month; a run is begun when due or by a person, and fails when it is left to one."""
    hit, smooth = (Retraining(name, "model", 0.0, first) for name, first in (("a", ((5.0, transient()),)), ("b", ())))
    found = figures(World(PLAIN, months=2.0, retrainings=(hit, smooth)), [HIT, SMOOTH])

    assert (0.5, 690.0, 1.0, 2.0) == (found.failed_share, found.gpu_hours, found.pages, found.attempts)
    assert (45.0, 60.0) == (found.hours, found.hours_hit)
    assert (1 / 3, 1.0) == (found.stopped, found.retried)


def test_an_interval_is_students() -> None:
    """Three worlds: the mean and 4.303 standard errors; a single one has none."""
    half = 4.302653 / 3**0.5

    assert (2.0, pytest.approx(2 - half), pytest.approx(2 + half)) == (
        (found := estimate([1.0, 2.0, 3.0])).mean,
        found.low,
        found.high,
    )
    assert Estimate(5.0, None, None) == estimate([5.0])


def test_changes_are_taken_world_by_world() -> None:
    """Half as much in each, however different the worlds are."""
    world = World(PLAIN, months=1.0, retrainings=(Retraining("a", "model", 0.0, ()),))
    some = [figures(world, [Story(0.0, deployed_h=h, gpu_hours=2 * h)]) for h in (10.0, 40.0)]
    double = [figures(world, [Story(0.0, deployed_h=2 * h, gpu_hours=4 * h)]) for h in (10.0, 40.0)]

    assert Estimate(-0.5, -0.5, -0.5) == change(some, against=double, name="gpu_hours")


@pytest.mark.parametrize(
    ("low", "mean", "said"), [(-0.4, -0.3, "yes"), (-0.4, -0.2, "perhaps"), (-0.22, -0.2, "no"), (None, -0.2, "no")]
)
def test_what_counts_as_reached(low: float | None, mean: float, said: str) -> None:
    """A reduction by a quarter: by the mean, by the interval only, or not."""
    assert said == reaches(Estimate(mean, low, None), less=0.25)


def test_what_was_said_by_month_and_kind() -> None:
    """Shares of what struck in a month of 730.5 hours, and of kinds that were new or not."""
    said = [
        Told(10.0, True, False, Verdict.TRANSIENT, DecisionAction.RETRY),
        Told(20.0, True, False, Verdict.UNKNOWN, DecisionAction.DEFAULT),
        Told(800.0, False, True, Verdict.TRANSIENT, DecisionAction.RETRY),
    ]
    found = {each.of: each for each in learned([said[:1], said[1:]])}
    first, second = found["month 1"], found["month 2"]

    assert ["month 1", "month 2", NEW, MET] == list(found)
    assert (2, 0.5, 1.0, 0.5) == (first.failures, first.answered, first.right, first.decisions["transient: default"])
    assert (1, 1.0, 0.0, 1.0) == (second.failures, second.answered, second.right, second.decisions["genuine: retry"])
    assert (2, 1) == (found[NEW].failures, found[MET].failures)
