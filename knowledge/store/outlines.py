"""A run as people look at it: bounded, however many steps and sub-tasks it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.failures import Cause, DecisionAction, Verdict
from knowledge.state.states import Step, SubTask, SubTaskStatus
from knowledge.store.database import Connection
from knowledge.store.rows import Row, fetch_all
from knowledge.store.steps import step_of
from knowledge.store.sub_tasks import sub_task_of

#: Sub-tasks that are shown of each step, and artifacts of each of them.
MOST_SUB_TASKS, MOST_ARTIFACTS = 10, 4
#: Parts of the time line that checkpoints are counted in.
PARTS = 120


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that a time line shows."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """Its length; a millisecond at least."""
        return max((self.until - self.since).total_seconds(), 1e-3)

    def place(self, moment: datetime) -> float:
        """Where a moment lies, from 0 to 1; what lies outside is at the end that is nearer."""
        return min(1.0, max(0.0, (moment - self.since).total_seconds() / self.seconds))


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step without its attributes, and whether it has any."""

    step: Step
    has_attributes: bool


@dataclass(frozen=True, slots=True)
class Work:
    """So many sub-tasks of a step have that status; completed ones in this part of the time line."""

    step: UUID
    status: SubTaskStatus
    part: int | None
    number: int


@dataclass(frozen=True, slots=True)
class ShownSubTask:
    """A sub-task with a few of its artifacts; `artifact_count` is how many it has."""

    step: UUID
    sub_task: SubTask
    artifact_count: int


@dataclass(frozen=True, slots=True)
class RunIncident:
    """An incident of a run. `advised` (the verdict), `decision` and `role` (in a storm) are what was last told, None
    where nobody asked.
    """

    id: UUID
    occurred_at: datetime
    pipeline: str | None
    step: str | None
    attempt: int | None
    template: str
    verdict: Verdict
    cause: Cause | None
    storm_id: UUID | None
    advised: Verdict | None
    decision: DecisionAction | None
    role: str | None


async def steps(connection: Connection, *, run: UUID, run_id: str, after: str | None, limit: int) -> list[StepRow]:
    """Steps in order of first write, those after the one named."""
    rows = await fetch_all(connection, "outlines.steps", run=run, run_id=run_id, after=after, limit=limit)
    return [StepRow(step_of(row, run_id=run_id), row["has_attributes"]) for row in rows]


async def work(connection: Connection, steps: Collection[UUID], *, axis: Axis) -> list[Work]:
    """How much these steps have done, and when."""
    rows = await fetch_all(
        connection, "outlines.work", steps=list(steps), since=axis.since, seconds=axis.seconds, parts=PARTS
    )
    return [Work(row["step"], SubTaskStatus(row["status"]), row["part"], row["number"]) for row in rows]


async def sub_tasks(connection: Connection, steps: Collection[UUID], *, run_id: str) -> list[ShownSubTask]:
    """The first sub-tasks of these steps."""
    rows = await fetch_all(
        connection, "outlines.sub_tasks", steps=list(steps), limit=MOST_SUB_TASKS, artifacts=MOST_ARTIFACTS
    )
    return [ShownSubTask(row["step"], sub_task_of(row | {"run_id": run_id}), row["artifact_count"]) for row in rows]


async def incidents(
    connection: Connection,
    *,
    workspace_id: int,
    run_id: str,
    pipeline: str,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[RunIncident]:
    """The incidents of a run, newest first; `after` is `(occurred_at, id)` of the last one of the page before."""
    rows = await fetch_all(
        connection,
        "outlines.incidents",
        prepare=False,
        workspace_id=workspace_id,
        run_id=run_id,
        pipeline=pipeline,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [_incident(row) for row in rows]


def _incident(row: Row) -> RunIncident:
    named: dict[str, Any] = {
        "verdict": Verdict(row["verdict"]),
        "cause": Cause(row["cause"]) if row["cause"] else None,
        "advised": Verdict(row["advised"]) if row["advised"] else None,
        "decision": DecisionAction(row["decision"]) if row["decision"] else None,
    }
    return RunIncident(**row | named)
