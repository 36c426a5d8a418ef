"""Incidents looked at afterwards: what was recorded on one, its run and its storm; and many, as a list shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.failures import Cause, DecisionAction, Verdict
from knowledge.store.database import Connection
from knowledge.store.rows import fetch_all, fetch_one

#: What an incident has for an external id that a person asked about on the page.
ASKED_HERE = "page:"
#: Incidents that are looked at in one go where no index knows what is asked for. Reproduce:
#: `python -m benchmarks.pages`.
MOST_LOOKED_AT = 5_000
#: Entries of an incident's history.
MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody recorded on an incident.

    `said` is an outcome's result, or a proposal's state; `waited_s` is in seconds. What is `in_storm` tells of the
    outage, and nothing of the precedent.
    """

    id: UUID
    at: datetime
    kind: str
    who: str | None
    said: str
    summary: str | None
    action: str | None
    verdict: str | None
    cause: str | None
    attempt: int | None
    waited_s: float | None
    in_storm: bool
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class StormNow:
    """A storm as it is now. `has_canary`: a run is to try for all. `last_at`: its latest failure."""

    id: UUID
    state: str
    since: datetime
    ends_at: datetime
    runs: int
    incidents: int
    next_try_at: datetime
    has_canary: bool
    going_on: bool
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """How the run of an incident is."""

    status: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents a list shows; `since` inclusive. `advised` and `decision` are what was last told.

    `asked_here`: by a person on the page, or by all others.
    """

    precedent_id: UUID | None = None
    pipeline: str | None = None
    run_id: str | None = None
    verdict: Verdict | None = None
    advised: Verdict | None = None
    decision: DecisionAction | None = None
    asked_here: bool | None = None
    since: datetime | None = None

    @property
    def is_indexed(self) -> bool:
        """Whether the indexes alone find them."""
        return self.advised is None and self.decision is None and self.asked_here is None


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident in a list: what it is, what was told, and what became of it as far as anybody said.

    `verdict` is what was stated of it, else what is known of its precedent; `advised` is what was told of it.
    """

    id: UUID
    occurred_at: datetime
    precedent_id: UUID
    pipeline: str | None
    step: str | None
    run_id: str | None
    attempt: int | None
    storm_id: UUID | None
    verdict: Verdict
    cause: Cause | None
    template: str
    asked_here: bool
    advised: Verdict | None
    decision: str | None
    outcome: str | None
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list, `next` where it goes on. So many incidents were looked at for it."""

    incidents: Sequence[Listed]
    next: tuple[datetime, UUID] | None
    looked_at: int


async def after(connection: Connection, *, workspace_id: int, incident_id: UUID) -> list[Entry]:
    """What was recorded on an incident, newest first."""
    values: dict[str, Any] = {"workspace_id": workspace_id, "incident_id": incident_id, "limit": MOST_ENTRIES}
    return [Entry(**row) for row in await fetch_all(connection, "incident_log.after", **values)]


async def run(connection: Connection, *, workspace_id: int, run_id: str, pipeline: str | None) -> Run | None:
    """The run that an incident names, where pipeline memory knows it."""
    row = await fetch_one(connection, "incident_log.run", workspace_id=workspace_id, run_id=run_id, pipeline=pipeline)
    return Run(**row) if row else None


async def storm(
    connection: Connection, *, workspace_id: int, precedent_id: UUID, storm_id: UUID | None, now: datetime
) -> StormNow | None:
    """The storm of a precedent that goes on, else that of the incident, if any."""
    row = await fetch_one(
        connection,
        "incident_log.storm",
        workspace_id=workspace_id,
        precedent_id=precedent_id,
        storm_id=storm_id,
        now=now,
    )
    return StormNow(**row) if row else None


async def page(
    connection: Connection, wanted: Wanted, *, workspace_id: int, after: tuple[datetime, UUID] | None, limit: int
) -> ListPage:
    """Incidents, newest first, of those that are looked at in one go; `after` is the `next` of the page before."""
    most = limit + 1 if wanted.is_indexed else MOST_LOOKED_AT
    rows = await fetch_all(
        connection,
        "incident_log.page",
        prepare=False,
        workspace_id=workspace_id,
        precedent_id=wanted.precedent_id,
        pipeline=wanted.pipeline,
        run_id=wanted.run_id,
        verdict=wanted.verdict,
        advised=wanted.advised,
        decision=wanted.decision,
        asked_as=ASKED_HERE,
        asked_here=wanted.asked_here,
        since=wanted.since,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        most=most,
        limit=limit + 1,
    )
    looked_at, last = rows[0]["looked_at"], (rows[0]["last_time"], rows[0]["last_id"])
    found = [_listed(row) for row in rows if row["id"] is not None]
    if len(found) > limit:
        return ListPage(found[:limit], (found[limit - 1].occurred_at, found[limit - 1].id), looked_at)
    return ListPage(found, last if looked_at == most else None, looked_at)


def _listed(row: dict[str, Any]) -> Listed:
    named: dict[str, Any] = {name: row[name] for name in Listed.__dataclass_fields__}
    told: dict[str, Any] = {
        "verdict": Verdict(row["verdict"]),
        "cause": Cause(row["cause"]) if row["cause"] else None,
        "advised": Verdict(row["advised"]) if row["advised"] else None,
    }
    return Listed(**named | told)
