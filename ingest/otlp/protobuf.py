"""OTLP in protobuf, by the messages that OpenTelemetry publishes (the extra `otlp`).

A request is parsed as a whole. Where that fails, its records are parsed one by one: one that is broken costs itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ingest.otlp.envelope import envelope_of
from ingest.otlp.records import (
    DEEPEST,
    Attributes,
    Event,
    Export,
    LogRecord,
    Malformed,
    Span,
    identifier,
    read_each,
)

Sent = TypeVar("Sent", bound=Message)
#: The bytes of a resource and of one of its records.
Packed: TypeAlias = tuple[bytes, bytes]
NO_OTLP = "This is no OTLP in protobuf."


def read_logs(body: bytes) -> Export[LogRecord]:
    """The records of an ExportLogsServiceRequest; raises `Malformed` where it is none as a whole."""
    request = ExportLogsServiceRequest()
    if not _is_parsed(request, body):
        return read_each(_packed(body), _packed_log_record)
    return Export(
        tuple(
            _log_record(record, resource=resource)
            for group in request.resource_logs
            for resource in (_attributes(group.resource.attributes),)
            for scope in group.scope_logs
            for record in scope.log_records
        )
    )


def read_spans(body: bytes) -> Export[Span]:
    """The spans of an ExportTraceServiceRequest; raises `Malformed` where it is none as a whole."""
    request = ExportTraceServiceRequest()
    if not _is_parsed(request, body):
        return read_each(_packed(body), _packed_span)
    return Export(
        tuple(
            _span(span, resource=resource)
            for group in request.resource_spans
            for resource in (_attributes(group.resource.attributes),)
            for scope in group.scope_spans
            for span in scope.spans
        )
    )


def _is_parsed(request: Message, body: bytes) -> bool:
    try:
        request.ParseFromString(body)
    except DecodeError:
        return False
    return True


def _packed(body: bytes) -> Iterator[Packed]:
    """All records of a request that cannot be parsed as a whole; raises `Malformed` where not even these are found."""
    try:
        request = envelope_of(body)
    except DecodeError:
        raise Malformed(NO_OTLP) from None
    found = [(group.resource, record) for group in request.groups for scope in group.scopes for record in scope.records]
    if not found:
        raise Malformed(NO_OTLP)
    yield from found


def _packed_log_record(packed: Packed) -> LogRecord:
    resource, record = packed
    return _log_record(_unpacked(logs_pb2.LogRecord(), record), resource=_resource(resource))


def _packed_span(packed: Packed) -> Span:
    resource, span = packed
    return _span(_unpacked(trace_pb2.Span(), span), resource=_resource(resource))


def _resource(packed: bytes) -> Attributes:
    return _attributes(_unpacked(Resource(), packed).attributes)


def _unpacked(message: Sent, packed: bytes) -> Sent:
    if not _is_parsed(message, packed):
        raise Malformed(f"this is no {type(message).__name__} in protobuf.")
    return message


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
