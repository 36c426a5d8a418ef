"""OTLP as OpenTelemetry's protocol describes it, in JSON: small requests to make others of."""

from __future__ import annotations

from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
#: 2026-11-20T08:15:00.123456Z
TIME = 1_795_162_500_123_456_000
TRACEBACK = """Traceback (most recent call last):
  File "/app/train.py", line 41, in upload
    s3.put_object(Bucket=bucket, Key=key)
botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation: Reduce your rate
"""


def attributes(given: Document) -> list[Document]:
    """Attributes as OTLP lists them."""
    return [{"key": key, "value": value_of(value)} for key, value in given.items()]


def value_of(value: Any) -> Document:
    """An AnyValue."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [value_of(each) for each in value]}}
        case dict():
            return {"kvlistValue": {"values": attributes(value)}}
        case _:
            return {"stringValue": value}


def exception(**given: str) -> Document:
    """The attributes of an exception."""
    said = {
        "type": "botocore.exceptions.ClientError",
        "message": "An error occurred (SlowDown) when calling the PutObject operation: Reduce your rate",
        "stacktrace": TRACEBACK,
    } | given
    return {f"exception.{name}": value for name, value in said.items()}


def record(attrs: Document | None = None, **fields: Any) -> Document:
    """A log record with an exception."""
    return {
        "timeUnixNano": str(TIME),
        "observedTimeUnixNano": str(TIME + 1_000),
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": {"stringValue": "the upload failed"},
        "attributes": attributes(exception() if attrs is None else attrs),
        "traceId": TRACE,
        "spanId": SPAN,
    } | fields


def logs(*records: Document, resource: Document | None = None) -> Document:
    """An ExportLogsServiceRequest."""
    named = {"service.name": "fraud-training", "service.version": "1.8"} if resource is None else resource
    scopes = [{"scope": {"name": "train"}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": {"attributes": attributes(named)}, "scopeLogs": scopes}]}


def event(attrs: Document | None = None, **fields: Any) -> Document:
    """A span event that notes an exception."""
    noted = attributes(exception() if attrs is None else attrs)
    return {"name": "exception", "timeUnixNano": str(TIME), "attributes": noted} | fields


def span(*events: Document, **fields: Any) -> Document:
    """A span that failed."""
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": "",
        "name": "upload",
        "kind": 1,
        "startTimeUnixNano": str(TIME - 5_000_000_000),
        "endTimeUnixNano": str(TIME + 1_000_000),
        "attributes": [],
        "events": list(events),
        "status": {"code": 2, "message": "ClientError: SlowDown"},
    } | fields


def traces(*spans: Document, resource: Document | None = None) -> Document:
    """An ExportTraceServiceRequest."""
    named = {"service.name": "fraud-training"} if resource is None else resource
    scopes = [{"scope": {"name": "train"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": attributes(named)}, "scopeSpans": scopes}]}
