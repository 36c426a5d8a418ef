"""`POST /advise`: the question that schedulers and agents ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Idempotent, JsonAnswer, Service, Workspace, problems
from api.models import AdviceAnswer
from ingest.records import FailureBody

router = APIRouter(tags=["advice"])


@router.post("/advise", response_model=AdviceAnswer, responses=problems(409))
async def advise(
    body: FailureBody,
    service: Service,
    workspace: Workspace,
    once: Idempotent,
    dry_run: Annotated[bool, Query(description="Answer, and record nothing.")] = False,
) -> JsonAnswer:
    """Is this failure transient or genuine, what to do about it, and which precedents say so?"""
    return JsonAnswer(await service.advise(workspace, body.to_failure(), dry_run=dry_run, once=once))
