"""Steps of runs: each with one owner, written and handed over in one round trip each."""

from __future__ import annotations

from typing import Any

from knowledge.errors import Conflict, NotFound
from knowledge.state.states import Status, Step, StepSaid, StepWork
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.rows import Row, fetch_all, fetch_one, strings, to_json
from knowledge.store.told import CREATED, answer_of, check_owner, check_place, check_version, listed, missing_run


async def put(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    name: str,
    said: StepSaid,
    schema_version: int | None,
    expected_version: int | None,
) -> tuple[Step, bool]:
    """Write a step; the row, and whether this has created it. What would change nothing needs no version.

    Raises `NotFound` (the run), `Conflict` (another pipeline's run, another's step, a plan without what is completed,
    said before what is there), `VersionRequired`, `StaleVersion`.
    """
    row = await fetch_one(
        connection,
        "steps.put",
        workspace_id=workspace_id,
        id=uuid7(),
        run_id=run_id,
        pipeline=said.pipeline,
        name=name,
        owner=said.owner,
        status=said.status,
        progress=said.progress,
        plan=None if said.plan is None else list(said.plan),
        attributes=None if said.attributes is None else to_json(said.attributes),
        stated_version=said.schema_version,
        schema_version=schema_version,
        expected=expected_version,
        age=said.age_s,
    )
    row = _checked(row, run_id=run_id, name=name)
    return step_of(row, run_id=run_id), row["told"] == CREATED


async def hand_over(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    name: str,
    pipeline: str | None,
    owner: str,
    to: str,
    expected_version: int,
) -> tuple[Step, bool]:
    """Give a step to another owner; the row, and whether it was not that one's before.

    Raises `NotFound`, `Conflict` (it belongs to a third; another pipeline's run), `StaleVersion`.
    """
    row = await fetch_one(
        connection,
        "steps.hand_over",
        workspace_id=workspace_id,
        run_id=run_id,
        pipeline=pipeline,
        name=name,
        owner=owner,
        to=to,
        expected=expected_version,
    )
    row = _checked(row, run_id=run_id, name=name)
    return step_of(row, run_id=run_id), row["told"] == "changed"


async def of_run(connection: Connection, *, workspace_id: int, run_id: str, name: str | None = None) -> list[Step]:
    """The steps of a run in order of first write; `name` asks for one of them."""
    rows = await fetch_all(connection, "steps.of_run", workspace_id=workspace_id, run_id=run_id, name=name)
    return [step_of(row, run_id=run_id) for row in rows]


async def get(connection: Connection, *, workspace_id: int, run_id: str, name: str) -> Step:
    """One step; raises `NotFound`."""
    found = await of_run(connection, workspace_id=workspace_id, run_id=run_id, name=name)
    if not found:
        raise NotFound(f"There is no step {name} in a run {run_id}.", members={"missing": "step"})
    return found[0]


async def work_of_run(
    connection: Connection, *, workspace_id: int, run_id: str, pipeline: str | None = None
) -> list[StepWork]:
    """What the steps of a run have done, in order of first write; raises `NotFound`, for another pipeline's too."""
    rows = await fetch_all(connection, "steps.work", workspace_id=workspace_id, run_id=run_id, pipeline=pipeline)
    if not rows:
        raise missing_run(run_id)
    return [_work_of(row) for row in rows if row["name"] is not None]


def _checked(answered: Row | None, *, run_id: str, name: str) -> Row:
    row = answer_of(answered)
    check_place(row, run_id=run_id, step=name)
    check_owner(row, step=name)
    check_version(row)
    if row["told"] == "plan":
        detail = f"What is completed cannot leave the plan: {listed(row['lost'])}."
        raise Conflict(detail, field="plan", members={"completed": row["lost"]})
    return row


def step_of(row: Row, *, run_id: str) -> Step:
    """A row of `steps`."""
    fields: dict[str, Any] = {name: row[name] for name in Step.__dataclass_fields__ if name != "run_id"}
    plan = None if row["plan"] is None else tuple(row["plan"])
    return Step(**fields | {"run_id": run_id, "status": Status(row["status"]), "plan": plan})


def _work_of(row: Row) -> StepWork:
    return StepWork(
        name=row["name"],
        status=Status(row["status"]),
        plan=None if row["plan"] is None else tuple(row["plan"]),
        sub_tasks=strings(row["sub_tasks"]),
        completed=strings(row["completed"]),
    )
