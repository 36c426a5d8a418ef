"""How retries fared, by how long was waited and at which attempt: the counts that outcomes leave behind.

The buckets and the keys of runs are those of the store (`retry_cell` in the migration 0005, `run_key` in 0013); tests
hold both together.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.failures import Cause

#: Where one bucket of waits ends and the next begins, in seconds: each about four times the one before.
WAIT_BOUNDS_S = (15.0, 60.0, 240.0, 900.0, 3600.0)
#: Attempts are told apart from the second (the first retry) to the fifth, which stands for all later ones.
FIRST_RETRY, LAST_APART = 2, 5


@dataclass(frozen=True, slots=True)
class Fared:
    """Retries after a wait of one bucket (None: nobody said how long) at one attempt; counts may be shares."""

    wait: int | None
    attempt: int
    succeeded: float
    failed: float


@dataclass(frozen=True, slots=True)
class FailedRetry:
    """A retry that failed lately: of which run and step, and after how many seconds (None: nobody said)."""

    run_key: str
    attempt: int | None
    waited_s: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RetryHistory:
    """All that outcomes say about retrying after a precedent, and after each cause in the workspace that asks."""

    fared: tuple[Fared, ...] = ()
    lately_failed: tuple[FailedRetry, ...] = ()
    by_cause: Mapping[Cause, tuple[Fared, ...]] = field(default_factory=dict)


def wait_bucket(waited_s: float) -> int:
    """The number of the bucket, from 0; a bound belongs to the bucket that it begins."""
    return bisect_right(WAIT_BOUNDS_S, waited_s)


def attempt_apart(attempt: int) -> int:
    """The attempt as it is counted."""
    return min(max(attempt, FIRST_RETRY), LAST_APART)


def run_key(run_id: str, *, pipeline: str | None, step: str | None) -> str:
    """What stands for a step of a run in `FailedRetry`: 32 hexadecimal digits, as the store makes them.

    A run is known by its pipeline and its id: schedulers name runs by date, and so each pipeline has one of that name.
    """
    return hashlib.sha256(f"{pipeline or ''}\x1f{run_id}\x1f{step or ''}".encode()).hexdigest()[:32]


def summed(fared: Iterable[tuple[Fared, float]]) -> tuple[Fared, ...]:
    """Counts with weights, added up by bucket and attempt."""
    totals: dict[tuple[int | None, int], tuple[float, float]] = {}
    for each, weight in fared:
        succeeded, failed = totals.get((each.wait, each.attempt), (0.0, 0.0))
        totals[each.wait, each.attempt] = (succeeded + weight * each.succeeded, failed + weight * each.failed)
    return tuple(Fared(*cell, *counts) for cell, counts in totals.items())


def totals(fared: Iterable[tuple[int, Fared]]) -> list[tuple[int, dict[str, int]]]:
    """Passed and failed retries for each key, in the order of keys."""
    found: dict[int, dict[str, int]] = {}
    for key, each in fared:
        counts = found.setdefault(key, {"succeeded": 0, "failed": 0})
        counts["succeeded"] += round(each.succeeded)
        counts["failed"] += round(each.failed)
    return sorted(found.items())


def fared_of(cells: Mapping[str, Sequence[int]] | None) -> tuple[Fared, ...]:
    """The store's `{"bucket/attempt": [succeeded, failed]}`, where the bucket `-` stands for none."""
    return tuple(_fared(cell, counts) for cell, counts in (cells or {}).items())


def _fared(cell: str, counts: Sequence[int]) -> Fared:
    wait, _, attempt = cell.partition("/")
    return Fared(None if wait == "-" else int(wait), int(attempt), *counts)
