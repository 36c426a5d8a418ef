"""Where the run of a failure can go on: what `POST /advise` asks of pipeline memory."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.advisor.advice import Resume
from knowledge.errors import NotFound, StoreBusy, StoreUnavailable
from knowledge.state.resume import ResumePoint, resume_point, saved_share
from knowledge.state.states import Artifacts, StepWork
from knowledge.store import steps, sub_tasks
from knowledge.store.database import Connection, Database


class Resuming:
    """Finds resume points of failed runs. An advice waits for nothing else here: trouble means that there is none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, run_id: str, *, pipeline: str | None, failed_step: str | None, workspace_id: int
    ) -> Resume | None:
        """Where to go on; None for a run that nobody wrote or that has done nothing, and without a store. Schedulers
        give runs of many pipelines the same name: another pipeline's is none.

        One query by the run's name, and where something is done one more, for the artifacts.
        """
        try:
            async with self._database.connection() as connection:
                work = await steps.work_of_run(connection, workspace_id=workspace_id, run_id=run_id, pipeline=pipeline)
                return await _found(connection, work, run_id, failed_step=failed_step, workspace_id=workspace_id)
        except (NotFound, StoreUnavailable, StoreBusy):
            return None


async def artifacts_at(
    connection: Connection, point: ResumePoint | None, *, workspace_id: int, run_id: str
) -> Artifacts:
    """The artifacts of the sub-task that a resume point names."""
    if point is None or point.sub_task is None:
        return {}
    found = await sub_tasks.get(
        connection, workspace_id=workspace_id, run_id=run_id, step=point.step, name=point.sub_task
    )
    return found.artifacts


async def _found(
    connection: Connection, work: Sequence[StepWork], run_id: str, *, failed_step: str | None, workspace_id: int
) -> Resume | None:
    point = resume_point(work, failed_step=failed_step)
    if point is None:
        return None
    artifacts = await artifacts_at(connection, point, workspace_id=workspace_id, run_id=run_id)
    return Resume(
        run_id=run_id,
        step=point.step,
        sub_task=point.sub_task,
        artifacts={name: f"sha256:{each['sha256']}" for name, each in artifacts.items()},
        saves=saved_share(work),
    )
