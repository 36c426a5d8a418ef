"""Rows of pipeline memory as readers get them: attributes brought up, and how far runs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from knowledge.documents import Document
from knowledge.state import documents
from knowledge.state.resume import Course, course_of
from knowledge.state.schemas import Schemas
from knowledge.state.states import Run, Step
from knowledge.store import runs
from knowledge.store.database import Connection

#: Makes the document of a row.
Read = Callable[[Run | Step], Document]


async def reader(
    connection: Connection, domain: str | None, *, schemas: Schemas, wanted: int | None = None, workspace_id: int
) -> Read:
    """Make documents of rows of this domain, their attributes brought up to the version wanted, else to the latest."""
    domains = [] if domain is None else [domain]
    known = await schemas.reader(connection, workspace_id=workspace_id, domains=domains, wanted=wanted)

    def read(row: Run | Step) -> Document:
        document = documents.of_run(row) if isinstance(row, Run) else documents.of_step(row)
        if domain is None or row.schema_version is None:
            return document
        version, attributes = known.brought_up(
            domain=domain,
            written=row.schema_version,
            part="run" if isinstance(row, Run) else "step",
            attributes=row.attributes,
        )
        return document | {"schema_version": version, "attributes": attributes}

    return read


async def courses(
    connection: Connection, page: Sequence[Run], *, workspace_id: int, now: datetime
) -> Mapping[UUID, Course]:
    """How far runs are, and when they will be done, by `id`."""
    counts = await runs.counts(connection, [run.id for run in page])
    pipelines = {run.pipeline for run in page}
    past = await runs.past(connection, workspace_id=workspace_id, pipelines=pipelines)
    return {run.id: course_of(run, counts[run.id], past=past[run.pipeline], now=now) for run in page}
