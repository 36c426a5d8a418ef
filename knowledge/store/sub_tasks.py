"""Sub-tasks: claimed with a lease, completed with the hashes of their artifacts; one round trip a write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knowledge.errors import Conflict, NotFound
from knowledge.state import holders
from knowledge.state.states import SubTask, SubTaskSaid, SubTaskStatus
from knowledge.store.database import Connection
from knowledge.store.rows import Row, fetch_all, fetch_one, to_json
from knowledge.store.told import CREATED, answer_of, check_owner, check_place, check_version, listed

#: Sub-tasks of an answer, and bytes of artifacts as they are stored, after which it has no further one. All of a run
#: with a hundred thousand were 48 MB and took two seconds; so many are 2.4 MB.
MOST_OF_RUN, MOST_BYTES = 5_000, 2_000_000


async def put(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    step: str,
    name: str,
    said: SubTaskSaid,
    expected_version: int | None,
) -> tuple[SubTask, bool]:
    """Claim, complete or fail a sub-task; the row, and whether this has created it.

    What would change nothing needs no version; a holder's renewed claim moves its lease and no version. A claim without
    a holder is nobody's renewal: it is given a name of its own. What ends such a claim may go without one too. Raises
    `NotFound` (the run, the step), `Conflict` (another pipeline's run, another's step or lease, a name that is not
    planned, said before what is there), `VersionRequired`, `StaleVersion`.
    """
    claims = said.status is SubTaskStatus.STARTED
    holder = said.holder or (holders.issue(said.owner) if claims else said.owner)
    place: dict[str, Any] = {"workspace_id": workspace_id, "run_id": run_id, "step": step, "name": name}
    row = await _write(connection, said, holder=holder, expected=expected_version, **place)
    if said.holder is None and not claims and _is_held_without_name(row, owner=said.owner):
        row = await _write(connection, said, holder=row["holder"], expected=expected_version, **place)
    check_place(row, run_id=run_id, step=step)
    check_owner(row, step=step)
    _check_claim(row, step=step, name=name)
    check_version(row)
    return sub_task_of(row | {"step_name": step, "run_id": run_id}), row["told"] == CREATED


def _is_held_without_name(row: Row, *, owner: str) -> bool:
    return row["told"] == "held" and holders.is_issued(row["holder"], owner=owner)


async def _write(connection: Connection, said: SubTaskSaid, *, holder: str, expected: int | None, **place: Any) -> Row:
    row = await fetch_one(
        connection,
        "sub_tasks.put",
        pipeline=said.pipeline,
        owner=said.owner,
        status=said.status,
        holder=holder,
        lease_s=said.lease_s,
        inputs_hash=None if said.inputs_hash is None else bytes.fromhex(said.inputs_hash),
        artifacts=None if said.artifacts is None else to_json(said.artifacts),
        expected=expected,
        age=said.age_s,
        **place,
    )
    return answer_of(row)


async def have_alone(connection: Connection, *, workspace_id: int, run_id: str, step: str) -> None:
    """Until the transaction ends nobody else writes sub-tasks of this step, in whatever order."""
    await fetch_one(connection, "sub_tasks.have_alone", workspace_id=workspace_id, run_id=run_id, step=step)


async def page(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    step: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> tuple[list[SubTask], bool]:
    """The first sub-tasks of a run in order of first write, and whether there are more.

    At most `limit`, else `MOST_OF_RUN`, and none after `MOST_BYTES` of artifacts. `step` asks for those of one step,
    `after` for those after one of it.
    """
    rows = await fetch_all(
        connection,
        "sub_tasks.page",
        prepare=False,
        workspace_id=workspace_id,
        run_id=run_id,
        step=step,
        after=after,
        most=MOST_OF_RUN if limit is None else limit,
        most_bytes=MOST_BYTES,
    )
    return [sub_task_of(row | {"run_id": run_id}) for row in rows], bool(rows) and rows[0]["found"] > len(rows)


async def numbers(connection: Connection, *, workspace_id: int, run_id: str) -> Mapping[str, int]:
    """How many sub-tasks each step of a run has, of those that have any."""
    rows = await fetch_all(connection, "sub_tasks.numbers", workspace_id=workspace_id, run_id=run_id)
    return {row["step"]: row["number"] for row in rows}


async def get(connection: Connection, *, workspace_id: int, run_id: str, step: str, name: str) -> SubTask:
    """One sub-task; raises `NotFound`."""
    row = await fetch_one(connection, "sub_tasks.get", workspace_id=workspace_id, run_id=run_id, step=step, name=name)
    if row is None:
        detail = f"There is no sub-task {name} in a step {step} of a run {run_id}."
        raise NotFound(detail, members={"missing": "sub_task"})
    return sub_task_of(row | {"run_id": run_id})


async def reusable(
    connection: Connection, *, workspace_id: int, pipeline: str, step: str, name: str, inputs_hash: str
) -> SubTask | None:
    """The latest completed one of the same name over the same inputs, by any run of the pipeline."""
    row = await fetch_one(
        connection,
        "sub_tasks.reusable",
        workspace_id=workspace_id,
        pipeline=pipeline,
        step=step,
        name=name,
        inputs_hash=bytes.fromhex(inputs_hash),
    )
    return None if row is None else sub_task_of(row)


def _check_claim(row: Row, *, step: str, name: str) -> None:
    if row["told"] == "plan":
        detail = f"{name} is not in the plan of step {step}: {listed(row['plan'])}."
        raise Conflict(detail, field="sub_task", members={"plan": row["plan"]})
    if row["told"] == "held":
        until = row["lease_expires_at"].isoformat().replace("+00:00", "Z")
        detail = f"{row['holder']} holds {name} until {until}, and may renew that."
        members = {"holder": row["holder"], "lease_expires_at": until, "version": row["version"]}
        raise Conflict(detail, field="holder", members=members)


def sub_task_of(row: Row) -> SubTask:
    """A row of `sub_tasks`, with the names of its step and run."""
    fields: dict[str, Any] = {name: row[name] for name in SubTask.__dataclass_fields__}
    hash = row["inputs_hash"]
    return SubTask(
        **fields
        | {
            "step": row["step_name"],
            "status": SubTaskStatus(row["status"]),
            "inputs_hash": None if hash is None else bytes(hash).hex(),
        }
    )
