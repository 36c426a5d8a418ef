"""The facade of pipeline memory: what runs have done, written and read. Raises only `knowledge.errors`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from knowledge.answering import Clock
from knowledge.documents import Document
from knowledge.errors import Conflict, InvalidInput, KnowledgeError, NotFound, StaleVersion, VersionRequired
from knowledge.once import Once
from knowledge.signature.scrub import scrub, scrub_value
from knowledge.state import documents, reading
from knowledge.state.resume import resume_point
from knowledge.state.resuming import artifacts_at
from knowledge.state.schemas import Schemas
from knowledge.state.states import Artifacts, RunSaid, Status, StepSaid, SubTask, SubTaskSaid, SubTaskWrite
from knowledge.store import audit, runs, steps, sub_tasks
from knowledge.store.contention import anew
from knowledge.store.database import Connection, Database
from knowledge.store.told import of_another_pipeline
from knowledge.workspaces import Workspaces
from knowledge.writing import write

#: Attributes and artifacts with more entries, or characters, are scrubbed beside the event loop.
FEW_ENTRIES = 20
SHORT = 2_000
#: What a row says to a write: PostgreSQL has met no error, and the transaction goes on.
REFUSALS = (Conflict, NotFound, StaleVersion, VersionRequired)


@dataclass(frozen=True, slots=True)
class Written:
    """A row as it is after a write, and whether that was its first."""

    row: Document
    created: bool


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; `since` inclusive, by their first write."""

    pipeline: str | None = None
    status: Status | None = None
    since: datetime | None = None


class PipelineMemory:
    """Runs, steps and sub-tasks. Built once, by the composition root."""

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

    async def put_run(
        self, workspace: str, run_id: str, said: RunSaid, *, expected_version: int | None, once: Once | None = None
    ) -> Written:
        """Write a run; its attributes are checked by the schema of its domain."""
        workspace_id = await self._workspaces.id_of(workspace)
        said = replace(said, attributes=await _scrubbed(said.attributes))

        async def work(connection: Connection) -> Written:
            known = said
            if said.attributes is not None and said.domain is None:
                known = replace(said, domain=await _domain(connection, workspace_id=workspace_id, run_id=run_id))
            version = await self._checked(connection, known, workspace_id=workspace_id, domain=known.domain)
            run, created = await runs.put(
                connection,
                workspace_id=workspace_id,
                run_id=run_id,
                said=known,
                schema_version=version,
                expected_version=expected_version,
            )
            return Written(documents.of_run(run), created)

        return await self._write(work, workspace_id=workspace_id, once=once)

    async def put_step(
        self,
        workspace: str,
        run_id: str,
        name: str,
        said: StepSaid,
        *,
        expected_version: int | None,
        once: Once | None = None,
    ) -> Written:
        """Write a step; its attributes are checked by the schema of its run's domain."""
        workspace_id = await self._workspaces.id_of(workspace)
        said = replace(said, attributes=await _scrubbed(said.attributes))

        async def work(connection: Connection) -> Written:
            version = None
            if said.attributes is not None:
                run = await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
                if said.pipeline not in (None, run.pipeline):
                    raise of_another_pipeline(run_id, pipeline=run.pipeline)
                version = await self._checked(connection, said, workspace_id=workspace_id, domain=run.domain)
            step, created = await steps.put(
                connection,
                workspace_id=workspace_id,
                run_id=run_id,
                name=name,
                said=said,
                schema_version=version,
                expected_version=expected_version,
            )
            return Written(documents.of_step(step), created)

        return await self._write(work, workspace_id=workspace_id, once=once)

    async def put_sub_task(
        self,
        workspace: str,
        run_id: str,
        step: str,
        name: str,
        said: SubTaskSaid,
        *,
        expected_version: int | None,
        once: Once | None = None,
    ) -> Written:
        """Claim, complete or fail a sub-task."""
        workspace_id = await self._workspaces.id_of(workspace)
        said = replace(said, artifacts=await _without_secrets(said.artifacts))

        async def work(connection: Connection) -> Written:
            sub_task, created = await sub_tasks.put(
                connection,
                workspace_id=workspace_id,
                run_id=run_id,
                step=step,
                name=name,
                said=said,
                expected_version=expected_version,
            )
            return Written(documents.of_sub_task(sub_task), created)

        return await self._write(work, workspace_id=workspace_id, once=once)

    async def put_sub_tasks(
        self, workspace: str, run_id: str, step: str, writes: Sequence[SubTaskWrite]
    ) -> tuple[list[Written], KnowledgeError | None]:
        """Claim, complete or fail several sub-tasks in order, in one transaction.

        Those that were written, and why the one after them was not: none behind that one is tried.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        clean = [replace(each.said, artifacts=await _without_secrets(each.said.artifacts)) for each in writes]
        said = [replace(each, said=its) for each, its in zip(writes, clean, strict=True)]

        async def work() -> tuple[list[Written], KnowledgeError | None]:
            async with self._database.transaction() as connection:
                return await _put_in_order(connection, said, workspace_id=workspace_id, run_id=run_id, step=step)

        return await anew(work)

    async def hand_over(
        self,
        workspace: str,
        run_id: str,
        name: str,
        *,
        pipeline: str | None = None,
        owner: str,
        to: str,
        reason: str | None,
        expected_version: int,
        once: Once | None = None,
    ) -> Document:
        """Give a step to another owner; the step then. The audit log keeps who did, to whom and why."""
        workspace_id = await self._workspaces.id_of(workspace)

        async def work(connection: Connection) -> Document:
            step, changed = await steps.hand_over(
                connection,
                workspace_id=workspace_id,
                run_id=run_id,
                name=name,
                pipeline=pipeline,
                owner=owner,
                to=to,
                expected_version=expected_version,
            )
            if changed:
                await audit.record(
                    connection,
                    workspace_id=workspace_id,
                    action="step.handed_over",
                    actor=owner,
                    reason=reason and scrub(reason),
                    subject_id=step.id,
                    before={"owner": owner},
                    after={"owner": to, "run_id": run_id, "step": name},
                )
            return documents.of_step(step)

        return await write(self._database, work, workspace_id=workspace_id, once=once)

    async def run(self, workspace: str, run_id: str, *, schema_version: int | None = None) -> Document:
        """A run with its steps and their first sub-tasks, in order of first write, and how far it is.

        `expected_completed_at` is made of how long past runs of the pipeline took: see `expected_completion`.
        Attributes are brought up to `schema_version`, else to the latest. Raises `NotFound`, `Conflict` for a version
        that is older than the one they were written with.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            run = await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
            of_run = await steps.of_run(connection, workspace_id=workspace_id, run_id=run_id)
            work, more = await sub_tasks.page(connection, workspace_id=workspace_id, run_id=run_id)
            numbers = await sub_tasks.numbers(connection, workspace_id=workspace_id, run_id=run_id) if more else {}
            courses = await reading.courses(connection, [run], workspace_id=workspace_id, now=self._clock())
            read = await reading.reader(
                connection, run.domain, schemas=self._schemas, wanted=schema_version, workspace_id=workspace_id
            )
        by_step: defaultdict[str, list[SubTask]] = defaultdict(list)
        for each in work:
            by_step[each.step].append(each)
        shown = [
            read(step) | documents.of_sub_tasks(by_step[step.name], of=numbers.get(step.name, 0)) for step in of_run
        ]
        return read(run) | documents.of_course(courses[run.id]) | {"steps": shown}

    async def runs(
        self, workspace: str, wanted: RunFilter, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Document]:
        """Runs, newest first, each with how far it is; `after` is `(started_at, id)` of the last of the page before."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            page = await runs.list_page(
                connection, workspace_id=workspace_id, after=after, limit=limit, **asdict(wanted)
            )
            courses = await reading.courses(connection, page, workspace_id=workspace_id, now=self._clock())
        return [documents.of_listed_run(run) | documents.of_course(courses[run.id]) for run in page]

    async def step(self, workspace: str, run_id: str, name: str, *, schema_version: int | None = None) -> Document:
        """A step, its attributes brought up; raises `NotFound`, `Conflict` as `run` does."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            run = await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
            step = await steps.get(connection, workspace_id=workspace_id, run_id=run_id, name=name)
            read = await reading.reader(
                connection, run.domain, schemas=self._schemas, wanted=schema_version, workspace_id=workspace_id
            )
        return read(step)

    async def sub_tasks(self, workspace: str, run_id: str, step: str, *, after: str | None, limit: int) -> Document:
        """The sub-tasks of a step in order of first write, those after the one named; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            if after is None:
                await steps.get(connection, workspace_id=workspace_id, run_id=run_id, name=step)
            else:
                await sub_tasks.get(connection, workspace_id=workspace_id, run_id=run_id, step=step, name=after)
            found, more = await sub_tasks.page(
                connection, workspace_id=workspace_id, run_id=run_id, step=step, after=after, limit=limit
            )
        shown = [documents.of_sub_task(each) for each in found]
        return {"sub_tasks": shown, "next": found[-1].name if more else None}

    async def sub_task(self, workspace: str, run_id: str, step: str, name: str) -> Document:
        """A sub-task; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            found = await sub_tasks.get(connection, workspace_id=workspace_id, run_id=run_id, step=step, name=name)
        return documents.of_sub_task(found)

    async def resume_point(self, workspace: str, run_id: str) -> Document:
        """Where a run can go on, and what each of its steps has done; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            work = await steps.work_of_run(connection, workspace_id=workspace_id, run_id=run_id)
            point = resume_point(work)
            artifacts = await artifacts_at(connection, point, workspace_id=workspace_id, run_id=run_id)
        return documents.of_resume_point(run_id, point, steps=work, artifacts=artifacts)

    async def reusable(self, workspace: str, *, pipeline: str, step: str, sub_task: str, inputs_hash: str) -> Document:
        """The latest completed sub-task of the same name over the same inputs, by any run of the pipeline."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            found = await sub_tasks.reusable(
                connection,
                workspace_id=workspace_id,
                pipeline=pipeline,
                step=step,
                name=sub_task,
                inputs_hash=inputs_hash,
            )
        return documents.of_reusable(found)

    async def _checked(
        self, connection: Connection, said: RunSaid | StepSaid, *, workspace_id: int, domain: str | None
    ) -> int | None:
        """The version of the domain's schema that the attributes keep to; None where there is nothing to check.

        Raises `InvalidInput` for attributes that keep to none, and for a domain that nobody knows.
        """
        if domain is None:
            if said.attributes is not None and said.schema_version is not None:
                raise InvalidInput("A run without a domain has no schema.", field="schema_version")
            return None
        if said.attributes is None:
            await self._schemas.reader(connection, workspace_id=workspace_id, domains=[domain])
            return None
        return await self._schemas.check(
            connection,
            workspace_id=workspace_id,
            domain=domain,
            version=said.schema_version,
            part="run" if isinstance(said, RunSaid) else "step",
            attributes=said.attributes,
        )

    async def _write(
        self, work: Callable[[Connection], Awaitable[Written]], *, workspace_id: int, once: Once | None
    ) -> Written:
        """Without a key the work's one writing statement is its own transaction, which saves two round trips."""
        if once is None:
            async with self._database.connection() as connection:
                return await work(connection)

        async def as_document(connection: Connection) -> Document:
            return asdict(await work(connection))

        return Written(**await write(self._database, as_document, workspace_id=workspace_id, once=once))


async def _put_in_order(
    connection: Connection, writes: Sequence[SubTaskWrite], **of: Any
) -> tuple[list[Written], KnowledgeError | None]:
    """Those that were written, and why the next was not."""
    await sub_tasks.have_alone(connection, **of)
    written: list[Written] = []
    for each in writes:
        try:
            sub_task, created = await sub_tasks.put(
                connection, name=each.name, said=each.said, expected_version=each.expected_version, **of
            )
        except REFUSALS as refused:
            return written, refused
        written.append(Written(documents.of_sub_task(sub_task), created))
    return written, None


async def _domain(connection: Connection, *, workspace_id: int, run_id: str) -> str | None:
    """The domain that a run's first write has fixed; None where there is no run yet."""
    try:
        return (await runs.get(connection, workspace_id=workspace_id, run_id=run_id)).domain
    except NotFound:
        return None


async def _scrubbed(attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Attributes without secrets."""
    if not attributes:
        return attributes
    scrub_them = partial(scrub_value, dict(attributes))
    few = len(attributes) <= FEW_ENTRIES and len(str(attributes)) <= SHORT
    clean = scrub_them() if few else await asyncio.to_thread(scrub_them)
    return clean if isinstance(clean, dict) else {}


async def _without_secrets(artifacts: Artifacts | None) -> Artifacts | None:
    """Artifacts without the credentials that an address may carry."""
    if not artifacts:
        return artifacts
    if len(artifacts) <= FEW_ENTRIES:
        return _clean_addresses(artifacts)
    return await asyncio.to_thread(_clean_addresses, artifacts)


def _clean_addresses(artifacts: Artifacts) -> Artifacts:
    return {
        name: {key: scrub(value) if key == "uri" else value for key, value in each.items()}
        for name, each in artifacts.items()
    }
