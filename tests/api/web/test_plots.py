"""Plots: bars over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.web.plots import LEAST_BARS, WIDTH, over_time
from knowledge.occurrences import MOST_TIMES, Stretch

START, MINUTE = datetime(2026, 11, 20, 8, tzinfo=UTC), timedelta(minutes=1)


def test_a_single_stretch_is_no_block() -> None:
    """It stands at the end of the time before it, in which nothing happened."""
    plot = over_time([Stretch(START, MINUTE, 3)])
    assert plot is not None
    (bar,) = plot.bars

    assert bar.width <= WIDTH / LEAST_BARS
    assert bar.x + bar.width > WIDTH - WIDTH / LEAST_BARS
    assert ("2026-11-20 07:49", "2026-11-20 08:01") == (plot.first, plot.last)
    assert [("2026-11-20 08:00", 3)] == list(plot.rows)


@pytest.mark.parametrize("number", [1, LEAST_BARS])
def test_nothing_is_claimed_of_time_that_is_not_known(number: int) -> None:
    """Where only the latest occurrences were read, or the bars fill the plot, it begins with the first."""
    stretches = [Stretch(START + place * MINUTE, MINUTE, MOST_TIMES) for place in range(number)]
    plot = over_time(stretches)

    assert plot is not None
    assert "2026-11-20 08:00" == plot.first
    assert number == len(plot.bars)
