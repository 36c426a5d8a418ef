"""Plots as SVG, drawn by the server: places and lengths only, colours and texts are the page's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.occurrences import MOST_TIMES, Stretch

#: The picture's own units; it is stretched to the page's width.
WIDTH, HEIGHT = 600, 120
_GAP = 0.15
#: A plot has room for so many bars at least: a single one, as wide as the page, would say nothing of time.
LEAST_BARS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in the picture's units, and what it stands for in words."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class TimePlot:
    """Bars over time. `rows` are the same as a table: from when on, and how many."""

    bars: Sequence[Bar]
    most: int
    total: int
    first: str
    last: str
    each: str
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Share:
    """Two parts of a bar of a hundred units, one after the other."""

    label: str
    passed: int
    failed: int
    passed_width: float
    failed_width: float


def over_time(stretches: Sequence[Stretch]) -> TimePlot | None:
    """A bar for each stretch of time, the highest as high as the picture; None where nothing happened."""
    if not stretches:
        return None
    drawn, width = _with_room(stretches), stretches[0].width
    most, step = max(each.number for each in stretches), WIDTH / len(drawn)
    bars = [
        _bar(place * step, step, each.number / most, label=f"{_moment(each.since, width)}: {each.number}")
        for place, each in enumerate(drawn)
        if each.number
    ]
    return TimePlot(
        bars=bars,
        most=most,
        total=sum(each.number for each in stretches),
        first=_moment(drawn[0].since, width),
        last=_end_of(stretches[-1]),
        each=_width(width),
        rows=[(_moment(each.since, width), each.number) for each in stretches],
    )


def _end_of(last: Stretch) -> str:
    """The day that is the last of it, or the time at which it ends."""
    end = last.since + last.width
    return _moment(end - timedelta.resolution if last.width >= timedelta(days=1) else end, last.width)


def _with_room(stretches: Sequence[Stretch]) -> list[Stretch]:
    """With the time before the first, in which nothing happened, where they are few and all are known."""
    missing = LEAST_BARS - len(stretches)
    if sum(each.number for each in stretches) >= MOST_TIMES or missing <= 0:
        return list(stretches)
    first, width = stretches[0].since, stretches[0].width
    return [*(Stretch(first - width * back, width, 0) for back in range(missing, 0, -1)), *stretches]


def shares(counts: Sequence[tuple[str, int, int]]) -> list[Share]:
    """Passed and failed of each, the longest bar as long as the picture."""
    most = max((passed + failed for _, passed, failed in counts), default=0) or 1
    return [
        Share(label, passed, failed, round(100 * passed / most, 2), round(100 * failed / most, 2))
        for label, passed, failed in counts
    ]


def _bar(left: float, step: float, share: float, *, label: str) -> Bar:
    height = max(2.0, share * HEIGHT)
    gap = step * _GAP
    return Bar(round(left + gap / 2, 2), round(HEIGHT - height, 2), round(step - gap, 2), round(height, 2), label)


def _moment(at: datetime, width: timedelta) -> str:
    return f"{at:%Y-%m-%d}" if width >= timedelta(days=1) else f"{at:%Y-%m-%d %H:%M}"


def _width(width: timedelta) -> str:
    minutes = round(width.total_seconds() / 60)
    for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = minutes // size
            return unit if number == 1 else f"{number} {unit}s"
    return "minute"
