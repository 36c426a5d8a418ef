"""OTLP in JSON: the mapping of protobuf to JSON with ids in hex, 64-bit numbers as texts and unknown fields ignored.

Half a character (a lone surrogate) is mended. What no record can hold (a number beyond 64 bits, an id that is no hex)
costs the record that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from ingest.foreign import json_of, whole
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
from ingest.records import LEAST_WHOLE, MOST_WHOLE

#: Digits of a 64-bit number, with its sign.
LONGEST_NUMBER = 20
FAILED = (2, "STATUS_CODE_ERROR")
HEX = frozenset("0123456789abcdef")
#: The attributes of a resource, or what is wrong with them; and a record of it, which may be anything.
Given: TypeAlias = tuple[Attributes | Malformed, Any]


def read_logs(body: bytes) -> Export[LogRecord]:
    """The records of an ExportLogsServiceRequest; raises `Malformed` where it is none as a whole."""
    return read_each(_records(body, ("resourceLogs", "scopeLogs", "logRecords")), _log_record)


def read_spans(body: bytes) -> Export[Span]:
    """The spans of an ExportTraceServiceRequest; raises `Malformed` where it is none as a whole."""
    return read_each(_records(body, ("resourceSpans", "scopeSpans", "spans")), _span)


def _records(body: bytes, names: tuple[str, str, str]) -> Iterator[Given]:
    try:
        request = json_of(body)
    except ValueError as error:
        raise Malformed(str(error)) from None
    if not isinstance(request, dict):
        raise Malformed("The body is no JSON object.")
    groups, scopes, records = names
    for group in _list(request, groups):
        resource = _resource(group)
        for scope in _list(group, scopes):
            yield from ((resource, record) for record in _any_list(scope, records))


def _resource(group: dict[str, Any]) -> Attributes | Malformed:
    try:
        return _attributes(_object(group, "resource"))
    except Malformed as error:
        return error


def _parts(given: Given) -> tuple[Attributes, dict[str, Any]]:
    """The resource and the record; raises `Malformed` where one of them is none."""
    resource, record = given
    if isinstance(resource, Malformed):
        raise Malformed(f"its resource: {resource}")
    if not isinstance(record, dict):
        raise Malformed("it is no object.")
    return resource, record


def _log_record(record: Given) -> LogRecord:
    resource, given = _parts(record)
    return LogRecord(
        resource=resource,
        attributes=_attributes(given),
        body=_value(given.get("body"), depth=0),
        time=_whole(given, "timeUnixNano"),
        observed=_whole(given, "observedTimeUnixNano"),
        severity=_severity(given.get("severityNumber")),
        trace_id=_id(given, "traceId", size=16),
        span_id=_id(given, "spanId", size=8),
    )


def _span(span: Given) -> Span:
    resource, given = _parts(span)
    status = _object(given, "status")
    return Span(
        resource=resource,
        attributes=_attributes(given),
        name=_text(given, "name"),
        trace_id=_id(given, "traceId", size=16),
        span_id=_id(given, "spanId", size=8),
        parent_id=_id(given, "parentSpanId", size=8),
        end=_whole(given, "endTimeUnixNano"),
        failed=status.get("code") in FAILED,
        message=_text(status, "message"),
        events=tuple(
            Event(_text(event, "name"), _whole(event, "timeUnixNano"), _attributes(event))
            for event in _list(given, "events")
        ),
    )


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    pairs = _list(holder, "attributes")
    return {_text(pair, "key"): _value(pair.get("value"), depth=0) for pair in pairs}


def _value(given: Any, *, depth: int) -> Any:
    """An AnyValue; None for what is empty, unknown, or nested too deep."""
    if given is None or depth > DEEPEST:
        return None
    if not isinstance(given, dict):
        raise Malformed('A value is no object such as {"stringValue": …}.')
    for kind in ("stringValue", "bytesValue", "boolValue", "doubleValue"):
        if kind in given:
            return _plain(given[kind])
    if "intValue" in given:
        return _whole(given, "intValue")
    if "arrayValue" in given:
        return [_value(each, depth=depth + 1) for each in _values(given, "arrayValue")]
    if "kvlistValue" in given:
        pairs = _list(_object(given, "kvlistValue"), "values")
        return {_text(pair, "key"): _value(pair.get("value"), depth=depth + 1) for pair in pairs}
    return None


def _plain(given: Any) -> Any:
    """A text, a number or a truth value; None for anything else."""
    if isinstance(given, str):
        return whole(given)
    if isinstance(given, bool | float):
        return given
    return float(given) if isinstance(given, int) else None


def _values(holder: dict[str, Any], name: str) -> list[Any]:
    found = _object(holder, name).get("values")
    if not isinstance(found, list | None):
        raise Malformed(f"{name}.values is no list.")
    return found or []


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name)
    if not isinstance(found, dict | None):
        raise Malformed(f"{name} is no object.")
    return found or {}


def _list(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = _any_list(holder, name)
    if not all(isinstance(each, dict) for each in found):
        raise Malformed(f"{name} holds what is no object.")
    return found


def _any_list(holder: dict[str, Any], name: str) -> list[Any]:
    found = holder.get(name)
    if not isinstance(found, list | None):
        raise Malformed(f"{name} is no list.")
    return found or []


def _text(holder: dict[str, Any], name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str | None):
        raise Malformed(f"{name} is no text.")
    return whole(found) if found else ""


def _whole(holder: dict[str, Any], name: str) -> int:
    found = holder.get(name)
    if found is None:
        return 0
    number = _written(found) if isinstance(found, str) else found
    if not isinstance(number, int) or isinstance(number, bool) or not LEAST_WHOLE <= number <= MOST_WHOLE:
        raise Malformed(f"{name} is no whole number of 64 bits.")
    return number


def _written(digits: str) -> int | None:
    is_number = len(digits) <= LONGEST_NUMBER and digits.isascii() and digits.removeprefix("-").isdigit()
    return int(digits) if is_number else None


def _severity(given: Any) -> int:
    return given if isinstance(given, int) and not isinstance(given, bool) else 0


def _id(holder: dict[str, Any], name: str, *, size: int) -> str:
    digits = _text(holder, name).lower()
    if not HEX.issuperset(digits):
        raise Malformed(f"{name} is not in hexadecimal digits.")
    return identifier(digits, size=size)
