"""Bodies that nobody documents: refused or passed over, never a 5xx."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.doors.sending import GITHUB_SECRET, SENTRY_SECRET, signed
from tests.api.doors.test_otlp import packed_logs, packed_traces
from tests.ingest import webhooks
from tests.ingest.exports import event, logs, record, span, traces
from tests.ingest.test_otlp import replaced
from tests.ingest.test_webhooks import json_values

#: What is made of them is tried on more in `tests.ingest`; here it is stored as well.
MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = ("/v1/logs", "/v1/traces")
KINDS = ("application/json", "application/x-protobuf")
VALID = {"/v1/logs": packed_logs(logs(record())), "/v1/traces": packed_traces(traces(span(event())))}


def is_refused_or_taken(answer: httpx.Response) -> bool:
    """An answer that blames the sender, or nobody."""
    return 200 <= answer.status_code < 500


@MANY
@given(path=st.sampled_from(PATHS), kind=st.sampled_from(KINDS), body=st.binary(), packed=st.booleans())
def test_any_bytes(client: httpx.Client, path: str, kind: str, body: bytes, packed: bool) -> None:
    """In both encodings, packed and as they are."""
    headers = {"Content-Type": kind} | ({"Content-Encoding": "gzip"} if packed else {})

    assert is_refused_or_taken(client.post(path, content=gzip.compress(body) if packed else body, headers=headers))
    assert is_refused_or_taken(client.post(path, content=body, headers=headers))


@MANY
@given(path=st.sampled_from(PATHS), data=st.data())
def test_protobuf_with_a_wrong_byte(client: httpx.Client, path: str, data: st.DataObject) -> None:
    """A sound request with some bytes of another."""
    body = bytearray(VALID[path])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    assert is_refused_or_taken(client.post(path, content=bytes(body), headers={"Content-Type": KINDS[1]}))


@MANY
@given(
    name=st.sampled_from(["resource", "scopeLogs", "logRecords", "attributes", "value", "body", "traceId"]),
    value=json_values,
)
def test_otlp_of_any_shape(client: httpx.Client, name: str, value: Any) -> None:
    """JSON with something else where the protocol has its own."""
    headers = {"Content-Type": KINDS[0]}
    for path, request in (("/v1/logs", logs(record())), ("/v1/traces", traces(span(event())))):
        assert is_refused_or_taken(
            client.post(path, content=orjson.dumps(replaced(request, name, value)), headers=headers)
        )


@MANY
@given(
    name=st.sampled_from(["alerts", "labels", "annotations", "startsAt", "fingerprint", "status"]), value=json_values
)
def test_alerts_of_any_shape(client: httpx.Client, name: str, value: Any) -> None:
    """JSON with something else where Alertmanager has its own."""
    body = orjson.dumps(replaced(webhooks.alertmanager(webhooks.alert()), name, value))

    assert is_refused_or_taken(
        client.post("/doors/alertmanager", content=body, headers={"Content-Type": "application/json"})
    )


@MANY
@given(
    name=st.sampled_from(["event", "event_id", "exception", "values", "tags", "datetime", "type", "value", "frames"]),
    value=json_values,
)
def test_sentry_of_any_shape(outside: httpx.Client, name: str, value: Any) -> None:
    """Signed, and still not what Sentry documents."""
    body = orjson.dumps(replaced(webhooks.sentry(), name, value))
    headers = {"Sentry-Hook-Resource": "event_alert", "Sentry-Hook-Signature": signed(body, secret=SENTRY_SECRET)}

    assert is_refused_or_taken(outside.post("/doors/sentry", content=body, headers=headers))


@MANY
@given(
    name=st.sampled_from(
        ["workflow_job", "id", "name", "run_id", "run_attempt", "completed_at", "repository", "steps"]
    ),
    value=json_values,
    conclusion=st.sampled_from(["failure", "success"]),
)
def test_github_of_any_shape(outside: httpx.Client, name: str, value: Any, conclusion: str) -> None:
    """Signed, and still not what GitHub documents."""
    body = orjson.dumps(replaced(webhooks.github(conclusion=conclusion, run_attempt=2), name, value))
    signature = f"sha256={signed(body, secret=GITHUB_SECRET)}"
    headers = {"X-GitHub-Event": "workflow_job", "X-Hub-Signature-256": signature}

    assert is_refused_or_taken(outside.post("/doors/github", content=body, headers=headers))


@pytest.mark.parametrize("path", [*PATHS, "/doors/sentry", "/doors/github", "/doors/alertmanager"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods(client: httpx.Client, path: str, method: str) -> None:
    """Are told that they are none."""
    answer = client.request(method, path, headers={"Content-Type": "application/json"})

    assert (405, "POST") == (answer.status_code, answer.headers["allow"])
