"""`GET /search`: engineers look for precedents by meaning and by word."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from api.context import JsonAnswer, Service, Workspace, problems
from api.models import SearchAnswer
from api.routes.incidents import Moment, with_zone
from ingest.records import Name
from knowledge.failures import MOST_RESULTS, Cause, Verdict
from knowledge.search import SearchQuery

router = APIRouter(tags=["search"])
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


@router.get("/search", response_model=SearchAnswer, responses=problems())
async def search(
    service: Service,
    workspace: Workspace,
    q: Annotated[Question, Query(description="Words, a question, or a pasted error.")],
    verdict: Verdict | None = None,
    cause: Cause | None = None,
    pipeline: Name | None = None,
    since: Annotated[Moment | None, Query(description="Seen at or after this time.")] = None,
    resolved: Annotated[bool | None, Query(description="Whether anybody said what fixed it.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_RESULTS)] = 20,
) -> JsonAnswer:
    """Search signatures, titles, causes and resolutions, by meaning and by word."""
    query = SearchQuery(
        text=q,
        verdict=verdict,
        cause=cause,
        pipeline=pipeline,
        since=with_zone(since, field="since"),
        resolved=resolved,
        limit=limit,
    )
    return JsonAnswer(await service.search(workspace, query))
