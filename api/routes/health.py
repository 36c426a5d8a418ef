"""Operations: is it alive, can it answer, how much has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from api.context import JsonAnswer
from api.health import Health, look
from api.metrics import CONTENT_TYPE
from api.models import HealthAnswer

router = APIRouter(tags=["operations"])


# Beside the `GET` route and not in it: the document would name one operation twice.
@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model=HealthAnswer)
async def live() -> JsonAnswer:
    """The process answers."""
    return JsonAnswer({"status": "ok", "parts": {}})


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready",
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "No answer can be given"}},
)
async def ready(request: Request) -> JsonAnswer:
    """Whether advice can be given: `degraded` still answers, `down` (503) does not.

    `index_pending` signatures are stored and known by their fingerprint, and not yet found as neighbours of others;
    that alone degrades nothing.
    """
    health = await look(request.app.state.parts)
    return JsonAnswer(health.document(), status_code=503 if health.status == "down" else 200)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """Counters in the Prometheus text format."""
    health: Health = await look(request.app.state.parts)
    return PlainTextResponse(request.app.state.metrics.render(health), media_type=CONTENT_TYPE)
