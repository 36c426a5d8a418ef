"""The overview of a workspace: what failed, what was told, what that saved, and what nobody has resolved yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from knowledge.answering import Clock
from knowledge.counting import AN_HOUR, FEW, Counting, Counts, midnight
from knowledge.documents import Document
from knowledge.state.documents import moment
from knowledge.store import overview as stored
from knowledge.store.database import Database
from knowledge.store.overview import Known
from knowledge.workspaces import Workspaces

MOST_SHOWN = 10


class Over(StrEnum):
    """How much time an overview looks back over."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"

    @property
    def days(self) -> int:
        """Today and the days before it; of a day, the 24 hours until now."""
        return {"day": 1, "week": 7, "month": 30, "quarter": 91}[self.value]


@dataclass(frozen=True, slots=True)
class Bar:
    """Failures by verdict from `since` on, until the next bar."""

    since: datetime
    failures: Mapping[str, int]


class Overview:
    """Counts for people. Built once, by the composition root; raises only `knowledge.errors`."""

    def __init__(self, database: Database, *, workspaces: Workspaces, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._workspaces = workspaces
        self._clock = clock
        self._counting = Counting(database, clock=clock)

    async def of(self, workspace: str, over: Over) -> Document:
        """What happened over that time, by now.

        `counted_at`: when the oldest of the counts was made; None where all are of now. Figures are of the failures
        that occurred in that time, and of the outcomes that were told in it.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        days, bars, counted_at = await self._counted(workspace_id, over)
        ranked = _ranked(days.values())
        async with self._database.connection() as connection:
            known = await stored.precedents(connection, list(ranked)[: 3 * MOST_SHOWN])
        return {
            "over": over.value,
            "since": moment(bars[0].since),
            "until": moment(self._clock()),
            "counted_at": moment(counted_at),
            "bars": [{"since": moment(bar.since), "failures": dict(bar.failures)} for bar in bars],
            **_sums(days.values()),
            "unresolved": [_of_known(known[id], *ranked[id]) for id in ranked if id in known][:MOST_SHOWN],
        }

    async def count_ahead(self) -> int:
        """Count days that are over of large workspaces before anybody looks at them; how many workspaces."""
        return await self._counting.ahead(number=Over.QUARTER.days)

    async def close(self) -> None:
        """Stop counting beside the answers."""
        await self._counting.close()

    async def _counted(self, workspace_id: int, over: Over) -> tuple[Counts, list[Bar], datetime | None]:
        """By day, as bars (by hour of a day), and when the oldest of the counts was made."""
        if over is Over.DAY:
            fresh = await self._counting.last_day(workspace_id)
            hours = [fresh.since + number * AN_HOUR for number in range(24)]
            bars = [Bar(hour, fresh.hours.get(hour, {})) for hour in hours]
            return fresh.counts, bars, fresh.at if fresh.failures > FEW else None
        days, counted_at = await self._counting.days(workspace_id, number=over.days)
        return days, [Bar(midnight(day), counts["failures"]) for day, counts in sorted(days.items())], counted_at


def _sums(days: Iterable[Mapping[str, Any]]) -> Document:
    """All days in one; of retries by what was advised, of what was spared by how."""
    total = stored.nothing()
    failures, told = Counter[str](), Counter[str]()
    for counts in days:
        failures.update(counts["failures"])
        told.update(counts["told"])
        for decision, ended in counts["retries"].items():
            sums = total["retries"].setdefault(decision, {"succeeded": 0, "failed": 0})
            sums.update({result: sums[result] + number for result, number in ended.items()})
        for how, spared in counts["spared"].items():
            sums = total["spared"][how]
            sums.update({name: sums[name] + number for name, number in spared.items()})
    return {"failures": dict(failures), "told": dict(told), "retries": total["retries"], "spared": total["spared"]}


def _ranked(days: Iterable[Mapping[str, Any]]) -> dict[UUID, tuple[int, int]]:
    """Runs and failures by precedent, the most runs first. A run that a precedent hit on two days counts on both."""
    sums: dict[str, tuple[int, int]] = {}
    for counts in days:
        for id, runs, failures in counts["unresolved"]:
            before = sums.get(id, (0, 0))
            sums[id] = (before[0] + runs, before[1] + failures)
    ranked = sorted(sums, key=lambda id: (*sums[id], id), reverse=True)
    return {UUID(id): sums[id] for id in ranked}


def _of_known(known: Known, runs: int, failures: int) -> Document:
    return {
        "precedent_id": str(known.id),
        "title": known.title,
        "template": known.template,
        "verdict": known.verdict.value,
        "cause": known.cause.value if known.cause else None,
        "last_seen": moment(known.last_seen),
        "runs": runs,
        "failures": failures,
    }
