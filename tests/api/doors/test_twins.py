"""One failure that OTLP tells twice, as a log record and as a span's event, is one incident."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.api.http.asking import listed
from tests.ingest.exports import SPAN, TIME, TRACE, event, exception, logs, record, span, traces

SECOND = 1_000_000_000
SHARED = f"otlp:{TRACE}:{SPAN}:ClientError"


def at(seconds: float) -> dict[str, str]:
    """The time of a record or an event, from the usual one on."""
    return {"timeUnixNano": str(TIME + round(seconds * SECOND))}


def logged(seconds: float = 0.0, **said: str) -> tuple[str, Any]:
    """A request of one log record."""
    return "/v1/logs", logs(record(exception(**said), **at(seconds)))


def noted(*seconds: float) -> tuple[str, Any]:
    """A request of one span with so many events."""
    return "/v1/traces", traces(span(*(event(**at(each)) for each in seconds)))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([logged(), noted(0.3)], 1, id="logged, then noted"),
        pytest.param([noted(0.3), logged()], 1, id="noted, then logged"),
        pytest.param([logged(type="ClientError", message="104"), noted(0.3)], 1, id="as Python's handler logs it"),
        pytest.param([logged(), noted(0.3)] * 2, 1, id="delivered again"),
        pytest.param([logged(), logged(5), noted(5.3)], 2, id="a retry that is logged, then noted"),
        pytest.param([noted(5.3), logged(), logged(5)], 2, id="a retry that is noted, then logged"),
        pytest.param([logged(), logged(5), noted(5.3), logged(5), logged()], 2, id="the same in another order"),
        pytest.param([logged(), logged(1e-9), logged(2e-9)], 3, id="three within nanoseconds, logged"),
        pytest.param([noted(0, 0.1, 0.2), noted(0, 0.1, 0.2)], 3, id="three of one moment, noted"),
        pytest.param([logged(type="KeyError"), noted(0.3)], 2, id="another class"),
        pytest.param([logged(message="another"), noted(60)], 2, id="another message, a minute before"),
    ],
)
def test_failures_are_counted_once(client: httpx.Client, told: list[tuple[str, Any]], expected: int) -> None:
    """By whichever door, in whichever order, however often."""
    answers = [client.post(path, json=request) for path, request in told]

    assert [(200, {})] * len(told) == [(each.status_code, each.json()) for each in answers]
    assert expected == len(listed(client))


@pytest.mark.parametrize("first", [logged(), noted(0)], ids=["logged", "noted"])
def test_id_is_the_same(client: httpx.Client, first: tuple[str, Any]) -> None:
    """By whichever door it came."""
    client.post(first[0], json=first[1]).raise_for_status()

    assert [SHARED] == [each["external_id"] for each in listed(client)]


async def test_both_at_once(client: httpx.Client) -> None:
    """Collectors send logs and traces at the same moment; so do several senders of one span's log. None is lost."""
    spans = [f"{number:016x}" for number in range(1, 11)]
    pairs = [
        request
        for id in spans
        for request in (
            ("/v1/logs", logs(record(spanId=id))),
            ("/v1/traces", traces(span(event(**at(0.1)), spanId=id))),
        )
    ]
    crowded = [("/v1/logs", logs(record(spanId="f" * 16, **at(number / 1_000)))) for number in range(10)]
    headers = {"X-Workspace": client.headers["X-Workspace"]}
    async with httpx.AsyncClient(base_url=client.base_url, headers=headers, timeout=60) as crowd:
        answers = await asyncio.gather(*(crowd.post(path, json=request) for path, request in [*pairs, *crowded]))

    assert {200} == {each.status_code for each in answers}
    assert len(spans) + len(crowded) == len(listed(client))


@pytest.fixture
def providers(client: httpx.Client) -> Iterator[tuple[TracerProvider, LoggerProvider]]:
    """OpenTelemetry's own, which send at their end."""
    headers = {"X-Workspace": client.headers["X-Workspace"]}
    tracing, logging = TracerProvider(), LoggerProvider()
    spans = OTLPSpanExporter(f"{client.base_url}/v1/traces", headers=headers)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    records = OTLPLogExporter(f"{client.base_url}/v1/logs", headers=headers)
    logging.add_log_record_processor(BatchLogRecordProcessor(records))
    yield tracing, logging


def test_what_the_sdk_tells_twice(client: httpx.Client, providers: tuple[TracerProvider, LoggerProvider]) -> None:
    """An exception that is logged in a span and leaves it."""
    tracing, logging = providers

    def work() -> None:
        with tracing.get_tracer("train").start_as_current_span("load"):
            try:
                raise ConnectionResetError(104, "Connection reset by peer")
            except ConnectionResetError as error:
                logging.get_logger("train").emit(
                    body="step failed", severity_number=SeverityNumber.ERROR, exception=error
                )
                raise

    with pytest.raises(ConnectionResetError):
        work()
    logging.shutdown()
    tracing.shutdown()

    assert ["ConnectionResetError"] == [each["error"]["type"] for each in listed(client)]
