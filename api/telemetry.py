"""Traces to an OpenTelemetry collector, where the standard variables name one and the extra `telemetry` is there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from opentelemetry import trace

#: Those of the specification; the exporter reads them, and all others of the same family, by itself.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE = "seenbefore"
log = logging.getLogger(__name__)


@contextmanager
def exporting() -> Iterator[None]:
    """Export spans within, in batches and beside the requests; what is left goes out at the end."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        yield
        return
    if find_spec("opentelemetry.sdk") is None:
        log.warning("traces are not sent: install seenbefore-server[telemetry]")
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": SERVICE, "service.version": version("seenbefore-server")})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
