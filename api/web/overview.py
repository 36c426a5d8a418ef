"""An overview as its page shows it: bars, shares and points, with places worked out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knowledge.documents import Document

#: From the ground up.
VERDICTS = ("genuine", "told genuine", "unknown", "told transient", "transient")
DECISIONS: Mapping[str, str] = {
    "retry": "retry",
    "fail": "fail",
    "default": "default",
    "unasked": "not asked, only recorded",
}
#: Pixels of the tallest bar.
HEIGHT = 160.0
#: Sides of the square that reliability is drawn in, and the room for its labels.
SIDE, ROOM = 100.0, 14.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: `at` and `size` in pixels from the top, or percent from the left."""

    name: str
    number: int
    at: float
    size: float


@dataclass(frozen=True, slots=True)
class ShownBar:
    """A bar at `at` percent, `width` percent wide; `label` says which time it is."""

    at: float
    width: float
    label: str
    parts: Sequence[Part]
    total: int
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Point:
    """Answers of about one confidence: where they are drawn, how large, and their figures."""

    x: float
    y: float
    radius: float
    bin: Document


def bars_of(overview: Document) -> list[ShownBar]:
    """The bars over time, the tallest as high as the plot."""
    bars = overview["bars"]
    most = max((sum(each["failures"].values()) for each in bars), default=0) or 1
    width = 100 / max(1, len(bars))
    by_hour = overview["over"] == "day"
    return [
        ShownBar(
            at=number * width + 0.1 * width,
            width=0.8 * width,
            label=_label(each["since"], by_hour=by_hour),
            parts=_stacked(each["failures"], most=most),
            total=sum(each["failures"].values()),
            failures=each["failures"],
        )
        for number, each in enumerate(bars)
    ]


def shares_of(told: Mapping[str, int]) -> list[Part]:
    """What was told, as parts of a whole, in percent."""
    total, found, at = sum(told.values()) or 1, list[Part](), 0.0
    for name in DECISIONS:
        size = 100 * told.get(name, 0) / total
        found.append(Part(name, told.get(name, 0), at, size))
        at += size
    return found


def points_of(calibration: Document) -> list[Point]:
    """The reliability diagram: confidence to the right, share that was right upwards."""
    known = [each for each in calibration["reliability"] if each["count"]]
    most = max((each["count"] for each in known), default=1)
    return [
        Point(
            x=ROOM + SIDE * each["confidence"],
            y=SIDE * (1 - each["right"]) + ROOM / 2,
            radius=1.5 + 3.0 * math.sqrt(each["count"] / most),
            bin=each,
        )
        for each in known
    ]


def spared_in_all(overview: Document) -> dict[str, Any]:
    """Retries and hours that were saved, whichever way."""
    ways = overview["spared"].values()
    return {name: sum(each[name] for each in ways) for name in ("failures", "retries", "hours")}


def _stacked(failures: Mapping[str, int], *, most: int) -> list[Part]:
    found, top = list[Part](), HEIGHT
    for name in VERDICTS:
        number = failures.get(name, 0)
        size = HEIGHT * number / most
        top -= size
        found.append(Part(name, number, top, size))
    return found


def _label(since: str, *, by_hour: bool) -> str:
    moment = datetime.fromisoformat(since)
    return f"{moment:%H:%M}" if by_hour else f"{moment:%a} {moment.day} {moment:%b}"
