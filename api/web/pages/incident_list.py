"""Incidents: all that failed, newest first, narrowed by what one remembers of it. All of a list is in its address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.cursors import read_cursor, write_cursor
from api.web.fields import EMPTY, Cursor, Span, given_of, narrowed, since_of
from api.web.rendering import NavEntry, page
from api.web.visitors import Visiting
from ingest.records import LONGEST_NAME
from knowledge.failures import DecisionAction, Verdict
from knowledge.incident_log import IncidentLog, Wanted
from knowledge.within import Within

NAV = NavEntry("Incidents", "/ui/incidents", "i")
router = APIRouter(prefix="/incidents")
#: Incidents of a page.
INCIDENTS = 30


class Asked(StrEnum):
    """Who told of it: a person on the page, or all others."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


Text = Annotated[Annotated[str, StringConstraints(max_length=LONGEST_NAME, strip_whitespace=True)] | None, EMPTY]


@router.get("", name="incidents")
async def list_incidents(
    request: Request,
    visitor: Visiting,
    pipeline: Text = None,
    verdict: Annotated[Verdict | None, EMPTY] = None,
    advised: Annotated[Verdict | None, EMPTY] = None,
    decision: Annotated[DecisionAction | None, EMPTY] = None,
    within: Span = None,
    asked: Annotated[Asked | None, EMPTY] = None,
    precedent: Annotated[UUID | None, EMPTY] = None,
    run: Text = None,
    cursor: Cursor = None,
) -> Response:
    """Incidents, newest first, by keyset pages."""
    log: IncidentLog = request.app.state.parts.incident_log
    wanted = Wanted(
        precedent_id=precedent,
        pipeline=pipeline,
        run_id=run,
        verdict=verdict,
        advised=advised,
        decision=decision,
        asked_here=None if asked is None else asked is Asked.HERE,
        since=since_of(within),
    )
    after = read_cursor(cursor) if cursor else None
    found = await log.page(visitor.workspace, wanted, after=after, limit=INCIDENTS)
    fields: dict[str, object] = {
        "pipeline": pipeline,
        "verdict": verdict,
        "advised": advised,
        "decision": decision,
        "within": within,
        "asked": asked,
        "precedent": precedent,
        "run": run,
    }
    given = given_of(fields)
    following = write_cursor(found.next[0].isoformat(), found.next[1]) if found.next else None
    return page(
        request,
        "incidents.html",
        found=found,
        fields=given,
        narrow=lambda **more: narrowed(request, "incidents", given | more),
        verdicts=list(Verdict),
        decisions=list(DecisionAction),
        spans=list(Within),
        next=narrowed(request, "incidents", given | {"cursor": following}) if following else None,
        first=narrowed(request, "incidents", given) if cursor else None,
    )
