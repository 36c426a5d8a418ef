"""Incidents: recorded, imported, read, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator

from api.context import Idempotent, JsonAnswer, KeyName, Service, Workspace, problems
from api.cursors import read_cursor, write_cursor
from api.models import (
    ImportAnswer,
    IncidentAnswer,
    IncidentPage,
    OutcomeAnswer,
    OutcomeBody,
    ResolutionAnswer,
    ResolutionBody,
)
from api.problems import Problem
from ingest.ndjson import import_lines
from ingest.records import IncidentBody, Name
from knowledge.errors import StoreUnavailable
from knowledge.failures import Cause, Verdict
from knowledge.service import IncidentFilter

router = APIRouter(prefix="/incidents", tags=["incidents"])

#: A queue that takes longer is waited for by asking again, as `seenbefore import --wait` does.
LONGEST_WAIT_S = 120.0
NDJSON = {"requestBody": {"required": False, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}


@router.post("", response_model=IncidentAnswer, responses=problems(409))
async def record(body: IncidentBody, service: Service, workspace: Workspace, once: Idempotent) -> JsonAnswer:
    """Record a failure whose verdict, cause or resolution may be known already."""
    return JsonAnswer(await service.record(workspace, body.to_failure(), once=once))


@router.post("/import", response_model=ImportAnswer, responses=problems(415), openapi_extra=NDJSON)
async def import_incidents(
    request: Request,
    service: Service,
    workspace: Workspace,
    wait: Annotated[
        Literal["indexed"] | None,
        Query(
            description="`indexed`: answer once all that the workspace has recorded can be found as neighbours, and at "
            f"the latest {LONGEST_WAIT_S:.0f} s after the last line; `indexed` in the answer says whether it can."
        ),
    ] = None,
) -> JsonAnswer:
    """Record NDJSON, one incident a line, streamed. A bad line never costs the good ones."""
    kind = request.headers.get("content-type", "application/x-ndjson").partition(";")[0].strip().lower()
    # Not text/plain: that a page of another site may send without asking.
    if kind not in {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"}:
        raise Problem(415, "Send application/x-ndjson.", field="Content-Type")
    longest = request.app.state.parts.settings.max_body_bytes
    report = await import_lines(request.stream(), workspace=workspace, service=service, longest_line=longest)
    indexed = await wait_indexed(service, workspace) if wait == "indexed" else None
    return JsonAnswer(report.document() | {"indexed": indexed})


async def wait_indexed(service: Service, workspace: str) -> bool:
    """Whether all can be found in time. What was recorded is recorded, whatever becomes of the waiting."""
    try:
        return await service.wait_indexed(workspace, limit_s=LONGEST_WAIT_S)
    except StoreUnavailable:
        return False


def written_out(value: object) -> object:
    """A query has texts only: a bare number would be taken for seconds or milliseconds, whichever seems likelier."""
    if isinstance(value, str) and (_is_number(value) or not {"-", ":"} & set(value[1:])):
        raise ValueError("Input should be a time such as 2026-11-20T08:15:00Z")
    return value


def _is_number(text: str) -> bool:
    """Also one like `-4e-17`, with the sign of a date."""
    try:
        float(text)
    except ValueError:
        return False
    return True


Moment = Annotated[datetime, BeforeValidator(written_out)]


async def wanted(
    precedent: UUID | None = None,
    storm: UUID | None = None,
    pipeline: Name | None = None,
    step: Name | None = None,
    run: Name | None = None,
    verdict: Verdict | None = None,
    cause: Cause | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> IncidentFilter:
    """The filters of a list, from the query."""
    return IncidentFilter(
        precedent_id=precedent,
        storm_id=storm,
        pipeline=pipeline,
        step=step,
        run_id=run,
        verdict=verdict,
        cause=cause,
        since=with_zone(since, field="since"),
        until=with_zone(until, field="until"),
    )


@router.get("", response_model=IncidentPage, responses=problems())
async def list_incidents(
    service: Service,
    workspace: Workspace,
    shown: Annotated[IncidentFilter, Depends(wanted)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """Incidents, newest first, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await service.list_incidents(workspace, shown, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["occurred_at"], last["id"]) if last is not None else None
    return JsonAnswer({"incidents": page[:limit], "next": following})


@router.get("/{incident_id}", response_model=IncidentAnswer, responses=problems(404))
async def read(incident_id: UUID, service: Service, workspace: Workspace) -> JsonAnswer:
    """One incident, with the advice last given for it."""
    return JsonAnswer(await service.incident(workspace, incident_id))


@router.post("/{incident_id}/outcome", response_model=OutcomeAnswer, responses=problems(404, 409))
async def outcome(
    incident_id: UUID, body: OutcomeBody, service: Service, workspace: Workspace, key: KeyName, once: Idempotent
) -> JsonAnswer:
    """Say how a retry ended."""
    return JsonAnswer(
        await service.outcome(
            workspace,
            incident_id,
            result=body.result,
            attempt=body.attempt,
            waited_s=body.waited_s,
            author=key,
            once=once,
        )
    )


@router.post("/{incident_id}/resolution", response_model=ResolutionAnswer, responses=problems(404, 409))
async def resolution(
    incident_id: UUID, body: ResolutionBody, service: Service, workspace: Workspace, once: Idempotent
) -> JsonAnswer:
    """Say what fixed it."""
    return JsonAnswer(
        await service.resolve(
            workspace,
            incident_id,
            body.to_resolution(body.author),
            verdict=Verdict(body.verdict) if body.verdict else None,
            cause=body.cause,
            once=once,
        )
    )


def with_zone(moment: datetime | None, *, field: str) -> datetime | None:
    """A time without a zone is UTC; a 422 problem of that field when there is no such time in UTC."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Problem(422, "This time is out of range.", field=field) from None
