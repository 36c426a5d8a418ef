"""Counts of days, for those who look: of days that are over kept in PostgreSQL, of today made anew.

What takes long is counted again beside the answer, so that nobody waits for it: a day that is over, of which something
comes to be known (a correction, a late import, how a retry ended), and a day that has very many failures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from knowledge.answering import Clock
from knowledge.errors import KnowledgeError
from knowledge.store import overview as stored
from knowledge.store.database import Database
from knowledge.store.overview import Span

log = logging.getLogger(__name__)

Counts = dict[date, dict[str, Any]]
A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
#: Days of one transaction: those of a quarter of a large workspace take seconds.
COUNTED_AT_ONCE = 7
#: Incidents of a quarter from which on it is counted before anybody looks.
LARGE = 10_000
#: So many failures are counted in 50 ms: where there are more, they are not counted for each who looks.
FEW = 2_000
#: What was counted is counted again after so long at the earliest, and after so many times what that took the last
#: time: it takes at most 5 % of one connection.
AGAIN_S, AGAIN_TIMES = 5.0, 20.0
#: What was counted longer ago than this is no count of today. Longer than the service waits between two `ahead`: where
#: very much failed, nobody waits for it.
LONGEST_S = 900.0


@dataclass(frozen=True, slots=True)
class Fresh:
    """Counts from `since` on, by now, and failures by verdict by hour where they were asked for.

    Times of the monotonic clock: `good_until` it is not counted again, `latest` it is not shown any more.
    """

    since: datetime
    counts: Counts
    hours: Mapping[datetime, Mapping[str, int]]
    at: datetime
    good_until: float
    latest: float

    @property
    def failures(self) -> int:
        """How many were counted."""
        return sum(sum(day["failures"].values()) for day in self.counts.values())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be counted anew: a day that it is still, or the last 24 hours."""

    workspace_id: int
    span: Span
    by_hour: bool

    @property
    def key(self) -> tuple[int, str]:
        """What a count of it is kept under."""
        return self.workspace_id, "last day" if self.by_hour else "today"

    def is_told_by(self, known: Fresh) -> bool:
        """A count of yesterday tells nothing of today; one of 24 hours until lately is near enough for a while."""
        return self.by_hour or known.since == self.span.since


class Counting:
    """Counts of workspaces, by their ids."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._fresh: dict[tuple[int, str], Fresh] = {}
        self._again: dict[tuple[int, date], float] = {}
        self._beside: dict[object, asyncio.Task[object]] = {}

    async def last_day(self, workspace_id: int) -> Fresh:
        """The 24 hours until now, the hour that it is with them; counted a moment ago, maybe until the hour before."""
        return await self._counted_now(self._last_day(workspace_id))

    async def days(self, workspace_id: int, *, number: int) -> tuple[Counts, datetime | None]:
        """So many days until today, and when the oldest of these counts was made; None where that was now."""
        today = self._clock().date()
        first = today - (number - 1) * A_DAY
        over = dates(first, today)
        kept, counted_at = await self._kept(workspace_id, over)
        fresh = await self._counted_now(_today(workspace_id, today))
        if fresh.failures > FEW:
            counted_at = min(fresh.at, counted_at or fresh.at)
        return kept | {today: fresh.counts.get(today, stored.nothing())}, counted_at

    async def ahead(self, *, number: int) -> int:
        """Count what takes long before anybody looks at it; of how many workspaces.

        Days that are over of large workspaces, once; the last hours of busy ones, each time.
        """
        now = self._clock()
        today = now.date()
        first = today - (number - 1) * A_DAY
        async with self._database.connection() as connection:
            large = await stored.to_count(connection, since=first, until=today, least=LARGE)
            busy = await stored.busy(connection, since=now - A_DAY, more_than=FEW)
        for workspace_id in large:
            await self._kept(workspace_id, dates(first, today))
        for workspace_id in busy:
            await self._count_now(self._last_day(workspace_id))
            await self._count_now(_today(workspace_id, today))
        return len({*large, *busy})

    async def close(self) -> None:
        """Stop counting beside the answers."""
        tasks = list(self._beside.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _kept(self, workspace_id: int, days: Sequence[date]) -> tuple[Counts, datetime | None]:
        """Days that are over: those that were counted, which are counted again beside; the others are counted now."""
        if not days:
            return {}, None
        async with self._database.connection() as connection:
            found = await stored.stored(connection, workspace_id=workspace_id, since=days[0], until=days[-1] + A_DAY)
        counts = {each.day: dict(each.counts) for each in found}
        counts |= await self._count_and_keep(workspace_id, [day for day in days if day not in counts])
        key = (workspace_id, days[0])
        if found and time.monotonic() >= self._again.get(key, 0.0):
            self._do_beside(key, lambda: self._again_in_full(key, days))
        return counts, min((each.counted_at for each in found), default=None)

    async def _again_in_full(self, key: tuple[int, date], days: Sequence[date]) -> None:
        began = time.monotonic()
        try:
            await self._count_and_keep(key[0], days)
        finally:
            self._again[key] = _again_at(took=time.monotonic() - began)

    async def _count_and_keep(self, workspace_id: int, days: Sequence[date]) -> Counts:
        counts: Counts = {}
        for start in range(0, len(days), COUNTED_AT_ONCE):
            some = days[start : start + COUNTED_AT_ONCE]
            at = self._clock()
            async with self._database.connection() as connection, connection.transaction():
                found = await stored.count(connection, whole(some), workspace_id=workspace_id)
                counted = {day: found.get(day, stored.nothing()) for day in some}
                await stored.store(connection, counted, workspace_id=workspace_id, at=at)
            counts |= counted
        return counts

    def _last_day(self, workspace_id: int) -> _Wanted:
        since = self._clock().replace(minute=0, second=0, microsecond=0) - 23 * AN_HOUR
        return _Wanted(workspace_id, Span(since, since + A_DAY), by_hour=True)

    async def _counted_now(self, wanted: _Wanted) -> Fresh:
        """Few are counted each time; of many, what was counted a moment ago."""
        known, now = self._fresh.get(wanted.key), time.monotonic()
        if known is None or not wanted.is_told_by(known) or known.failures <= FEW or now > known.latest:
            return await self._count_now(wanted)
        if now > known.good_until:
            self._do_beside(wanted.key, lambda: self._count_now(wanted))
        return known

    async def _count_now(self, wanted: _Wanted) -> Fresh:
        began, at = time.monotonic(), self._clock()
        id, span = wanted.workspace_id, wanted.span
        async with self._database.connection() as connection, connection.transaction():
            counts = await stored.count(connection, span, workspace_id=id)
            hours = await stored.by_hour(connection, span, workspace_id=id) if wanted.by_hour else {}
        good_until = _again_at(took=time.monotonic() - began)
        fresh = Fresh(span.since, counts, hours, at, good_until, latest=max(good_until, began + LONGEST_S))
        self._fresh[wanted.key] = fresh
        return fresh

    def _do_beside(self, key: object, work: Callable[[], Awaitable[object]]) -> None:
        """Unless it is under way already."""
        if key in self._beside:
            return
        task = asyncio.create_task(_quietly(work))
        self._beside[key] = task
        task.add_done_callback(lambda _: self._beside.pop(key, None))


async def _quietly(work: Callable[[], Awaitable[object]]) -> None:
    """The next who looks has it done again."""
    try:
        await work()
    except KnowledgeError as error:
        log.warning("counting for the overview failed: %s", type(error).__name__)


def _today(workspace_id: int, today: date) -> _Wanted:
    return _Wanted(workspace_id, whole([today]), by_hour=False)


def _again_at(*, took: float) -> float:
    return time.monotonic() + max(AGAIN_S, AGAIN_TIMES * took)


def dates(first: date, end: date) -> list[date]:
    """From the first on, without the end."""
    return [first + number * A_DAY for number in range((end - first).days)]


def midnight(day: date) -> datetime:
    """When a day begins (UTC)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def whole(days: Sequence[date]) -> Span:
    """From the first day's begin to the last day's end."""
    return Span(midnight(min(days)), midnight(max(days) + A_DAY))
