"""How far back a list goes: one choice for all of them."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Within(StrEnum):
    """How long ago something was, at most; from the shortest on."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    @property
    def span(self) -> timedelta:
        """As a time; a month has thirty days."""
        return _SPANS[self]


_SPANS = {
    Within.HOUR: timedelta(hours=1),
    Within.DAY: timedelta(days=1),
    Within.WEEK: timedelta(days=7),
    Within.MONTH: timedelta(days=30),
    Within.YEAR: timedelta(days=365),
}
