"""The clock of people, and how many retrainings the published GPU-hours pay for."""

from __future__ import annotations

import pytest

from benchmarks.case.assumptions import HOURS_A_WEEK, Assumptions

MONDAY, FRIDAY, SATURDAY = 0.0, 96.0, 120.0


@pytest.mark.parametrize(
    ("paged_h", "looked_h"),
    [
        (MONDAY + 10, MONDAY + 10.5),
        (MONDAY + 3, MONDAY + 9.5),
        (MONDAY + 17, MONDAY + 24 + 9.5),
        (FRIDAY + 16.9, FRIDAY + 17.4),
        (FRIDAY + 18, HOURS_A_WEEK + 9.5),
        (SATURDAY + 12, HOURS_A_WEEK + 9.5),
        (5 * HOURS_A_WEEK + SATURDAY, 6 * HOURS_A_WEEK + 9.5),
    ],
)
def test_who_is_paged_looks_in_working_hours(paged_h: float, looked_h: float) -> None:
    """Nights and week-ends wait for the morning; then it takes half an hour."""
    assert looked_h == pytest.approx(Assumptions().looked_at(paged_h))


def test_who_is_on_call_looks_at_once() -> None:
    """At any hour."""
    assert SATURDAY + 3.5 == Assumptions(on_call=True).looked_at(SATURDAY + 3)


def test_a_run_from_zero_fails_as_often_as_stated() -> None:
    """Where it fails is spread over its whole way, a little more to the front; half-way is close to the mean."""
    found = Assumptions()

    assert 0.31 == pytest.approx(1 - 2.718281828 ** (-found.hazard * found.run_gpu_hours))
    assert 225 == pytest.approx(found.lost_by_restart, abs=1)


def test_the_published_hours_pay_for_the_retrainings() -> None:
    """Restarting by hand: each deployment costs its run, and what its failures lost."""
    free = Assumptions(start_h=0.0)

    assert 47_000 == pytest.approx(free.deployments_a_month * (480 + 0.31 / 0.69 * free.lost_by_restart))
    assert free.deployments_a_month > Assumptions().deployments_a_month
