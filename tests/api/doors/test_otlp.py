"""OTLP against the running service: both encodings, packed or not, answered in kind."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from api.doors import otlp
from api.settings import Settings
from tests.api.http.asking import Document, listed, problem
from tests.ingest.exports import TIME, TRACE, attributes, event, exception, logs, record, span, traces
from tests.ingest.test_otlp import ids_in_base64

JSON, PROTOBUF = {"Content-Type": "application/json"}, {"Content-Type": "application/x-protobuf"}


def packed_logs(request: Document) -> bytes:
    """A request of logs in protobuf."""
    return ParseDict(ids_in_base64(request), ExportLogsServiceRequest()).SerializeToString()


def packed_traces(request: Document) -> bytes:
    """A request of traces in protobuf."""
    return ParseDict(ids_in_base64(request), ExportTraceServiceRequest()).SerializeToString()


def test_logs_in_json(client: httpx.Client) -> None:
    """An exception becomes an incident, once; what is none is ignored."""
    request = logs(record(), record(attributes=[]))
    answers = [client.post("/v1/logs", json=request) for _ in range(2)]

    assert [(200, {}), (200, {})] == [(each.status_code, each.json()) for each in answers]
    assert "application/json" == answers[0].headers["content-type"]
    (incident,) = listed(client)
    assert ("fraud-training", TRACE) == (incident["pipeline"], incident["run_id"])
    assert "2026-11-20T08:15:00.123456Z" == incident["occurred_at"]
    assert {"service.version": "1.8", "trace_id": TRACE}.items() <= incident["environment"].items()


def test_traces_in_json(client: httpx.Client) -> None:
    """A span's exception becomes an incident with the span as step."""
    answers = [client.post("/v1/traces", json=traces(span(event()))) for _ in range(2)]

    assert [(200, {}), (200, {})] == [(each.status_code, each.json()) for each in answers]
    assert [("fraud-training", "upload")] == [(each["pipeline"], each["step"]) for each in listed(client)]


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_protobuf(client: httpx.Client, encoding: str) -> None:
    """The same records as in JSON are the same incidents."""
    pack = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    headers = PROTOBUF | {"Content-Encoding": encoding}
    told = client.post("/v1/logs", content=pack(packed_logs(logs(record()))), headers=headers)
    other = traces(span(event(), spanId="eee19b7ec3c1b175"))
    traced = client.post("/v1/traces", content=pack(packed_traces(other)), headers=headers)
    client.post("/v1/logs", json=logs(record()))

    assert (200, b"") == (told.status_code, told.content)
    assert (200, b"") == (traced.status_code, traced.content)
    assert "application/x-protobuf" == told.headers["content-type"]
    assert 2 == len(listed(client))


def test_partial_success(client: httpx.Client) -> None:
    """What cannot be taken is counted and explained, in the encoding of the request, and costs nothing else."""
    in_json = client.post("/v1/logs", json=logs(record(traceId="no hex"), record())).json()["partialSuccess"]
    broken = packed_logs(logs(record(), record(exception(message="XXXX")))).replace(b"XXXX", b"\xff\xff\xff\xff")
    packed = client.post("/v1/logs", content=broken, headers=PROTOBUF)
    spans = packed_traces(traces(span(event(), name="XXXX"))).replace(b"XXXX", b"\xff\xff\xff\xff")
    answer = ExportLogsServiceResponse.FromString(packed.content).partial_success
    traced = client.post("/v1/traces", content=spans, headers=PROTOBUF)

    assert ("1", 1) == (in_json["rejectedLogRecords"], answer.rejected_log_records)
    assert "record 1: traceId is not in hexadecimal digits." == in_json["errorMessage"]
    assert answer.error_message.startswith("record 2: ")
    assert 1 == ExportTraceServiceResponse.FromString(traced.content).partial_success.rejected_spans
    assert 1 == len(listed(client))


@pytest.mark.parametrize("told", [logs, traces])
def test_record_that_cannot_be_read(client: httpx.Client, told: Callable[..., Document]) -> None:
    """Is counted and explained; the good ones beside it are taken, in both encodings."""
    path, one, name = ("logs", record, "rejectedLogRecords") if told is logs else ("traces", span, "rejectedSpans")
    good, bad = one(traceId="a" * 32), one(traceId="no hex")
    partial = client.post(f"/v1/{path}", json=told(bad, good, bad)).json()["partialSuccess"]

    assert {name: "2", "errorMessage": "record 1: traceId is not in hexadecimal digits."} == partial
    assert ["a" * 32] == [each["run_id"] for each in listed(client)]


def test_half_a_character_costs_nothing(client: httpx.Client) -> None:
    """What a program has cut in the middle of a sign is mended, in a request that the fast reader refuses."""
    half = attributes({"\udfff": "\ud800"}) + attributes(exception(message="cut here: \ud83d"))
    body = json.dumps(logs(record(attributes=half, spanId=""), record(), resource={"service.name": "half \ud800"}))
    answer = client.post("/v1/logs", content=body, headers=JSON)

    assert (200, {}) == (answer.status_code, answer.json())
    assert 2 == len(listed(client))


@pytest.mark.parametrize("nanoseconds", ["1000", str(2**64 - 1)], ids=["1970", "2554"])
def test_clock_that_is_years_off(client: httpx.Client, nanoseconds: str) -> None:
    """Its failures are some all the same, of now, and once: as log and on the span, and sent again."""
    moment: Document = {"timeUnixNano": nanoseconds}
    for _ in range(2):
        told = client.post("/v1/logs", json=logs(record(**moment)))
        noted = client.post("/v1/traces", json=traces(span(event(**moment))))
        assert [(200, {})] * 2 == [(each.status_code, each.json()) for each in (told, noted)]
    (incident,) = listed(client)

    assert abs(datetime.now(UTC) - datetime.fromisoformat(incident["occurred_at"])) < timedelta(minutes=5)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_several_members(client: httpx.Client, encoding: str) -> None:
    """gzip allows a file to be put together of several (RFC 1952), an empty one among them."""
    body = json.dumps(logs(record())).encode()
    packed = b"".join(gzip.compress(part) for part in (body[:99], b"", body[99:]))
    answer = client.post("/v1/logs", content=packed, headers=JSON | {"Content-Encoding": encoding})

    assert (200, 1) == (answer.status_code, len(listed(client)))


@pytest.mark.parametrize(("members", "status"), [(1_000, 400), (1_001, 413)])
def test_nothing_packed_again_and_again(client: httpx.Client, members: int, status: int) -> None:
    """Is no JSON, and ends where there are too many: each costs time."""
    answer = client.post(
        "/v1/logs", content=gzip.compress(b"", mtime=0) * members, headers=JSON | {"Content-Encoding": "gzip"}
    )

    problem(answer, status)


def test_a_body_that_is_too_large(client: httpx.Client) -> None:
    """Is told so, whether it says its size or not, and packed or not; nothing of it is taken."""
    most = Settings().max_otlp_bytes
    said = client.post("/v1/logs", content=b" " * (most + 1), headers=JSON)
    packed = client.post(
        "/v1/logs", content=gzip.compress(b" " * (most + 1)), headers=JSON | {"Content-Encoding": "gzip"}
    )

    def unsaid() -> Iterator[bytes]:
        for _ in range(most // 1_000_000 + 2):
            yield b" " * 1_000_000

    streamed = client.post("/v1/logs", content=unsaid(), headers=JSON)

    assert [str(most) in problem(each, 413)["detail"] for each in (said, packed, streamed)] == [True] * 3


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{}", JSON | {"Content-Encoding": "zstd"}, 415),
        (b"{}", JSON | {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], JSON | {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0) + b"more", JSON | {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0)[:-4], JSON | {"Content-Encoding": "gzip"}, 400),
        (zlib.compress(b"{") + zlib.compress(b"}"), JSON | {"Content-Encoding": "deflate"}, 400),
        (gzip.compress(b"{}", mtime=0), JSON | {"Content-Encoding": "gzip, gzip"}, 415),
        (b"", JSON | {"Content-Encoding": "gzip"}, 400),
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b'{"resourceLogs": 1}', JSON, 400),
        (b'{"resourceLogs": NaN}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
    ],
)
def test_what_is_no_export(client: httpx.Client, content: bytes, headers: dict[str, str], status: int) -> None:
    """Is refused as a problem."""
    problem(client.post("/v1/logs", content=content, headers=headers), status)


def test_problems_in_protobuf(client: httpx.Client) -> None:
    """Those who send protobuf are told what is wrong in protobuf."""
    answer = client.post("/v1/traces", content=b"\x00nonsense", headers=PROTOBUF)

    assert (400, "application/x-protobuf") == (answer.status_code, answer.headers["content-type"])
    assert "This is no OTLP in protobuf." == Status.FromString(answer.content).message


def test_hostile_values_are_kept(client: httpx.Client) -> None:
    """NUL, numbers beyond JSON's, values nested as nobody nests: the record is taken all the same."""
    deep: Document = {"stringValue": "end"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    odd = {"service.name": "s\0", "share": float("inf"), "big": 2**63 - 1}
    records = [record(exception(message="<script>\0</script>")), record(body=deep, timeUnixNano=str(TIME + 1))]
    body = json.dumps(logs(*records, resource=odd)).replace("Infinity", '"Infinity"')
    packed = packed_logs(logs(record(timeUnixNano=str(TIME + 2)), resource={"share": 0.5}))
    infinite = packed.replace(struct.pack("<d", 0.5), struct.pack("<d", float("inf")))
    sent = ((body, JSON), (infinite, PROTOBUF))
    answers = [client.post("/v1/logs", content=content, headers=headers) for content, headers in sent]

    assert [(200, b"{}"), (200, b"")] == [(each.status_code, each.content) for each in answers]
    assert 3 == len(listed(client))


def test_without_the_extra(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protobuf is refused with its name, and JSON goes on."""
    monkeypatch.setattr(otlp, "is_protobuf_installed", lambda: False)

    assert "seenbefore-server[otlp]" in problem(client.post("/v1/logs", content=b"", headers=PROTOBUF), 501)["detail"]
    assert 200 == client.post("/v1/logs", json=logs(record())).status_code


def test_what_came_in_is_counted(client: httpx.Client) -> None:
    """By door and by what became of it."""
    before = counted(client)
    client.post("/v1/logs", json=logs(record(), record(attributes=[]), record(traceId="no hex")))
    client.post("/v1/logs", json=logs(record()))
    after = counted(client)

    assert {"accepted": 1.0, "ignored": 1.0, "rejected": 1.0, "duplicate": 1.0} == {
        name: value - before.get(name, 0.0) for name, value in after.items() if value != before.get(name)
    }


def counted(client: httpx.Client) -> dict[str, float]:
    """What the door of logs has counted, by result."""
    lines = (
        line for line in client.get("/metrics").text.splitlines() if '_door_records_total{door="otlp_logs"' in line
    )
    return {line.partition('result="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}
