"""What is seen of every request, by its route and not by what it says: a count, a line in the log, a span."""

from __future__ import annotations

import logging
import re
import time
import uuid

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from knowledge.tracing import span

#: An id that a proxy has given to a request; anything else is not repeated in logs and answers.
REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
#: What nobody needs a line or a trace for: probes and scrapes.
SILENT = frozenset({"/health/live", "/health/ready", "/metrics"})
log = logging.getLogger("api.requests")


class Observed:
    """ASGI middleware, outermost: it sees what every other has answered."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in SILENT:
            await self._counted(scope, receive, send)
            return
        with span(scope["method"], kind=SpanKind.SERVER, within=extract(dict(Headers(scope=scope)))) as current:
            status = await self._counted(scope, receive, send)
            route = route_of(scope)
            current.update_name(f"{scope['method']} {route}")
            current.set_attributes({"http.route": route, "http.response.status_code": status})
            if status >= 500:
                current.set_status(Status(StatusCode.ERROR))

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> int:
        started, status = time.perf_counter(), 500
        request_id = _request_id(scope)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(raw=message["headers"])["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if scope.get("route") else "(none)"
            self._metrics.observe(route=route_of(scope), method=method, status=status, seconds=seconds)
            if scope["path"] not in SILENT:
                _tell(scope, status=status, seconds=seconds, request_id=request_id)
        return status


def _tell(scope: Scope, *, status: int, seconds: float, request_id: str) -> None:
    context = trace.get_current_span().get_span_context()
    log.info(
        "%s %s %d in %.1f ms",
        scope["method"],
        route_of(scope),
        status,
        1_000 * seconds,
        extra={
            "method": scope["method"],
            "route": route_of(scope),
            "status": status,
            "ms": round(1_000 * seconds, 1),
            "request_id": request_id,
            "trace_id": format_trace_id(context.trace_id) if context.is_valid else None,
        },
    )


def route_of(scope: Scope) -> str:
    """The template of a request's route; of a mounted application with the place where that is mounted."""
    path = getattr(scope.get("route"), "path", None)
    return "(none)" if path is None else f"{scope.get('root_path', '')}{path}"


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
