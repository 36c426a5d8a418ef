"""The overview of a workspace: what failed and what was told, what that saved, storms, and what wants a resolution."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from api.context import Service
from api.web import overview as shown
from api.web.rendering import NavEntry, page
from api.web.visitors import Visiting
from knowledge.overview import Over, Overview

NAV = NavEntry("Overview", "/ui/overview", "o")
router = APIRouter()
#: Storms that are shown of those that go on, and of those that are over.
MOST_STORMS = 5
SPANS = {Over.DAY: "24 hours", Over.WEEK: "7 days", Over.MONTH: "30 days", Over.QUARTER: "91 days"}


def _or_week(value: object) -> object:
    """What a form leaves empty is the usual."""
    return value or Over.WEEK


@router.get("/overview", name="overview")
async def read(
    request: Request,
    service: Service,
    visitor: Visiting,
    over: Annotated[Over, BeforeValidator(_or_week)] = Over.WEEK,
) -> Response:
    """What happened over that time, in the visitor's workspace."""
    counts: Overview = request.app.state.parts.overview
    workspace = visitor.workspace
    overview, calibration, going_on, latest = await asyncio.gather(
        counts.of(workspace, over),
        service.calibration(workspace),
        service.storms(workspace, active=True, after=None, limit=MOST_STORMS),
        service.storms(workspace, active=False, after=None, limit=MOST_STORMS),
    )
    return page(
        request,
        "overview.html",
        over=over.value,
        spans={each.value: text for each, text in SPANS.items()},
        overview=overview,
        total=sum(overview["failures"].values()),
        bars=shown.bars_of(overview),
        height=shown.HEIGHT,
        verdicts=shown.VERDICTS,
        saved=shown.spared_in_all(overview),
        shares=shown.shares_of(overview["told"]),
        decisions=shown.DECISIONS,
        calibration=calibration,
        points=shown.points_of(calibration),
        going_on=going_on,
        storms_over=[each for each in latest if each["since"] >= overview["since"]],
    )
