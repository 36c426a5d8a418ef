"""PostgreSQL or the service dies while failures come in: what was acknowledged is there afterwards."""

from __future__ import annotations

import asyncio
import contextlib
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

REQUESTS, IN_ONE, ENOUGH = 60, 50, 5
JSON = {"Content-Type": "application/json"}


def export(number: int) -> bytes:
    """A request of failures that no other has."""
    moments = range(number * IN_ONE, (number + 1) * IN_ONE)
    return json.dumps(logs(*(record(timeUnixNano=str(TIME + each * 1_000)) for each in moments))).encode()


def moments(client: httpx.Client) -> set[str]:
    """When the incidents of the workspace happened."""
    found, cursor = set[str](), None
    while True:
        page = client.get("/incidents", params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        found |= {each["occurred_at"] for each in page["incidents"]}
        cursor = page["next"]
        if cursor is None:
            return found


async def test_killed_while_failures_come_in(new_data: Callable[[], Path]) -> None:
    """kill -9 in the middle of a burst: after the next start all that was acknowledged is there."""
    data, acknowledged, enough = new_data(), list[int](), asyncio.Event()

    async def send(client: httpx.AsyncClient, number: int) -> None:
        with contextlib.suppress(httpx.HTTPError):
            answer = await client.post("/v1/logs", content=export(number), headers=JSON)
            if answer.status_code == 200:
                acknowledged.append(number)
        if len(acknowledged) >= ENOUGH:
            enough.set()

    with started(data) as service:
        async with service.crowd("burst") as client:
            sending = [asyncio.create_task(send(client, number)) for number in range(REQUESTS)]
            await enough.wait()
            service.kill()
            await asyncio.gather(*sending)
    with started(data) as service, service.client("burst") as again:
        there = moments(again)

    assert ENOUGH <= len(acknowledged) < REQUESTS
    assert set() == {moment for number in acknowledged for moment in moments_of(number)} - there


def moments_of(number: int) -> list[str]:
    """When the failures of a request happened."""
    return [f"2026-11-20T08:15:00.{123_456 + number * IN_ONE + each:06d}Z" for each in range(IN_ONE)]


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
