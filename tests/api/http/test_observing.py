"""What the service tells of itself: counts, log lines, spans, and the dashboard that plots them."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.util._once import Once

from api import logs, telemetry
from tests.api.durability.process import wait_for

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana" / "seenbefore.json"
SECRET_WORDS = "the vault of miss marple exploded"
METRIC = re.compile(r"seenbefore_\w+")


def counted(client: httpx.Client, line: str) -> float:
    """A sample of `/metrics`; 0 where it is not there yet."""
    found = re.search(rf"^{re.escape(line)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_was_judged_is_counted(client: httpx.Client) -> None:
    """By verdict and decision, dry runs apart; and how retries ended."""
    text = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
    line = 'seenbefore_advice_total{{decision="retry",dry_run="{}",verdict="transient"}}'
    lines = [line.format("false"), line.format("true"), 'seenbefore_outcomes_total{result="succeeded"}']
    before = [counted(client, each) for each in lines]
    answer = client.post("/advise", json={"text": text}).json()
    client.post("/advise?dry_run=true", json={"text": text})
    client.post(f"/incidents/{answer['incident_id']}/outcome", json={"result": "succeeded"}).raise_for_status()

    assert [1.0, 1.0, 1.0] == [counted(client, each) - was for each, was in zip(lines, before, strict=True)]


def test_the_dashboard_plots_what_there_is(client: httpx.Client) -> None:
    """Every metric that a panel asks for is offered, and every one that is offered is plotted."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in METRIC.findall(target["expr"])}
    offered = set(re.findall(r"^# TYPE (seenbefore_\w+)", client.get("/metrics").text, re.MULTILINE))

    assert offered == {name.removesuffix("_bucket") for name in asked}


def _of_requests(caplog: pytest.LogCaptureFixture, *, of: int) -> list[logging.LogRecord]:
    """What is told of requests, once it is so many."""
    told = [record for record in caplog.records if record.name == "api.requests"]
    return told if len(told) >= of else []


def test_a_request_is_logged_by_its_route(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """One line, with the id that a proxy gave; nothing of what was said, and no id that is not one."""
    caplog.set_level(logging.INFO, "api.requests")
    given = client.post("/advise", json={"text": SECRET_WORDS}, headers={"X-Request-Id": "proxy-7"})
    made = client.get(f"/incidents?pipeline={SECRET_WORDS}", headers={"X-Request-Id": "no id <script>"})
    told = wait_for(lambda: _of_requests(caplog, of=2))  # a line follows its answer
    lines = [json.loads(logs._json().format(record)) for record in told]

    assert "proxy-7" == given.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
    assert [("POST", "/advise", 200, "proxy-7"), ("GET", "/incidents", 200, made.headers["x-request-id"])] == [
        (line["method"], line["route"], line["status"], line["request_id"]) for line in lines
    ]
    assert "marple" not in json.dumps(lines)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Span]]:
    """An OpenTelemetry collector on this machine: the spans that it was sent."""
    spans: list[Span] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    # The provider is the process's; the tests that follow have none again.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=server.serve_forever).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield spans
    server.shutdown()
    server.server_close()


def test_the_way_of_a_failure_is_traced(client: httpx.Client, collector: list[Span]) -> None:
    """From the caller's own trace on: each part is a span below the request's, and none says what the failure said."""
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with telemetry.exporting():
        client.post(
            "/advise",
            json={"text": f"ValueError: {SECRET_WORDS}"},
            headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"},
        ).raise_for_status()
        client.get("/health/live")
    ours = [span for span in collector if span.trace_id.hex() == trace_id]
    (request,) = (span for span in ours if span.name == "POST /advise")

    assert {
        "POST /advise",
        "sign",
        "look up",
        "known fingerprint",
        "embed",
        "neighbours",
        "judge",
        "record",
    } == {span.name for span in ours}
    assert "b7ad6b7169203331" == request.parent_span_id.hex()
    assert {("http.route", "/advise"), ("http.response.status_code", "200")} <= {
        (each.key, each.value.string_value or str(each.value.int_value)) for each in request.attributes
    }
    assert "marple" not in str(collector)
    assert not [span for span in collector if "health" in span.name]


def test_an_error_of_the_service_is_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """Its class, and where it was raised: the message may quote what was sent, and so may what it was raised from."""
    log = logging.getLogger("tests.bare")
    log.addFilter(logs.Bare())
    try:
        try:
            raise KeyError(SECRET_WORDS)
        except KeyError as error:
            raise ValueError(SECRET_WORDS) from error
    except ValueError:
        log.exception("it failed")

    assert "ValueError" in caplog.text
    assert "test_observing.py" in caplog.text
    assert "marple exploded" not in caplog.text
