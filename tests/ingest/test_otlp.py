"""OTLP: what is read of both encodings, and which records become failures."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.otlp import json as otlp_json
from ingest.otlp import protobuf as otlp_protobuf
from ingest.otlp.failures import Found, bare_class, of_logs, of_spans
from ingest.otlp.records import Malformed
from knowledge.failures import ErrorInfo, Failure
from tests.ingest.exports import SPAN, TIME, TRACE, TRACEBACK, attributes, event, exception, logs, record, span, traces
from tests.ingest.test_webhooks import json_values

MESSAGE = exception()["exception.message"]


def found_in_logs(request: dict[str, Any]) -> Found:
    """What a request of logs holds."""
    return of_logs(otlp_json.read_logs(json.dumps(request).encode()))


def found_in_traces(request: dict[str, Any]) -> Found:
    """What a request of traces holds."""
    return of_spans(otlp_json.read_spans(json.dumps(request).encode()))


def ids_in_base64(value: Any) -> Any:
    """JSON as protobuf's own mapping has it: OTLP's differs in its ids."""
    if isinstance(value, list):
        return [ids_in_base64(each) for each in value]
    if not isinstance(value, dict):
        return value
    ids = {key: each for key, each in value.items() if key in {"traceId", "spanId", "parentSpanId"}}
    packed = {key: base64.b64encode(bytes.fromhex(each)).decode() for key, each in ids.items()}
    return {key: ids_in_base64(each) for key, each in value.items()} | packed


def test_log_record_with_an_exception() -> None:
    """Its exception, its service as pipeline, its trace as run, its time to the microsecond."""
    found = found_in_logs(logs(record()))

    assert 0 == found.ignored
    (failure,) = found.failures
    assert ErrorInfo("botocore.exceptions.ClientError", MESSAGE, TRACEBACK) == failure.error
    assert ("fraud-training", None, TRACE, None) == (failure.pipeline, failure.step, failure.run_id, failure.attempt)
    assert datetime(2026, 11, 20, 8, 15, 0, 123_456, UTC) == failure.occurred_at
    assert {
        "log_message": "the upload failed",
        "trace_id": TRACE,
        "span_id": SPAN,
        "service.name": "fraud-training",
        "service.version": "1.8",
    } == failure.environment
    assert (failure.external_id or "").startswith(f"otlp:log:{TRACE}:{SPAN}:")


def test_names_of_the_record_win() -> None:
    """Ours over those of others, and a service that nobody has named is none."""
    ours = {"seenbefore.pipeline": "p", "seenbefore.step": "s", "seenbefore.run_id": "r-1", "seenbefore.attempt": 3}
    resource = {"service.name": "unknown_service:python", "k8s.job.name": "fraud-nightly"}
    told, untold = found_in_logs(logs(record(exception() | ours), record(), resource=resource)).failures

    assert ("p", "s", "r-1", 3) == (told.pipeline, told.step, told.run_id, told.attempt)
    assert "fraud-nightly" == untold.pipeline


@pytest.mark.parametrize(
    "fields",
    [
        {"attributes": []},
        {"attributes": attributes({"exception.type": "", "exception.message": "  "})},
        {"severityNumber": 9},
        {"severityNumber": 5},
    ],
)
def test_records_that_are_no_failure(fields: dict[str, Any]) -> None:
    """Those without an exception, and those that note one that was handled."""
    assert Found((), ignored=1) == found_in_logs(logs(record(**fields)))


@pytest.mark.parametrize("severity", [0, 13, 17, 21])
def test_severities_of_failures(severity: int) -> None:
    """WARN and above, and what does not say."""
    assert 1 == len(found_in_logs(logs(record(severityNumber=severity))).failures)


def test_identity_is_of_the_record() -> None:
    """The same again is the same; another moment is another; two alike in one request are two."""
    same, later = found_in_logs(logs(record(), record(timeUnixNano=str(TIME + 1)))).failures
    again, second = found_in_logs(logs(record(), record())).failures

    assert same.external_id == again.external_id
    assert 3 == len({same.external_id, later.external_id, second.external_id})


def test_identity_without_a_trace_is_of_the_resource_too() -> None:
    """Two hosts that log the same at once have failed twice."""
    made = [
        found_in_logs(logs(record(traceId="", spanId=""), resource={"host.name": host})).failures[0].external_id
        for host in ("a", "b", "a")
    ]

    assert made[0] == made[2] != made[1]


def test_time_is_when_it_was_seen_where_nobody_says_when_it_was() -> None:
    """And nothing where neither is said."""
    seen, unknown = found_in_logs(
        logs(record(timeUnixNano="0"), record(timeUnixNano=0, observedTimeUnixNano=None))
    ).failures

    assert datetime(2026, 11, 20, 8, 15, 0, 123_457, UTC) == seen.occurred_at
    assert None is unknown.occurred_at


def test_span_that_notes_an_exception() -> None:
    """Its name is the step; its status is told by the exception."""
    (failure,) = found_in_traces(traces(span(event()))).failures

    assert ErrorInfo("botocore.exceptions.ClientError", MESSAGE, TRACEBACK) == failure.error
    assert ("fraud-training", "upload", TRACE) == (failure.pipeline, failure.step, failure.run_id)


def test_span_that_failed_without_an_exception() -> None:
    """Its status says why, and where it does not, its name at least."""
    silent = span(spanId="eee19b7ec3c1b175", status={"code": 2}, attributes=attributes({"error.type": "500"}))
    nameless = span(spanId="eee19b7ec3c1b176", status={"code": 2})
    failures = found_in_traces(traces(span(), silent, nameless)).failures

    assert [
        ErrorInfo(None, "ClientError: SlowDown"),
        ErrorInfo("500", None),
        ErrorInfo(None, "span 'upload' ended with status ERROR"),
    ] == [failure.error for failure in failures]


def test_exception_that_leaves_nested_spans_is_one_failure() -> None:
    """Told by the innermost; another exception of an outer span is another failure."""
    outer = span(event(), spanId="aaaaaaaaaaaaaaa1", name="pipeline")
    middle = span(spanId="aaaaaaaaaaaaaaa2", parentSpanId="aaaaaaaaaaaaaaa1", name="step")
    inner = span(event(), spanId="aaaaaaaaaaaaaaa3", parentSpanId="aaaaaaaaaaaaaaa2", name="upload")
    wrapped = span(
        event(exception(type="StepFailed", message="upload gave up")),
        spanId="aaaaaaaaaaaaaaa1",
        name="pipeline",
    )

    assert ["upload"] == [each.step for each in found_in_traces(traces(outer, middle, inner)).failures]
    assert 2 == found_in_traces(traces(outer, middle, inner)).ignored
    assert ["pipeline", "upload"] == [each.step for each in found_in_traces(traces(wrapped, inner)).failures]


def test_each_exception_that_a_span_notes_counts() -> None:
    """A loop that tried three times has failed three times."""
    tried = [event(timeUnixNano=str(TIME + number)) for number in range(3)]

    assert 3 == len({each.external_id for each in found_in_traces(traces(span(*tried))).failures})


def test_spans_in_a_circle_are_read() -> None:
    """Whoever calls whom."""
    one = span(event(), parentSpanId="aaaaaaaaaaaaaaa2", spanId="aaaaaaaaaaaaaaa1")
    other = span(event(), parentSpanId="aaaaaaaaaaaaaaa1", spanId="aaaaaaaaaaaaaaa2")
    itself = span(event(), parentSpanId="aaaaaaaaaaaaaaa3", spanId="aaaaaaaaaaaaaaa3")

    assert ["aaaaaaaaaaaaaaa3"] == [
        each.environment["span_id"] for each in found_in_traces(traces(one, other, itself)).failures
    ]


def test_many_nested_spans_are_read_in_time() -> None:
    """Each span is passed once, however many exceptions come from within."""
    ids = [f"{number:016x}" for number in range(1, 20_001)]
    parents = ["", *ids]
    nested = [span(event(), spanId=id, parentSpanId=parent) for id, parent in zip(ids, parents, strict=False)]
    started = time.monotonic()
    found = found_in_traces(traces(*nested))

    assert ([ids[-1]], len(ids) - 1) == ([each.environment["span_id"] for each in found.failures], found.ignored)
    assert time.monotonic() - started < 10


def test_spans_that_went_well() -> None:
    """Are nothing."""
    well = span({"name": "checkpoint", "timeUnixNano": str(TIME)}, status={})

    assert Found((), ignored=1) == found_in_traces(traces(well))


def test_both_encodings_say_the_same() -> None:
    """Down to the ids: who changes the exporter's protocol sends no failure twice."""
    values = {"truth": True, "number": -7, "share": 0.5, "list": ["a", 1], "map": {"key": "value"}}
    told = logs(record(exception() | values), record(traceId="", spanId=""), resource={"service.name": "s"} | values)
    traced = traces(span(event(), attributes=attributes(values)), span(spanId="eee19b7ec3c1b175"))
    told_packed = ParseDict(ids_in_base64(told), ExportLogsServiceRequest()).SerializeToString()
    traced_packed = ParseDict(ids_in_base64(traced), ExportTraceServiceRequest()).SerializeToString()

    assert found_in_logs(told) == of_logs(otlp_protobuf.read_logs(told_packed))
    assert found_in_traces(traced) == of_spans(otlp_protobuf.read_spans(traced_packed))


def test_unknown_fields_are_ignored() -> None:
    """As the protocol demands; and so are values of kinds to come."""
    newer = logs(record(hue="green", attributes=[*attributes(exception()), {"key": "k", "value": {"newValue": 1}}]))

    assert 1 == len(found_in_logs(newer | {"more": []}).failures)


def test_number_of_any_size() -> None:
    """A double may be written as a whole number, and a long one."""
    (failure,) = found_in_logs(logs(record(body={"doubleValue": 10**30}, attributes=attributes(exception())))).failures

    assert failure.external_id


def test_nul_is_replaced() -> None:
    """PostgreSQL cannot keep it."""
    (failure,) = found_in_logs(logs(record(exception(message="a\0b")))).failures

    assert ErrorInfo(exception()["exception.type"], "a\N{REPLACEMENT CHARACTER}b", TRACEBACK) == failure.error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b'{"resourceLogs": {}}',
        b'{"resourceLogs": [1]}',
        b'{"resourceLogs": [{"scopeLogs": {}}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": 7}]}]}',
        b'{"resourceLogs": NaN}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"doubleValue": Infinity}}]}]}]}',
        b'{"resourceLogs": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_otlp(body: bytes) -> None:
    """Is refused as a whole."""
    with pytest.raises(Malformed):
        otlp_json.read_logs(body)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"timeUnixNano": "soon"}, "timeUnixNano is no whole number of 64 bits"),
        ({"timeUnixNano": 10**400}, "timeUnixNano is no whole number of 64 bits"),
        ({"attributes": attributes({"big": 2**64})}, "intValue is no whole number of 64 bits"),
        ({"attributes": [{"key": 1}]}, "key is no text"),
        ({"body": attributes({"k": "v"})}, "a value is no object"),
        ({"traceId": "xyz"}, "traceId is not in hexadecimal digits"),
        ({"spanId": "\ud800"}, "spanId is not in hexadecimal digits"),
    ],
)
def test_record_that_cannot_be_read(wrong: dict[str, Any], problem: str) -> None:
    """Costs itself alone, and says why: the protocol calls that partial success."""
    found = found_in_logs(logs(record(), record(**wrong), record(timeUnixNano=str(TIME + 1)), record(**wrong)))

    assert (2, 2) == (len(found.failures), found.rejected)
    assert found.problem.lower().startswith(f"record 2: {problem.lower()}")


def test_span_that_cannot_be_read() -> None:
    """The same of spans, and of what is no object."""
    found = found_in_traces(traces(span(event(), parentSpanId="no hex"), "no span", span(event())))  # type: ignore[arg-type]

    assert (1, 2) == (len(found.failures), found.rejected)


def test_resource_that_cannot_be_read() -> None:
    """Costs its own records."""
    broken = logs(record(), record(), resource={"service.name": 2**64})
    found = found_in_logs({"resourceLogs": broken["resourceLogs"] + logs(record())["resourceLogs"]})

    assert (1, 2) == (len(found.failures), found.rejected)
    assert "record 1: its resource: intValue is no whole number of 64 bits" in found.problem


def test_record_in_protobuf_that_cannot_be_read() -> None:
    """Protobuf refuses a message as a whole; the records beside a broken one are read all the same."""
    told = logs(record(), record(exception(message="XXXX")), record(timeUnixNano=str(TIME + 1)))
    traced = traces(span(event(), name="XXXX"), span(event(), spanId="eee19b7ec3c1b175"))
    packed = ParseDict(ids_in_base64(told), ExportLogsServiceRequest()).SerializeToString()
    spans = ParseDict(ids_in_base64(traced), ExportTraceServiceRequest()).SerializeToString()
    found = of_logs(otlp_protobuf.read_logs(packed.replace(b"XXXX", b"\xff" * 4)))
    found_spans = of_spans(otlp_protobuf.read_spans(spans.replace(b"XXXX", b"\xff" * 4)))
    good = found_in_logs(logs(record(), record(timeUnixNano=str(TIME + 1))))

    assert (good.failures, 1, "record 2: this is no LogRecord in protobuf.") == (
        found.failures,
        found.rejected,
        found.problem,
    )
    assert (1, 1) == (len(found_spans.failures), found_spans.rejected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("botocore.exceptions.ClientError", "ClientError"),
        ("com.acme.Orders$Missing", "Missing"),
        ("std::runtime_error", "runtime_error"),
        ("KeyError", "KeyError"),
        ("odd.", "odd."),
    ],
)
def test_classes_without_their_places(kind: str, expected: str) -> None:
    """For handlers that log no more of a class."""
    assert expected == bare_class(kind)


def test_log_and_span_share_an_id() -> None:
    """Of the class in the span, whatever the message and the moment; another span or class has another."""
    logged = found_in_logs(logs(record(exception(type="ClientError", message="SlowDown"), timeUnixNano=str(TIME + 7))))
    noted = found_in_traces(traces(span(event())))
    others = found_in_logs(
        logs(
            record(spanId="eee19b7ec3c1b175"), record(exception(type="KeyError")), record(spanId=""), record(traceId="")
        )
    )

    assert [f"otlp:{TRACE}:{SPAN}:ClientError"] == [*logged.shared.values()] == [*noted.shared.values()]
    assert (2, set()) == (len(others.shared), {*others.shared.values()} & {*noted.shared.values()})


@given(
    value=json_values, name=st.sampled_from(["resourceLogs", "scopeLogs", "logRecords", "attributes", "body", "value"])
)
def test_any_json_is_read_or_refused(value: Any, name: str) -> None:
    """Nothing else is raised, wherever a wrong shape stands."""
    records = [{"attributes": [{"key": "exception.type", "value": {}}], "body": {}}]
    body = written(replaced({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}, name, value))
    for read, convert in ((otlp_json.read_logs, of_logs), (otlp_json.read_spans, of_spans)):
        try:
            assert isinstance(convert(read(body)), Found)  # type: ignore[operator]
        except Malformed as error:
            assert str(error)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Of protobuf as well."""
    for read, convert in ((otlp_protobuf.read_logs, of_logs), (otlp_protobuf.read_spans, of_spans)):
        try:
            assert all(isinstance(each, Failure) for each in convert(read(body)).failures)  # type: ignore[operator]
        except Malformed as error:
            assert str(error)


def replaced(document: Any, name: str, value: Any) -> Any:
    """A document with this value wherever that name stands."""
    if isinstance(document, list):
        return [replaced(each, name, value) for each in document]
    if not isinstance(document, dict):
        return document
    return {key: value if key == name else replaced(each, name, value) for key, each in document.items()}


def written(document: Any) -> bytes:
    """JSON of anything; what it has no words for is nothing."""
    return json.dumps(document).replace("NaN", "null").encode("utf-8", "replace")
