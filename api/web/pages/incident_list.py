"""Incidents: all that failed, newest first, narrowed by what one remembers of it. All of a list is in its address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import Response

from api.cursors import read_cursor, write_cursor
from api.web.rendering import NavEntry, address_of, page
from api.web.visitors import Visiting
from knowledge.failures import DecisionAction, Verdict
from knowledge.incident_log import IncidentLog, Wanted

NAV = NavEntry("Incidents", "/ui/incidents", "i")
router = APIRouter(prefix="/incidents")
#: Incidents of a page.
INCIDENTS = 30


class Within(StrEnum):
    """How far back a list goes."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


SPANS: Mapping[Within, timedelta] = {
    Within.HOUR: timedelta(hours=1),
    Within.DAY: timedelta(days=1),
    Within.WEEK: timedelta(days=7),
    Within.MONTH: timedelta(days=30),
}


class Asked(StrEnum):
    """Who told of it: a person on the page, or all others."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


def _given(value: object) -> object:
    """What a form leaves empty is not asked for."""
    return value if value != "" else None


EMPTY = BeforeValidator(_given)
Text = Annotated[Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] | None, EMPTY]


@router.get("", name="incidents")
async def list_incidents(
    request: Request,
    visitor: Visiting,
    pipeline: Text = None,
    verdict: Annotated[Verdict | None, EMPTY] = None,
    decision: Annotated[DecisionAction | None, EMPTY] = None,
    within: Annotated[Within | None, EMPTY] = None,
    asked: Annotated[Asked | None, EMPTY] = None,
    precedent: Annotated[UUID | None, EMPTY] = None,
    run: Text = None,
    cursor: Annotated[Annotated[str, StringConstraints(max_length=200)] | None, EMPTY] = None,
) -> Response:
    """Incidents, newest first, by keyset pages."""
    log: IncidentLog = request.app.state.parts.incident_log
    wanted = Wanted(
        precedent_id=precedent,
        pipeline=pipeline,
        run_id=run,
        verdict=verdict,
        decision=decision,
        asked_here=None if asked is None else asked is Asked.HERE,
        since=datetime.now(UTC) - SPANS[within] if within else None,
    )
    after = read_cursor(cursor) if cursor else None
    found = await log.page(visitor.workspace, wanted, after=after, limit=INCIDENTS)
    fields = {
        "pipeline": pipeline,
        "verdict": verdict,
        "decision": decision,
        "within": within,
        "asked": asked,
        "precedent": precedent,
        "run": run,
    }
    given = {name: str(value) for name, value in fields.items() if value is not None}
    following = write_cursor(found.next[0].isoformat(), found.next[1]) if found.next else None
    return page(
        request,
        "incidents.html",
        found=found,
        fields=given,
        narrow=lambda **more: _address(request, given | more),
        verdicts=list(Verdict),
        decisions=list(DecisionAction),
        spans=list(Within),
        next=_address(request, given | {"cursor": following}) if following else None,
        first=_address(request, given) if cursor else None,
    )


def _address(request: Request, fields: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in fields.items() if value})
    return address_of(request, "incidents") + (f"?{query}" if query else "")
