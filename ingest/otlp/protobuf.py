"""OTLP in protobuf, by the messages that OpenTelemetry publishes (the extra `otlp`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from ingest.otlp.records import DEEPEST, Attributes, Event, LogRecord, Malformed, Span, identifier


def read_logs(body: bytes) -> list[LogRecord]:
    """The records of an ExportLogsServiceRequest; raises `Malformed`."""
    request = ExportLogsServiceRequest()
    _parse(request, body)
    return [
        _log_record(record, resource=resource)
        for group in request.resource_logs
        for resource in (_attributes(group.resource.attributes),)
        for scope in group.scope_logs
        for record in scope.log_records
    ]


def read_spans(body: bytes) -> list[Span]:
    """The spans of an ExportTraceServiceRequest; raises `Malformed`."""
    request = ExportTraceServiceRequest()
    _parse(request, body)
    return [
        _span(span, resource=resource)
        for group in request.resource_spans
        for resource in (_attributes(group.resource.attributes),)
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _parse(request: ExportLogsServiceRequest | ExportTraceServiceRequest, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise Malformed("This is no OTLP in protobuf.") from None


def _log_record(given: logs_pb2.LogRecord, *, resource: Attributes) -> LogRecord:
    return LogRecord(
        resource=resource,
        attributes=_attributes(given.attributes),
        body=_value(given.body, depth=0),
        time=given.time_unix_nano,
        observed=given.observed_time_unix_nano,
        severity=given.severity_number,
        trace_id=identifier(given.trace_id.hex(), size=16),
        span_id=identifier(given.span_id.hex(), size=8),
    )


def _span(given: trace_pb2.Span, *, resource: Attributes) -> Span:
    return Span(
        resource=resource,
        attributes=_attributes(given.attributes),
        name=given.name,
        trace_id=identifier(given.trace_id.hex(), size=16),
        span_id=identifier(given.span_id.hex(), size=8),
        parent_id=identifier(given.parent_span_id.hex(), size=8),
        end=given.end_time_unix_nano,
        failed=given.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        message=given.status.message,
        events=tuple(Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in given.events),
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value, depth=0) for pair in pairs}


def _value(given: AnyValue, *, depth: int) -> Any:
    """None for what is empty or nested too deep."""
    kind = given.WhichOneof("value")
    if kind is None or depth > DEEPEST:
        return None
    if kind == "array_value":
        return [_value(each, depth=depth + 1) for each in given.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth=depth + 1) for pair in given.kvlist_value.values}
    found = getattr(given, kind)
    return found.hex() if isinstance(found, bytes) else found
