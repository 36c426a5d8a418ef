"""Where other programs' telemetry and webhooks come in: what failed in them becomes incidents."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.context import JsonAnswer, Service, Workspace, problems
from api.doors.otlp import JSON, PROTOBUF, OtlpDoor, OtlpRoute, Signal
from api.doors.room import WORKING_S
from api.doors.signed import document_of, secret_of, signed_body
from api.doors.webhooks import WebhookDoor
from api.models_doors import DoorAnswer
from api.problems import Problem
from api.settings import Settings
from ingest import alertmanager, github, sentry
from knowledge.failures import Failure
from knowledge.service import KnowledgeService

telemetry = APIRouter(prefix="/v1", tags=["doors"], route_class=OtlpRoute)
router = APIRouter(prefix="/doors", tags=["doors"])

PACKED = {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}
MESSAGE = {JSON: {"schema": {"type": "object"}}, **PACKED}
EXPORT: dict[str, Any] = {"requestBody": {"required": True, "content": MESSAGE}}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "What was not taken, as OTLP's `partial_success`", "content": MESSAGE},
    **{status: each | {"content": each["content"] | PACKED} for status, each in problems(415, 501).items()},
}
OBJECT = {JSON: {"schema": {"type": "object"}}}
PAYLOAD: dict[str, Any] = {"requestBody": {"required": True, "content": OBJECT}}
SIGNATURE, HUB_SIGNATURE = "Sentry-Hook-Signature", "X-Hub-Signature-256"


@telemetry.post("/logs", openapi_extra=EXPORT, responses=EXPORTED, response_class=Response)
async def logs(request: Request, service: Service, workspace: Workspace) -> Response:
    """OTLP logs, in JSON or protobuf. Records with an exception (`exception.*`) become incidents, once each."""
    door: OtlpDoor = request.app.state.otlp
    return await door.take(Signal.LOGS, request, service=service, workspace=workspace)


@telemetry.post("/traces", openapi_extra=EXPORT, responses=EXPORTED, response_class=Response)
async def traces(request: Request, service: Service, workspace: Workspace) -> Response:
    """OTLP traces, in JSON or protobuf. Noted exceptions and failed spans become incidents, once each."""
    door: OtlpDoor = request.app.state.otlp
    return await door.take(Signal.TRACES, request, service=service, workspace=workspace)


@router.post("/alertmanager", response_model=DoorAnswer, responses=problems(415), openapi_extra=PAYLOAD)
async def of_alertmanager(request: Request, service: Service, workspace: Workspace) -> JsonAnswer:
    """Alertmanager's webhook. Firing alerts become incidents, once each time that they begin to fire."""
    until = time.monotonic() + WORKING_S
    failures, ignored = await asyncio.to_thread(_alerts_in, await request.body())
    door = _door("alertmanager", request, service=service, workspace=workspace)
    return JsonAnswer(await door.failures(failures, ignored=ignored, until=until))


@router.post("/sentry", response_model=DoorAnswer, responses=problems(404), openapi_extra=PAYLOAD)
async def of_sentry(request: Request, service: Service) -> JsonAnswer:
    """Sentry's webhooks, signed (`Sentry-Hook-Signature`). Events and new issues become incidents, once each."""
    settings: Settings = request.app.state.parts.settings
    secret = secret_of(settings.sentry_secret, name="SEENBEFORE_SENTRY_SECRET", sender="Sentry")
    body = await signed_body(request, secret=secret, header=SIGNATURE)
    resource = request.headers.get("sentry-hook-resource", "")
    failure = await asyncio.to_thread(lambda: sentry.read_webhook(resource, document_of(body)))
    door = _door("sentry", request, service=service, workspace=settings.doors_workspace)
    return JsonAnswer(await door.failure(failure))


@router.post("/github", response_model=DoorAnswer, responses=problems(404), openapi_extra=PAYLOAD)
async def of_github(request: Request, service: Service) -> JsonAnswer:
    """GitHub's webhook, signed (`X-Hub-Signature-256`). Failed jobs become incidents, passed re-runs outcomes."""
    settings: Settings = request.app.state.parts.settings
    secret = secret_of(settings.github_secret, name="SEENBEFORE_GITHUB_SECRET", sender="GitHub")
    body = await signed_body(request, secret=secret, header=HUB_SIGNATURE, prefix="sha256=")
    kind, event = request.headers.get("content-type", ""), request.headers.get("x-github-event", "")
    told = await asyncio.to_thread(lambda: github.read_webhook(event, document_of(body, kind=kind)))
    door = _door("github", request, service=service, workspace=settings.doors_workspace)
    if isinstance(told, github.Passed):
        return JsonAnswer(await door.passed(told))
    return JsonAnswer(await door.failure(told if settings.github_failures else None))


def _alerts_in(body: bytes) -> tuple[list[Failure], int]:
    """The failures that a notification tells of, and how many of its alerts tell of none."""
    payload = document_of(body)
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        raise Problem(422, "This is no notification of Alertmanager's: it has no list of alerts.", field="alerts")
    failures = alertmanager.read_webhook(payload)
    return failures, len(alerts) - len(failures)


def _door(name: str, request: Request, *, service: KnowledgeService, workspace: str) -> WebhookDoor:
    return WebhookDoor(name, service, workspace, request.app.state.metrics)
