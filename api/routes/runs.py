"""Pipeline memory: what runs, their steps and sub-tasks have done, and where a failed run can go on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from api.context import Age, Idempotent, IfMatch, IfMatchStated, JsonAnswer, Workspace, etag, problems
from api.cursors import read_cursor, write_cursor
from api.models_runs import (
    HandOverBody,
    Hash,
    ResumePointAnswer,
    ReusableAnswer,
    RunAnswer,
    RunBody,
    RunPage,
    SchemaVersion,
    StepAnswer,
    StepBody,
    SubTaskAnswer,
    SubTaskBody,
    SubTaskPage,
    SubTasksAnswer,
    SubTasksBody,
    WholeRunAnswer,
)
from api.problems import document_of
from api.routes.incidents import Moment, with_zone
from ingest.records import LONGEST_NAME, Name
from knowledge.documents import Document
from knowledge.state.memory import PipelineMemory, RunFilter, Written
from knowledge.state.states import Status

router = APIRouter(tags=["pipeline memory"])
RunId = Annotated[str, Path(min_length=1, max_length=LONGEST_NAME, description="The caller's own name of the run.")]
StepName = Annotated[str, Path(min_length=1, max_length=LONGEST_NAME)]
ReaderVersion = Annotated[SchemaVersion | None, Query(description="Of the attributes; the latest by default.")]


async def memory_of(request: Request) -> PipelineMemory:
    """The pipeline memory, from the composition root."""
    memory: PipelineMemory = request.app.state.parts.memory
    return memory


Memory = Annotated[PipelineMemory, Depends(memory_of)]


def writing(model: type[RunAnswer | StepAnswer | SubTaskAnswer], *statuses: int) -> dict[str, Any]:
    """What a route that writes a row answers."""
    created: dict[int | str, dict[str, Any]] = {201: {"model": model, "description": "Its first write."}}
    return {"response_model": model, "responses": created | problems(409, 412, 428, *statuses)}


@router.put("/runs/{run_id}", **writing(RunAnswer))
async def put_run(
    run_id: RunId,
    body: RunBody,
    memory: Memory,
    workspace: Workspace,
    version: IfMatchStated,
    age_s: Age,
    once: Idempotent,
) -> JsonAnswer:
    """Write a run. Its first write needs no If-Match, nor does one that would change nothing."""
    said = body.said(age_s=age_s)
    return _written(await memory.put_run(workspace, run_id, said, expected_version=version, once=once))


@router.put("/runs/{run_id}/steps/{step}", **writing(StepAnswer, 404))
async def put_step(
    run_id: RunId,
    step: StepName,
    body: StepBody,
    memory: Memory,
    workspace: Workspace,
    version: IfMatchStated,
    age_s: Age,
    once: Idempotent,
) -> JsonAnswer:
    """Write a step, by its owner. A plan may grow; what is completed cannot leave it."""
    said = body.said(age_s=age_s)
    return _written(await memory.put_step(workspace, run_id, step, said, expected_version=version, once=once))


@router.put("/runs/{run_id}/steps/{step}/sub-tasks/{name}", **writing(SubTaskAnswer, 404))
async def put_sub_task(
    run_id: RunId,
    step: StepName,
    name: StepName,
    body: SubTaskBody,
    memory: Memory,
    workspace: Workspace,
    version: IfMatchStated,
    age_s: Age,
    once: Idempotent,
) -> JsonAnswer:
    """Claim a sub-task, complete it, or say that it failed; for the holder of its lease only, while that runs.

    Renewing a lease (`started` again) needs no If-Match and moves no version.
    """
    said = body.said(age_s=age_s)
    return _written(await memory.put_sub_task(workspace, run_id, step, name, said, expected_version=version, once=once))


@router.put("/runs/{run_id}/steps/{step}/sub-tasks", response_model=SubTasksAnswer, responses=problems())
async def put_sub_tasks(
    run_id: RunId, step: StepName, body: SubTasksBody, memory: Memory, workspace: Workspace
) -> JsonAnswer:
    """Write several sub-tasks in order, each as a `PUT` of its own does: one commit, for a backlog.

    The first that is refused ends it; those before it are written. The same again changes nothing.
    """
    written, refused = await memory.put_sub_tasks(workspace, run_id, step, [each.write() for each in body.sub_tasks])
    told = [
        {"sub_task": each.row["sub_task"], "version": each.row["version"], "created": each.created} for each in written
    ]
    return JsonAnswer({"written": told, "refused": None if refused is None else document_of(refused)})


@router.post("/runs/{run_id}/steps/{step}/hand-over", response_model=StepAnswer, responses=problems(404, 409, 412, 428))
async def hand_over(
    run_id: RunId,
    step: StepName,
    body: HandOverBody,
    memory: Memory,
    workspace: Workspace,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Give a step to another owner; leases run on. The audit log keeps it."""
    return _versioned(
        await memory.hand_over(
            workspace,
            run_id,
            step,
            pipeline=body.pipeline,
            owner=body.owner,
            to=body.to,
            reason=body.reason,
            expected_version=version,
            once=once,
        )
    )


def wanted(pipeline: Name | None = None, status: Status | None = None, since: Moment | None = None) -> RunFilter:
    """The filters of a list, from the query."""
    return RunFilter(pipeline=pipeline, status=status, since=with_zone(since, field="since"))


@router.get("/runs", response_model=RunPage, responses=problems())
async def list_runs(
    memory: Memory,
    workspace: Workspace,
    shown: Annotated[RunFilter, Depends(wanted)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """Runs, newest first, each with its progress and when it will be done, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await memory.runs(workspace, shown, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["started_at"], last["id"]) if last is not None else None
    return JsonAnswer({"runs": page[:limit], "next": following})


@router.get("/runs/{run_id}", response_model=WholeRunAnswer, responses=problems(404, 409))
async def read_run(
    run_id: RunId, memory: Memory, workspace: Workspace, schema_version: ReaderVersion = None
) -> JsonAnswer:
    """A run with its steps and their sub-tasks (the first 5,000), its progress, and when it will be done.

    That is told from the latest 20 runs of the pipeline that succeeded, where there are three: the median of how long
    those took that took longer than this one has taken already.
    """
    return _versioned(await memory.run(workspace, run_id, schema_version=schema_version))


@router.get("/runs/{run_id}/resume-point", response_model=ResumePointAnswer, responses=problems(404))
async def resume_point(run_id: RunId, memory: Memory, workspace: Workspace) -> JsonAnswer:
    """The last checkpoint of a run, and what each of its steps has done."""
    return JsonAnswer(await memory.resume_point(workspace, run_id))


@router.get("/runs/{run_id}/steps/{step}", response_model=StepAnswer, responses=problems(404, 409))
async def read_step(
    run_id: RunId, step: StepName, memory: Memory, workspace: Workspace, schema_version: ReaderVersion = None
) -> JsonAnswer:
    """A step."""
    return _versioned(await memory.step(workspace, run_id, step, schema_version=schema_version))


@router.get("/runs/{run_id}/steps/{step}/sub-tasks", response_model=SubTaskPage, responses=problems(404))
async def list_sub_tasks(
    run_id: RunId,
    step: StepName,
    memory: Memory,
    workspace: Workspace,
    after: Annotated[
        str, Query(max_length=LONGEST_NAME, description="`next` of the page before; empty: from the first.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> JsonAnswer:
    """The sub-tasks of a step, in order of first write, by pages; a page with large artifacts ends earlier."""
    return JsonAnswer(await memory.sub_tasks(workspace, run_id, step, after=after or None, limit=limit))


@router.get("/runs/{run_id}/steps/{step}/sub-tasks/{name}", response_model=SubTaskAnswer, responses=problems(404))
async def read_sub_task(
    run_id: RunId, step: StepName, name: StepName, memory: Memory, workspace: Workspace
) -> JsonAnswer:
    """A sub-task."""
    return _versioned(await memory.sub_task(workspace, run_id, step, name))


@router.get("/sub-tasks/reusable", response_model=ReusableAnswer, responses=problems())
async def reusable(
    memory: Memory, workspace: Workspace, pipeline: Name, step: Name, sub_task: Name, inputs_hash: Hash
) -> JsonAnswer:
    """The same work over the same inputs, done by any run of the pipeline: the latest."""
    return JsonAnswer(
        await memory.reusable(workspace, pipeline=pipeline, step=step, sub_task=sub_task, inputs_hash=inputs_hash)
    )


def _written(written: Written) -> JsonAnswer:
    return _versioned(written.row, status=201 if written.created else 200)


def _versioned(document: Document, *, status: int = 200) -> JsonAnswer:
    return JsonAnswer(document, status_code=status, headers=etag(document["version"]))
