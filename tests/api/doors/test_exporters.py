"""OpenTelemetry's own SDK and exporters send to the service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.api.http.asking import listed

RESOURCE = Resource.create({"service.name": "nightly", "service.version": "2.1"})


@pytest.fixture
def headers(client: httpx.Client) -> Iterator[dict[str, str]]:
    """The workspace of the test."""
    yield {"X-Workspace": client.headers["X-Workspace"]}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_traces(client: httpx.Client, headers: dict[str, str], compression: Compression) -> None:
    """An exception that leaves two spans is one incident, of the inner one."""
    exporter = OTLPSpanExporter(f"{client.base_url}/v1/traces", headers=headers, compression=compression)
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("train")
    inner = tracer.start_as_current_span("load features")
    with pytest.raises(ConnectionResetError), tracer.start_as_current_span("pipeline"), inner:
        raise ConnectionResetError(104, "Connection reset by peer")
    provider.shutdown()
    (incident,) = listed(client)

    assert ("nightly", "load features") == (incident["pipeline"], incident["step"])
    assert "ConnectionResetError" in incident["template"]
    assert "Connection reset by peer" in incident["error"]["message"]
    assert "2.1" == incident["environment"]["service.version"]


def test_logs(client: httpx.Client, headers: dict[str, str]) -> None:
    """An exception that a record of the SDK carries is an incident; a line without one is none."""
    provider = LoggerProvider(resource=RESOURCE)
    exporter = OTLPLogExporter(f"{client.base_url}/v1/logs", headers=headers)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("train")
    try:
        raise MemoryError("CUDA out of memory")
    except MemoryError as error:
        logger.emit(body="step failed", severity_number=SeverityNumber.ERROR, exception=error)
    logger.emit(body="all is well")
    provider.shutdown()
    (incident,) = listed(client)

    assert ("nightly", "step failed") == (incident["pipeline"], incident["environment"]["log_message"])
    assert ("MemoryError", "CUDA out of memory") == (incident["error"]["type"], incident["error"]["message"])
