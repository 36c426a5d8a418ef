"""Runs of pipelines: written in one round trip each, read with how far they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from knowledge.errors import Conflict
from knowledge.state.states import PastRun, Run, RunSaid, Status, StepCounts
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.rows import Row, fetch_all, fetch_one, to_json
from knowledge.store.told import CREATED, answer_of, check_version, missing_run, of_another_pipeline

#: The latest runs that succeeded, of which an expected completion is made.
MOST_PAST = 20
#: Runs that are forgotten in one transaction, and sub-tasks of which that transaction is ended.
MOST_FORGOTTEN, MOST_ROWS = 100, 10_000


async def put(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    said: RunSaid,
    schema_version: int | None,
    expected_version: int | None,
) -> tuple[Run, bool]:
    """Write a run; the row, and whether this has created it. What would change nothing needs no version.

    `schema_version`: the one that attributes were checked by. Raises `Conflict`, `VersionRequired`, `StaleVersion`.
    """
    row = await fetch_one(
        connection,
        "runs.put",
        workspace_id=workspace_id,
        id=uuid7(),
        run_id=run_id,
        pipeline=said.pipeline,
        status=said.status,
        domain=said.domain,
        attributes=None if said.attributes is None else to_json(said.attributes),
        stated_version=said.schema_version,
        schema_version=schema_version,
        expected=expected_version,
        age=said.age_s,
    )
    row = answer_of(row)
    check_version(row)
    if row["told"] == "pipeline":
        raise of_another_pipeline(run_id, pipeline=row["pipeline"])
    if row["told"] == "domain":
        detail = f"The domain of a run is fixed by its first write: {row['domain'] or 'none'}."
        raise Conflict(detail, field="domain", members={"domain": row["domain"]})
    return run_of(row), row["told"] == CREATED


async def forget(
    connection: Connection, *, untouched_for: timedelta, most_runs: int = MOST_FORGOTTEN, most_rows: int = MOST_ROWS
) -> int:
    """Forget some of the runs of which nobody has said anything for so long, with all that is kept of them; how many.

    Incidents that name them stay.
    """
    row = await fetch_one(
        connection, "runs.forget", untouched_for=untouched_for, most_runs=most_runs, most_rows=most_rows
    )
    return int(row["forgotten"]) if row else 0


async def get(connection: Connection, *, workspace_id: int, run_id: str) -> Run:
    """A run by the caller's own name; raises `NotFound`."""
    row = await fetch_one(connection, "runs.get", workspace_id=workspace_id, run_id=run_id)
    if row is None:
        raise missing_run(run_id)
    return run_of(row)


async def list_page(
    connection: Connection,
    *,
    workspace_id: int,
    pipeline: str | None = None,
    status: Status | None = None,
    since: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs without their attributes, newest first; `after` is `(started_at, id)` of the last of the page before."""
    rows = await fetch_all(
        connection,
        "runs.page",
        prepare=False,
        workspace_id=workspace_id,
        pipeline=pipeline,
        status=status,
        since=since,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [run_of(row) for row in rows]


async def past(connection: Connection, *, workspace_id: int, pipelines: Collection[str]) -> Mapping[str, list[PastRun]]:
    """Of each pipeline the latest runs that succeeded; the latest first."""
    rows = await fetch_all(
        connection, "runs.past", workspace_id=workspace_id, pipelines=list(pipelines), limit=MOST_PAST
    )
    found: defaultdict[str, list[PastRun]] = defaultdict(list)
    for row in rows:
        found[row["pipeline"]].append(PastRun(row["duration_s"], row["steps"]))
    return found


async def counts(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, list[StepCounts]]:
    """How much of each run is done, by its `id`; its steps in order of first write."""
    found: defaultdict[UUID, list[StepCounts]] = defaultdict(list)
    for row in await fetch_all(connection, "runs.counts", runs=list(ids)):
        found[row["run"]].append(StepCounts(Status(row["status"]), row["progress"], row["planned"], row["completed"]))
    return found


def run_of(row: Row) -> Run:
    """A row of `runs`."""
    fields: dict[str, Any] = {name: row[name] for name in Run.__dataclass_fields__}
    return Run(**fields | {"status": Status(row["status"])})
