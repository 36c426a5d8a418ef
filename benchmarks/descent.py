"""Coordinate descent over short grids: one field at a time, the best value kept, until nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Values = Mapping[str, float]
T = TypeVar("T")

#: A field is changed only for a gain above this: equal figures keep the value that came first.
LEAST_GAIN = 1e-6


def descend(
    start: Values, *, grids: Mapping[str, Sequence[float]], worth: Callable[[Values], float], rounds: int
) -> dict[str, float]:
    """The values found; `worth` is to be as large as possible and is asked once for each combination."""
    known: dict[tuple[float, ...], float] = {}

    def asked(values: Values) -> float:
        key = tuple(values[name] for name in sorted(values))
        if key not in known:
            known[key] = worth(values)
        return known[key]

    best = dict(start)
    for _ in range(rounds):
        before = dict(best)
        for name, grid in grids.items():
            for value in grid:
                tried = best | {name: value}
                if asked(tried) > asked(best) + LEAST_GAIN:
                    best = tried
        if best == before:
            break
    return best
