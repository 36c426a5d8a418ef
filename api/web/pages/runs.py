"""Runs: a list, and one with all that pipeline memory keeps of it on one time line.

However large a run is, its page is not: `steps`, `incidents` and `decisions` in the address say where each list goes
on, and a step has a page of its own for all of its sub-tasks.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import islice
from typing import Annotated
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.context import Service
from api.cursors import read_cursor, write_cursor
from api.problems import Problem
from api.web.fields import EMPTY, Cursor, Span, given_of, narrowed, since_of
from api.web.rendering import PREFIX, NavEntry, address_of, page
from api.web.run import Axis, events_of, json_text, lanes_of, shown_decision
from api.web.visitors import Visiting
from ingest.records import LONGEST_NAME
from knowledge.decisions import Decisions
from knowledge.documents import Document
from knowledge.errors import NotFound
from knowledge.service import IncidentFilter, KnowledgeService
from knowledge.state.memory import PipelineMemory, RunFilter
from knowledge.state.outline import Outlines
from knowledge.state.states import Status
from knowledge.store.outlines import MOST_ARTIFACTS
from knowledge.within import Within

NAV = NavEntry("Runs", "/ui/runs", "r")
router = APIRouter(prefix="/runs")
RUNS, DECISIONS, SUB_TASKS = 30, 20, 100

Text = Annotated[Annotated[str, StringConstraints(max_length=LONGEST_NAME)] | None, EMPTY]
Stated = Annotated[Status | None, EMPTY]
RunId = Annotated[str, Path(min_length=1, max_length=LONGEST_NAME)]


async def memory_of(request: Request) -> PipelineMemory:
    """The pipeline memory, from the composition root."""
    memory: PipelineMemory = request.app.state.parts.memory
    return memory


Memory = Annotated[PipelineMemory, Depends(memory_of)]


@router.get("", name="runs")
async def list_runs(
    request: Request,
    memory: Memory,
    visitor: Visiting,
    pipeline: Text = None,
    status: Stated = None,
    within: Span = None,
    cursor: Cursor = None,
) -> Response:
    """Runs, newest first, each with its progress and when it will be done."""
    wanted = RunFilter(pipeline=pipeline, status=status, since=since_of(within))
    found = await memory.runs(visitor.workspace, wanted, after=_read("cursor", cursor), limit=RUNS + 1)
    asked = given_of({"pipeline": pipeline, "status": status, "within": within})
    pipelines = {each["pipeline"] for each in found}
    last = found[RUNS - 1] if len(found) > RUNS else None
    following = write_cursor(last["started_at"], last["id"]) if last else None
    return page(
        request,
        "runs.html",
        runs=found[:RUNS],
        asked=asked,
        is_filtered=bool(asked),
        statuses=[each.value for each in Status],
        spans=list(Within),
        of_pipeline={each: narrowed(request, "runs", asked | {"pipeline": each}) for each in pipelines},
        next=narrowed(request, "runs", asked | {"cursor": following}) if following else None,
        first=narrowed(request, "runs", asked) if cursor else None,
    )


@router.get("/{run_id}", name="run")
async def read_run(
    run_id: RunId,
    request: Request,
    memory: Memory,
    service: Service,
    visitor: Visiting,
    steps: Text = None,
    incidents: Text = None,
    decisions: Text = None,
) -> Response:
    """A run: where a retry goes on, its time line, incidents, decisions, steps with their first sub-tasks."""
    parts, workspace = request.app.state.parts, visitor.workspace
    outlines: Outlines = parts.outlines
    records: Decisions = parts.decisions
    try:
        run, resume, made = await asyncio.gather(
            outlines.of(workspace, run_id, after_step=steps, after_incident=_read("incidents", incidents)),
            _resume(memory, workspace, run_id),
            records.of_run(workspace, run_id, after=_read("decisions", decisions), limit=DECISIONS + 1),
        )
    except NotFound as error:
        if (missing := error.members.get("missing")) != "run":
            raise Problem(404, str(error), field="steps" if missing == "step" else None) from None
        return await _untold(request, service, workspace, run_id)
    shown, here = made[:DECISIONS], _place(run_id)
    links = {each["id"]: address_of(request, "incident", incident_id=each["id"]) for each in run["incidents"]}
    return page(
        request,
        "run.html",
        run=run,
        link=here,
        resume=resume,
        decisions=[shown_decision(each) for each in shown],
        few_artifacts=dict(islice((resume["artifacts"] or {}).items(), MOST_ARTIFACTS)),
        lanes=lanes_of(run, decisions=shown, resume=resume),
        events=events_of(run, decisions=shown, resume=resume, incident_links=links),
        attributes=json_text(run["attributes"]) if run["attributes"] else None,
        axis_seconds=Axis.of(run).seconds,
        pipeline_address=narrowed(request, "runs", {"pipeline": run["pipeline"]}),
        more=_more(run, made, here=here),
        whole=here if steps or incidents or decisions else None,
    )


async def _untold(request: Request, service: KnowledgeService, workspace: str, run_id: str) -> Response:
    """A run of which there are incidents alone; raises `NotFound` where there is nothing of it."""
    found = await service.list_incidents(workspace, IncidentFilter(run_id=run_id), after=None, limit=RUNS)
    if not found:
        raise NotFound(f"Nobody has told of a run {run_id}, and no incident names it.")
    return page(request, "run_untold.html", run_id=run_id, incidents=found)


@router.get("/{run_id}/steps/{step}", name="run-step")
async def read_step(
    run_id: RunId, step: RunId, request: Request, memory: Memory, visitor: Visiting, after: Text = None
) -> Response:
    """A step with its attributes and all of its sub-tasks, by pages."""
    found, work = await asyncio.gather(
        memory.step(visitor.workspace, run_id, step),
        memory.sub_tasks(visitor.workspace, run_id, step, after=after, limit=SUB_TASKS),
    )
    here = f"{_place(run_id)}/steps/{quote(step, safe='')}"
    return page(
        request,
        "run_step.html",
        run_id=run_id,
        step=found,
        sub_tasks=[each | {"artifact_count": len(each["artifacts"])} for each in work["sub_tasks"]],
        attributes=json_text(found["attributes"]) if found["attributes"] else None,
        next=f"{here}?{urlencode({'after': work['next']})}" if work["next"] else None,
        first=here if after else None,
    )


def _read(part: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place in a list; a 422 problem names the part of the address that says none."""
    try:
        return None if cursor is None else read_cursor(cursor)
    except Problem as problem:
        raise Problem(problem.status, problem.detail, field=part) from None


def _place(run_id: str) -> str:
    """Where a run's own page is, also for names that no link leads to (`..`)."""
    return f"{PREFIX}/runs/{quote(run_id, safe='')}"


async def _resume(memory: PipelineMemory, workspace: str, run_id: str) -> Document:
    """The resume point, with when its checkpoint was completed."""
    point = await memory.resume_point(workspace, run_id)
    if point["sub_task"] is None:
        return point
    try:
        found = await memory.sub_task(workspace, run_id, point["step"], point["sub_task"])
    except NotFound:  # forgotten just now
        return point
    return point | {"completed_at": found["completed_at"]}


def _more(run: Document, made: list[Document], *, here: str) -> dict[str, str | None]:
    """Where each list goes on; None where all of it is shown."""
    places: dict[str, str | None] = {"steps": run["next_step"], "incidents": None, "decisions": None}
    if run["more_incidents"]:
        last = run["incidents"][-1]
        places["incidents"] = write_cursor(last["occurred_at"], last["id"])
    if len(made) > DECISIONS:
        last = made[DECISIONS - 1]
        places["decisions"] = write_cursor(last["created_at"], last["id"])
    return {name: place and f"{here}?{urlencode({name: place})}#{name}" for name, place in places.items()}
