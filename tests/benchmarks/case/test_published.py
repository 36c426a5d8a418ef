"""What the stated inputs can produce at all."""

from __future__ import annotations

import pytest

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.published import (
    BASELINE_GPU_HOURS,
    PAGES_LESS,
    REACHED_FAILED,
    REACHED_GPU_HOURS,
    bounds,
    findings,
)

STATED = bounds(Assumptions())


def test_genuine_failures_bound_the_share_that_fails() -> None:
    """36 % of 31 % are genuine: more than the published 8.4 % of all."""
    assert 0.31 * 0.36 == pytest.approx(STATED.first_genuine)
    assert STATED.failed_share > STATED.first_genuine > REACHED_FAILED


def test_nobody_saves_more_than_is_lost() -> None:
    """Each deployment costs 480 GPU-hours; what restarting loses on top is less than the published saving."""
    assert STATED.gpu_hours_less < 1 - REACHED_GPU_HOURS / BASELINE_GPU_HOURS
    assert BASELINE_GPU_HOURS * (1 - STATED.gpu_hours_less) == pytest.approx(STATED.deployments * 480)
    assert STATED.deployments > STATED.deployments_reached == 65


def test_fewer_pages_can_be() -> None:
    """By a little."""
    assert PAGES_LESS < STATED.pages_less < PAGES_LESS + 0.05


@pytest.mark.parametrize(
    ("fit", "all_runs"), [(STATED.fit_all, True), (STATED.fit_hit, False)], ids=["all", "after a failure"]
)
def test_the_hours_fit(fit: tuple[float, float], all_runs: bool) -> None:
    """Put back in, they give 72 and 38 hours."""
    run, page = fit
    found, hit = Assumptions(), 1.0 if all_runs else 0.31
    lost = found.restarts * found.lost_by_restart / 480 / hit
    genuine = STATED.failed_share / (1 - STATED.failed_share) / hit

    assert 72 == pytest.approx(run * (1 + lost) + page * found.restarts / hit)
    assert 38 == pytest.approx(run + page * genuine)


def test_findings_tell_the_figures() -> None:
    """One for each published figure."""
    said = findings(Assumptions())

    assert 4 == len(said)
    assert "11.2%" in said[0]
    assert "17.4%" in said[1]
    assert "70.3%" in said[3]
