"""Runs as people look at them: what matters of one, all of it on one time line, however large it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from knowledge.answering import Clock
from knowledge.documents import Document
from knowledge.state import documents, reading
from knowledge.state.schemas import Schemas
from knowledge.state.states import Run, SubTaskStatus
from knowledge.store import outlines, runs
from knowledge.store import steps as stored_steps
from knowledge.store.database import Connection, Database
from knowledge.store.outlines import Axis, RunIncident, ShownSubTask, StepRow, Work
from knowledge.workspaces import Workspaces

#: Steps, and incidents, of one look.
MOST_STEPS, MOST_INCIDENTS = 20, 20


class Outlines:
    """Reads runs for people. Built once, by the composition root; raises only `knowledge.errors`."""

    def __init__(
        self,
        database: Database,
        *,
        schemas: Schemas,
        workspaces: Workspaces,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._schemas = schemas
        self._workspaces = workspaces
        self._clock = clock

    async def of(
        self,
        workspace: str,
        run_id: str,
        *,
        after_step: str | None = None,
        after_incident: tuple[datetime, UUID] | None = None,
    ) -> Document:
        """A run with its progress, `MOST_STEPS` of its steps and `MOST_INCIDENTS` of its incidents; raises `NotFound`.

        `after_step`: the last step of the look before; `after_incident`: `(occurred_at, id)` of its last incident.
        `axis` is the time that the time line shows: from the run's start to its end, or to now while it runs.
        """
        workspace_id, now = await self._workspaces.id_of(workspace), self._clock()
        async with self._database.connection() as connection:
            run = await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
            courses = await reading.courses(connection, [run], workspace_id=workspace_id, now=now)
            read = await reading.reader(connection, run.domain, schemas=self._schemas, workspace_id=workspace_id)
            axis = Axis(run.started_at, max(run.started_at, run.ended_at or now))
            if after_step is not None:  # a name that is not there is no empty page
                await stored_steps.get(connection, workspace_id=workspace_id, run_id=run_id, name=after_step)
            steps = await _steps(connection, run, axis=axis, after=after_step)
            incidents = await outlines.incidents(
                connection,
                workspace_id=workspace_id,
                run_id=run_id,
                pipeline=run.pipeline,
                after=after_incident,
                limit=MOST_INCIDENTS + 1,
            )
        return {
            **read(run),
            **documents.of_course(courses[run.id]),
            "axis": {"since": documents.moment(axis.since), "until": documents.moment(axis.until)},
            **steps,
            "incidents": [_of_incident(each, axis=axis) for each in incidents[:MOST_INCIDENTS]],
            "more_incidents": len(incidents) > MOST_INCIDENTS,
        }


async def _steps(connection: Connection, run: Run, *, axis: Axis, after: str | None) -> Document:
    found = await outlines.steps(connection, run=run.id, run_id=run.run_id, after=after, limit=MOST_STEPS + 1)
    shown = found[:MOST_STEPS]
    ids = [each.step.id for each in shown]
    work, first = defaultdict[UUID, list[Work]](list), defaultdict[UUID, list[ShownSubTask]](list)
    for each in await outlines.work(connection, ids, axis=axis):
        work[each.step].append(each)
    for sub_task in await outlines.sub_tasks(connection, ids, run_id=run.run_id):
        first[sub_task.step].append(sub_task)
    return {
        "steps": [_of_step(row, work[row.step.id], first[row.step.id], axis=axis) for row in shown],
        "next_step": shown[-1].step.name if len(found) > MOST_STEPS else None,
    }


def _of_step(row: StepRow, work: Sequence[Work], first: Sequence[ShownSubTask], *, axis: Axis) -> Document:
    """A step: sub-tasks by status, checkpoints by the part of the time line, and its first sub-tasks."""
    step = row.step
    numbers = {status.value: sum(each.number for each in work if each.status is status) for status in SubTaskStatus}
    return {
        **documents.of_step(step),
        "has_attributes": row.has_attributes,
        "from": axis.place(step.started_at),
        "to": axis.place(step.ended_at or axis.until),
        "numbers": numbers,
        "checkpoints": [
            {"at": (each.part + 0.5) / outlines.PARTS, "number": each.number} for each in work if each.part is not None
        ],
        "sub_tasks": [documents.of_sub_task(each.sub_task) | {"artifact_count": each.artifact_count} for each in first],
    }


def _of_incident(incident: RunIncident, *, axis: Axis) -> Document:
    return {
        "id": str(incident.id),
        "occurred_at": documents.moment(incident.occurred_at),
        "at": axis.place(incident.occurred_at),
        "step": incident.step,
        "attempt": incident.attempt,
        "template": incident.template,
        "verdict": incident.verdict.value,
        "advised": incident.advised.value if incident.advised else None,
        "cause": incident.cause.value if incident.cause else None,
        "in_storm": incident.storm_id is not None,
        "decision": incident.decision.value if incident.decision else None,
        "storm_role": incident.role,
    }
