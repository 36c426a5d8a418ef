"""Doors of a service that asks for API keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from google.rpc.status_pb2 import Status

from tests.api.doors.sending import GITHUB_SECRET, SENTRY_SECRET, became, send_github, send_sentry
from tests.api.doors.test_otlp import PROTOBUF, packed_logs
from tests.api.durability.process import started
from tests.api.http.asking import Document, fields_of, problem
from tests.api.http.test_auth import make_key
from tests.ingest import webhooks
from tests.ingest.exports import logs, record, span, traces

SECRETS = {
    "SEENBEFORE_SENTRY_SECRET": SENTRY_SECRET,
    "SEENBEFORE_GITHUB_SECRET": GITHUB_SECRET,
    "SEENBEFORE_DOORS_WORKSPACE": "plums",
}


@pytest.fixture(scope="module")
def guarded(new_data: Callable[[], Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a service that found keys when it started, and the keys by workspace."""
    data = new_data()
    keys = {name: make_key(data, name) for name in ("pears", "plums")}
    with started(data, **SECRETS) as service:
        yield service.url, keys


def incidents(guarded: tuple[str, dict[str, str]], workspace: str) -> list[Document]:
    """The incidents that a key's workspace has."""
    url, keys = guarded
    headers = {"Authorization": f"Bearer {keys[workspace]}"}
    found: list[Document] = httpx.get(f"{url}/incidents", headers=headers).json()["incidents"]
    return found


def test_a_key_names_the_workspace(guarded: tuple[str, dict[str, str]]) -> None:
    """Of telemetry and of alerts; the header `X-Workspace` names nothing."""
    url, keys = guarded
    headers = {"Authorization": f"Bearer {keys['pears']}", "X-Workspace": "plums"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        answers = [
            client.post("/v1/logs", json=logs(record())),
            client.post("/v1/traces", json=traces(span())),
            client.post("/doors/alertmanager", json=webhooks.alertmanager(webhooks.alert())),
        ]

    assert [200] * 3 == [each.status_code for each in answers]
    assert 3 == len(incidents(guarded, "pears"))


def test_signed_webhooks_need_no_key(guarded: tuple[str, dict[str, str]]) -> None:
    """They come into the workspace of the doors."""
    with httpx.Client(base_url=guarded[0], timeout=30) as client:
        answers = [
            send_sentry(client, "event_alert", webhooks.sentry()),
            send_github(client, "workflow_job", webhooks.github()),
        ]

    assert [became(accepted=1)] * 2 == [each.json() for each in answers]
    assert {"fraud", "acme/fraud: Nightly"} == {each["pipeline"] for each in incidents(guarded, "plums")}


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/traces", "/doors/alertmanager"])
@pytest.mark.parametrize("given", [None, "Bearer sb_wrong", "Basic YTpi"])
def test_without_a_key(guarded: tuple[str, dict[str, str]], path: str, given: str | None) -> None:
    """Nothing is taken."""
    headers = {} if given is None else {"Authorization": given}

    assert ["Authorization"] == fields_of(problem(httpx.post(f"{guarded[0]}{path}", json={}, headers=headers), 401))


def test_without_a_key_in_protobuf(guarded: tuple[str, dict[str, str]]) -> None:
    """Nothing is taken, and exporters read why."""
    answer = httpx.post(f"{guarded[0]}/v1/logs", content=packed_logs(logs(record())), headers=PROTOBUF)

    assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
    assert "Authorization: Bearer" in Status.FromString(answer.content).message
