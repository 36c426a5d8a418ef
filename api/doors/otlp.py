"""OTLP over HTTP: a request of logs or traces is read, its exceptions are recorded, and answered in its own encoding.

Nothing is acknowledged before it is committed. What fails on the way is answered 503, and the sender sends it again:
what was recorded by then is known by its `external_id`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from enum import StrEnum
from importlib.util import find_spec
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api import problems
from api.doors.room import LATER, WORKING_S, Room
from api.metrics import Metrics
from api.problems import Problem
from ingest.ndjson import BATCH, Report
from ingest.otlp import failures
from ingest.otlp import json as otlp_json
from ingest.otlp.failures import Found
from ingest.otlp.recording import Store, Telling
from ingest.otlp.records import Malformed
from knowledge.errors import KnowledgeError

JSON, PROTOBUF = "application/json", "application/x-protobuf"
EXTRA = "OTLP in protobuf needs the extra seenbefore-server[otlp]; OTLP in JSON needs nothing."
#: Of bodies as large as they may be, so many at once.
AT_ONCE = 4
#: Requests that are read and recorded at the same time; it is the processor that they wait for.
TURNS = 2


class Signal(StrEnum):
    """What a request carries, as the path calls it."""

    LOGS = "logs"
    TRACES = "traces"


class OtlpDoor:
    """Takes exports in; one for the app, for it bounds what comes in at once."""

    def __init__(self, *, most_bytes: int, metrics: Metrics) -> None:
        self._room = Room(AT_ONCE * most_bytes, most_bytes, asyncio.Semaphore(TURNS))
        self._metrics = metrics

    async def take(self, signal: Signal, request: Request, *, service: Store, workspace: str) -> Response:
        """Record what failed; raises problems and `KnowledgeError`."""
        encoding, until = _encoding_of(request), time.monotonic() + WORKING_S
        report, ignored, unread = Report(), 0, 0
        try:
            async with self._room.body(request) as body, self._room.turn():
                found = await _found(signal, encoding, body)
                telling = Telling(found.shared, workspace, service, report)
                await _record(found, telling=telling, until=until)
            ignored, unread = found.ignored, found.rejected
        except (Problem, KnowledgeError) as error:
            self._count(signal, busy=int(_status_of(error) == 503))
            raise
        finally:
            rejected = unread + report.rejected_total
            counted = {"accepted": report.accepted, "duplicate": report.duplicates, "rejected": rejected}
            self._count(signal, ignored=ignored, **counted)
        return _answer(signal, rejected, message=found.problem or _problem_of(report), encoding=encoding)

    def _count(self, signal: Signal, **results: int) -> None:
        for result, count in results.items():
            if count:
                self._metrics.door(f"otlp_{signal}", result=result, count=count)


def _encoding_of(request: Request) -> str:
    kind = _media_type(request)
    if kind not in {JSON, PROTOBUF}:
        raise Problem(415, f"Send {PROTOBUF} or {JSON}.", field="Content-Type")
    if kind == PROTOBUF and not is_protobuf_installed():
        raise Problem(501, EXTRA, field="Content-Type")
    return kind


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_protobuf_installed() -> bool:
    """Whether the extra `otlp` is there."""
    return all(find_spec(name) is not None for name in ("google", "google.rpc", "opentelemetry.proto"))


async def _found(signal: Signal, encoding: str, body: bytes) -> Found:
    try:
        return await asyncio.to_thread(_read, signal, encoding, body)
    except Malformed as error:
        raise Problem(400, str(error), field="body") from None


def _read(signal: Signal, encoding: str, body: bytes) -> Found:
    reader: Any = otlp_json
    if encoding == PROTOBUF:
        from ingest.otlp import protobuf as reader  # noqa: PLC0415 - an extra
    if signal is Signal.LOGS:
        return failures.of_logs(reader.read_logs(body))
    return failures.of_spans(reader.read_spans(body))


async def _record(found: Found, *, telling: Telling, until: float) -> None:
    """Batch after batch, passing over what is known: what is sent again begins where it was broken off."""
    numbered = list(enumerate(found.failures, start=1))
    for start in range(0, len(numbered), BATCH):
        if time.monotonic() > until:
            raise Problem(503, LATER)
        await telling.record(numbered[start : start + BATCH])


def _problem_of(report: Report) -> str:
    return f"failure {report.rejected[0]['line']}: {report.rejected[0]['problem']}" if report.rejected else ""


def _answer(signal: Signal, rejected: int, *, message: str, encoding: str) -> Response:
    if encoding == JSON:
        counted = "rejectedLogRecords" if signal is Signal.LOGS else "rejectedSpans"
        partial = {"partialSuccess": {counted: str(rejected), "errorMessage": message}}
        return Response(orjson.dumps(partial if rejected else {}), media_type=JSON)
    return Response(_answer_in_protobuf(signal, rejected, message), media_type=PROTOBUF)


def _answer_in_protobuf(signal: Signal, rejected: int, message: str) -> bytes:
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs  # noqa: PLC0415 - an extra
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces  # noqa: PLC0415

    answer = logs.ExportLogsServiceResponse() if signal is Signal.LOGS else traces.ExportTraceServiceResponse()
    if isinstance(answer, logs.ExportLogsServiceResponse):
        answer.partial_success.rejected_log_records = rejected
    else:
        answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = message
    if not rejected:
        answer.ClearField("partial_success")
    return bytes(answer.SerializeToString())


class OtlpRoute(APIRoute):
    """Errors in the encoding of the request: a problem as JSON, or a `google.rpc.Status` in protobuf."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, its problems told to those who send protobuf in protobuf."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except (Problem, KnowledgeError, RequestValidationError) as error:
                status = _status_of(error)
                if _media_type(request) != PROTOBUF or status is None or not is_protobuf_installed():
                    raise
                return _problem_in_protobuf(status, str(error))

        return told


def _status_of(error: Exception) -> int | None:
    if isinstance(error, Problem):
        return error.status
    if isinstance(error, RequestValidationError):
        return 422
    kind = problems.kind_of(error)
    return None if kind is None else kind.status


def _problem_in_protobuf(status: int, detail: str) -> Response:
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - an extra

    answer = problems.response(status, detail)
    headers = {name: value for name, value in answer.headers.items() if name in {"retry-after", "www-authenticate"}}
    body = Status(message=detail).SerializeToString()
    return Response(body, status_code=status, media_type=PROTOBUF, headers=headers)
