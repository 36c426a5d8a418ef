"""Decision records: why agents chose what they chose, kept with the run and found again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.context import Idempotent, JsonAnswer, Workspace, problems
from api.cursors import read_cursor, write_cursor
from api.models_decisions import DecisionAnswer, DecisionBody, DecisionPage, FoundDecisions
from api.routes.runs import RunId
from ingest.records import Name
from knowledge.decisions import DecisionQuery, Decisions
from knowledge.failures import MOST_RESULTS
from knowledge.store.decisions import About

router = APIRouter(tags=["decisions"])


async def decisions_of(request: Request) -> Decisions:
    """The decision records, from the composition root."""
    decisions: Decisions = request.app.state.parts.decisions
    return decisions


Records = Annotated[Decisions, Depends(decisions_of)]


@router.post("/runs/{run_id}/decisions", response_model=DecisionAnswer, status_code=201, responses=problems(404, 409))
async def record(
    run_id: RunId, body: DecisionBody, decisions: Records, workspace: Workspace, once: Idempotent
) -> JsonAnswer:
    """Keep why something was chosen. A release that was refused with reasons that hold becomes an incident
    as well."""
    return JsonAnswer(await decisions.record(workspace, run_id, body.to_said(), once=once), status_code=201)


@router.get("/runs/{run_id}/decisions", response_model=DecisionPage, responses=problems(404))
async def list_of_run(
    run_id: RunId,
    decisions: Records,
    workspace: Workspace,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """The decisions of a run, oldest first, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await decisions.of_run(workspace, run_id, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["created_at"], last["id"]) if last is not None else None
    return JsonAnswer({"decisions": page[:limit], "next": following})


@router.get("/decisions", response_model=FoundDecisions, responses=problems())
async def search(
    decisions: Records,
    workspace: Workspace,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=2_000,
            description="Meant and worded like this; without it the newest are shown.",
            examples=["has this learning-rate region been explored?"],
        ),
    ] = None,
    kind: Annotated[Name | None, Query()] = None,
    agent: Annotated[Name | None, Query()] = None,
    pipeline: Annotated[Name | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_RESULTS)] = 20,
) -> JsonAnswer:
    """Search why things were chosen, over all runs, by meaning and by word."""
    query = DecisionQuery(q, About(kind=kind, agent=agent, pipeline=pipeline), limit)
    return JsonAnswer({"results": await decisions.search(workspace, query)})
