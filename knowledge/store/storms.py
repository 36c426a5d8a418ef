"""Storms: looked at in one round trip, begun and changed only by who saw their latest state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from knowledge.advisor.storms import (
    LEAST_RUNS,
    PAST,
    QUIET,
    WINDOW,
    Asker,
    Canary,
    RetryTold,
    Sight,
    Storm,
    StormState,
    Usual,
)
from knowledge.errors import NotFound
from knowledge.store.database import Connection
from knowledge.store.rows import Row, fetch_all, fetch_one

#: So often all of the past is counted; in between what is new is added. What is reported late waits for that.
COUNTED_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StormRow:
    """A storm with the first wording of its precedent."""

    storm: Storm
    template: str


async def sight(
    connection: Connection, *, workspace_id: int, precedent_id: UUID, asker: Asker, now: datetime
) -> Sight | None:
    """What there is of a storm; None when the asker's external id was answered before."""
    row = await fetch_one(
        connection,
        "storms.sight",
        workspace_id=workspace_id,
        precedent_id=precedent_id,
        incident_id=asker.incident_id,
        external_id=asker.external_id,
        pipeline=asker.pipeline,
        run_id=asker.run_id,
        at=asker.at,
        now=now,
        window=WINDOW,
        past=PAST,
        again=COUNTED_AGAIN,
        least_runs=LEAST_RUNS,
    )
    if row is None or row["told"]:
        return None
    return Sight(
        storm=_storm(row) if row["id"] is not None else None,
        runs=row["window_runs"],
        since=row["first_at"],
        usual=Usual(row["hits"], row["windows"]) if row["hits"] is not None else None,
        joined=row["joined"],
    )


async def begin(connection: Connection, storm: Storm, *, workspace_id: int, now: datetime) -> Storm | None:
    """Begin a storm and mark what it has hit so far; None when another began it."""
    row = await fetch_one(
        connection,
        "storms.open",
        id=storm.id,
        workspace_id=workspace_id,
        precedent_id=storm.precedent_id,
        since=storm.since,
        ends_at=storm.ends_at,
        latest_end=storm.latest_end,
        quiet=QUIET,
        wait_s=storm.wait_s,
        next_try_at=storm.next_try_at,
        usual_runs=storm.usual_runs,
        now=now,
        **_canary_columns(storm.canary),
    )
    return _storm(row) if row else None


async def move(connection: Connection, storm: Storm) -> Storm | None:
    """Write what was decided on `storm.version`; None when another was faster."""
    row = await fetch_one(
        connection,
        "storms.move",
        id=storm.id,
        version=storm.version,
        state=storm.state,
        wait_s=storm.wait_s,
        next_try_at=storm.next_try_at,
        ends_at=storm.ends_at,
        failed_pipeline=storm.failed_pipeline,
        failed_run=storm.failed_run,
        **_canary_columns(storm.canary),
    )
    return _storm(row) if row else None


async def of_retry(
    connection: Connection,
    *,
    id: UUID,
    incident_id: UUID,
    succeeded: bool,
    attempt: int | None,
) -> tuple[Storm, RetryTold] | None:
    """A storm, and what an outcome of one of its incidents tells it."""
    row = await fetch_one(connection, "storms.of_incident", id=id, incident_id=incident_id)
    if row is None:
        return None
    told = RetryTold(
        succeeded=succeeded,
        incident_id=incident_id,
        run_id=row["told_run_id"],
        attempt=attempt,
        external_id=row["told_external_id"],
        pipeline=row["told_pipeline"],
    )
    return _storm(row), told


async def list_page(
    connection: Connection,
    *,
    workspace_id: int,
    now: datetime,
    active: bool | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[StormRow]:
    """Storms, the latest first; `after` is `(since, id)` of the last one of the page before."""
    rows = await fetch_all(
        connection,
        "storms.page",
        prepare=False,
        workspace_id=workspace_id,
        now=now,
        active=active,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [StormRow(_storm(row), row["template"]) for row in rows]


async def get(connection: Connection, *, workspace_id: int, id: UUID) -> StormRow:
    """One storm; raises `NotFound`."""
    row = await fetch_one(connection, "storms.get", workspace_id=workspace_id, id=id)
    if row is None:
        raise NotFound(f"There is no storm {id} in this workspace.")
    return StormRow(_storm(row), row["template"])


def _canary_columns(canary: Canary | None) -> dict[str, Any]:
    return {
        "canary_incident_id": canary.incident_id if canary else None,
        "canary_pipeline": canary.pipeline if canary else None,
        "canary_run_id": canary.run_id if canary else None,
        "canary_attempt": canary.attempt if canary else None,
        "canary_external_id": canary.external_id if canary else None,
    }


async def active_count(connection: Connection, *, now: datetime) -> int:
    """How many go on, of all workspaces."""
    row = await fetch_one(connection, "storms.active_count", now=now)
    return int(row["count"]) if row else 0


def _canary(row: Row) -> Canary | None:
    if row["canary_incident_id"] is None:
        return None
    return Canary(
        incident_id=row["canary_incident_id"],
        run_id=row["canary_run_id"],
        attempt=row["canary_attempt"],
        external_id=row["canary_external_id"],
        pipeline=row["canary_pipeline"],
    )


def _storm(row: Row) -> Storm:
    return Storm(
        id=row["id"],
        precedent_id=row["precedent_id"],
        state=StormState(row["state"]),
        since=row["since"],
        ends_at=row["ends_at"],
        latest_end=row["latest_end"],
        wait_s=row["wait_s"],
        next_try_at=row["next_try_at"],
        usual_runs=row["usual_runs"],
        canary=_canary(row),
        failed_run=row["failed_run"],
        failed_pipeline=row["failed_pipeline"],
        runs=row["runs"],
        incidents=row["incidents"],
        version=row["version"],
    )
