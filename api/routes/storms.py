"""Storms: outages, seen behind the failures that they bring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import JsonAnswer, Service, Workspace, problems
from api.cursors import read_cursor, write_cursor
from api.models_storms import StormPage

router = APIRouter(tags=["storms"])


@router.get("/storms", response_model=StormPage, responses=problems())
async def list_storms(
    service: Service,
    workspace: Workspace,
    active: Annotated[bool | None, Query(description="Only those that go on, or only those that are over.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """Storms, the latest first, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await service.storms(workspace, active=active, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["since"], last["id"]) if last is not None else None
    return JsonAnswer({"storms": page[:limit], "next": following})
