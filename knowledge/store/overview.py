"""What an overview counts: read from what was recorded, and kept for days that are over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from knowledge.advisor.retrying import hours_of
from knowledge.failures import Cause, Verdict
from knowledge.store.database import Connection
from knowledge.store.rows import Row, execute, fetch_all, fetch_one, to_json

#: Precedents that are remembered of a day: enough that those which matter over a quarter are among them.
MOST_UNRESOLVED = 50
#: What nobody was told, where nobody asked.
UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Span:
    """A time, in days of UTC or in part of one; `until` is left out."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A precedent that somebody may want to resolve."""

    id: UUID
    title: str | None
    template: str
    verdict: Verdict
    cause: Cause | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What was counted of a day that is over."""

    day: date
    counts: Mapping[str, Any]
    counted_at: datetime


async def count(connection: Connection, span: Span, *, workspace_id: int) -> dict[date, dict[str, Any]]:
    """What happened, by day (UTC); days without anything are left out. Call it in a transaction.

    Of each day: `failures` by verdict (see `_kind`), `told` by decision (`unasked` where nobody asked), `retries`
    (`{decision: {result: n}}`), `spared` (`stopped` and `held`: see `_spare`) and `unresolved` (`[[precedent, runs,
    failures]]`).
    """
    asked = {"workspace_id": workspace_id, "since": span.since, "until": span.until}
    await fetch_one(connection, "overview.plainly")
    days: defaultdict[date, dict[str, Any]] = defaultdict(nothing)
    for row in await fetch_all(connection, "overview.told", prepare=False, **asked):
        _add_failures(days[row["day"]], row)
    for row in await fetch_all(connection, "overview.outcomes", prepare=False, **asked):
        ended = days[row["day"]]["retries"].setdefault(row["decision"] or UNASKED, {"succeeded": 0, "failed": 0})
        ended[row["result"]] += row["number"]
    for row in await fetch_all(connection, "overview.unresolved", prepare=False, most=MOST_UNRESOLVED, **asked):
        days[row["day"]]["unresolved"].append([str(row["precedent_id"]), row["runs"], row["failures"]])
    return dict(days)


async def by_hour(connection: Connection, span: Span, *, workspace_id: int) -> Mapping[datetime, Mapping[str, int]]:
    """Failures by verdict (see `_kind`), by hour (UTC)."""
    rows = await fetch_all(
        connection, "overview.by_hour", prepare=False, workspace_id=workspace_id, since=span.since, until=span.until
    )
    hours: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for row in rows:
        hours[row["at"]][_kind(row)] += row["number"]
    return hours


async def stored(connection: Connection, *, workspace_id: int, since: date, until: date) -> list[StoredDay]:
    """Days that were counted, of those from `since` on and before `until`."""
    rows = await fetch_all(connection, "overview.stored", workspace_id=workspace_id, since=since, until=until)
    return [StoredDay(**row) for row in rows]


async def store(
    connection: Connection, days: Mapping[date, Mapping[str, Any]], *, workspace_id: int, at: datetime
) -> None:
    """Keep what was counted of days at that time; what was counted later stays."""
    counts = to_json({day.isoformat(): counts for day, counts in days.items()})
    await execute(connection, "overview.store", workspace_id=workspace_id, counts=counts, at=at)


async def busy(connection: Connection, *, since: datetime, more_than: int) -> list[int]:
    """Workspaces with more incidents than that since then."""
    rows = await fetch_all(connection, "overview.busy", prepare=False, since=since, more_than=more_than)
    return [row["id"] for row in rows]


async def to_count(connection: Connection, *, since: date, until: date, least: int) -> list[int]:
    """Workspaces with at least so many incidents of which days were not counted."""
    rows = await fetch_all(connection, "overview.to_count", prepare=False, since=since, until=until, least=least)
    return [row["id"] for row in rows]


async def precedents(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Known]:
    """Those of them that nobody has said yet what fixes."""
    rows = await fetch_all(connection, "overview.precedents", ids=list(ids))
    named = ("id", "title", "template", "last_seen")
    return {
        row["id"]: Known(
            **{name: row[name] for name in named},
            verdict=Verdict(row["verdict"]),
            cause=Cause(row["cause"]) if row["cause"] else None,
        )
        for row in rows
    }


def nothing() -> dict[str, Any]:
    """The counts of a day on which nothing happened."""
    spared = {how: {"failures": 0, "retries": 0, "untold": 0, "hours": 0.0} for how in ("stopped", "held")}
    return {"failures": {}, "told": {}, "retries": {}, "spared": spared, "unresolved": []}


def _add_failures(counts: dict[str, Any], row: Row) -> None:
    told, number = row["decision"] or UNASKED, row["number"]
    counts["failures"][_kind(row)] = counts["failures"].get(_kind(row), 0) + number
    counts["told"][told] = counts["told"].get(told, 0) + number
    if row["how"] is not None:
        _spare(counts["spared"][row["how"]], row)


def _kind(row: Row) -> str:
    """The verdict; of what is not known `told transient` or `told genuine` where that was told."""
    if row["verdict"] != Verdict.UNKNOWN or row["advised"] in {None, Verdict.UNKNOWN}:
        return str(row["verdict"])
    return f"told {row['advised']}"


def _spare(spared: dict[str, Any], row: Row) -> None:
    """Retries that were not made, and what they would have cost: each what was spent until it failed, as `replay`
    counts it. `untold` failures do not say which run failed or how many attempts it had left, and count none.
    """
    number, retries = row["number"], row["retries"]
    spared["failures"] += number
    if retries is None:
        spared["untold"] += number
        return
    spared["retries"] += number * retries
    spared["hours"] += number * retries * hours_of(row["spent"] or {})
