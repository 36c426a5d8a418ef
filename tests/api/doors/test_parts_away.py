"""PostgreSQL is away while failures come in: senders are told to come again, or what they tell is kept aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.api.doors.sending import SENTRY_SECRET, became, send_sentry
from tests.api.durability.process import started, wait_for
from tests.api.durability.test_parts_away import without_postgres
from tests.api.http.asking import listed
from tests.ingest import webhooks
from tests.ingest.exports import TIME, logs, record

IN_ONE = 50
JSON = {"Content-Type": "application/json"}


def export(number: int) -> bytes:
    """A request of failures that no other has."""
    moments = range(number * IN_ONE, (number + 1) * IN_ONE)
    return json.dumps(logs(*(record(timeUnixNano=str(TIME + each * 1_000)) for each in moments))).encode()


def test_without_postgres(new_data: Callable[[], Path]) -> None:
    """Exporters and Alertmanager come again; what Sentry tells but once is kept aside until it can be written."""
    secret = {"SEENBEFORE_SENTRY_SECRET": SENTRY_SECRET}
    with started(new_data(), **secret) as service, service.client("default") as client:
        before = client.post("/v1/logs", content=export(0), headers=JSON)
        with without_postgres(service):
            away = [
                client.post("/v1/logs", json=logs(record(timeUnixNano=str(TIME - 1_000_000)))),
                client.post("/doors/alertmanager", json=webhooks.alertmanager(webhooks.alert())),
            ]
            told = send_sentry(client, "event_alert", webhooks.sentry()).json()
        ids = wait_for(lambda: written if "sentry" in str(written := ids_of(client)) else None)

    assert 200 == before.status_code
    assert [(503, "2")] * 2 == [(each.status_code, each.headers["Retry-After"]) for each in away]
    assert became(accepted=1) == told
    assert IN_ONE + 1 == len(ids)


def ids_of(client: httpx.Client) -> list[str]:
    """The external ids of the incidents; none while they cannot be asked for."""
    try:
        return [each["external_id"] for each in listed(client)]
    except (KeyError, httpx.HTTPError):
        return []
