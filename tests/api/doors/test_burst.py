"""Bursts of OTLP: all of it is taken in, or the sender is told to come again; what was acknowledged is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from api.doors import otlp
from api.doors.room import Room
from api.problems import Problem
from tests.api.durability.process import ServiceProcess, started
from tests.api.durability.test_parts_away import kill_postgres
from tests.ingest.exports import TIME, Document, exception, logs, record

RECORDS, IN_ONE = 10_000, 500
#: So many requests are acknowledged when everything is killed.
ENOUGH = 4
JSON = {"Content-Type": "application/json"}


def exports(*, of: int = RECORDS, in_one: int = IN_ONE) -> list[bytes]:
    """So many failures of one kind and one span, each of its own moment, in requests of so many."""
    made = [record(exception(), timeUnixNano=str(TIME + number * 1_000)) for number in range(of)]
    return [json.dumps(logs(*made[start : start + in_one])).encode() for start in range(0, of, in_one)]


def moments_of(request: int) -> set[str]:
    """When the failures of that request happened."""
    numbers = range(request * IN_ONE, (request + 1) * IN_ONE)
    return {f"2026-11-20T08:15:00.{123_456 + number:06d}Z" for number in numbers}


async def send(client: httpx.AsyncClient, body: bytes, *, hurry: float = 1.0) -> list[int]:
    """Send as an exporter does, again where it is told to (in a part of the time that it is told); the statuses."""
    statuses = []
    for _ in range(100):
        answer = await client.post("/v1/logs", content=body, headers=JSON)
        statuses.append(answer.status_code)
        if answer.status_code != 503:
            break
        await asyncio.sleep(hurry * int(answer.headers["Retry-After"]))
    return statuses


async def recorded(client: httpx.AsyncClient) -> list[Document]:
    """The incidents of the workspace, read page by page."""
    incidents, cursor = list[Document](), None
    while True:
        asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/incidents", params=asked)).json()
        incidents += page["incidents"]
        cursor = page["next"]
        if cursor is None:
            return incidents


async def sent_until_all_is_killed(service: ServiceProcess, bodies: list[bytes]) -> dict[int, int]:
    """Send all at once; kill the service and its PostgreSQL once some is acknowledged. The statuses that there were."""
    statuses, enough = dict[int, int](), asyncio.Event()

    async def once(client: httpx.AsyncClient, number: int) -> None:
        with contextlib.suppress(httpx.HTTPError):
            statuses[number] = (await client.post("/v1/logs", content=bodies[number], headers=JSON)).status_code
        if list(statuses.values()).count(200) >= ENOUGH:
            enough.set()

    async with service.crowd("burst") as client:
        sending = [asyncio.create_task(once(client, number)) for number in range(len(bodies))]
        await asyncio.wait_for(enough.wait(), 60)
        service.kill()
        kill_postgres(service)
        await asyncio.gather(*sending)
    return statuses


@pytest.fixture
async def crowd(client: httpx.Client) -> AsyncIterator[httpx.AsyncClient]:
    """Many senders of one workspace."""
    headers = {"X-Workspace": client.headers["X-Workspace"]}
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=client.base_url, headers=headers, limits=limits, timeout=120) as opened:
        yield opened


async def test_ten_thousand_records_at_once(new_data: Callable[[], Path]) -> None:
    """From twenty senders; in the middle of it the service and PostgreSQL are killed, and the senders come again.

    What was acknowledged before is there after the next start, before anybody has sent it again; and in the end there
    is each failure once, whoever was acknowledged, refused or left without an answer.
    """
    data, bodies = new_data(), exports()
    with started(data) as service:
        before = await sent_until_all_is_killed(service, bodies)
    acknowledged = {number for number, status in before.items() if status == 200}
    with started(data) as service:
        async with service.crowd("burst") as client:
            kept = {each["occurred_at"] for each in await recorded(client)}
            after = await asyncio.gather(*(send(client, body) for body in bodies))
            found = await recorded(client)

    assert ENOUGH <= len(acknowledged) < len(bodies)
    assert set() == {moment for number in acknowledged for moment in moments_of(number)} - kept
    assert {200, 503} >= {*before.values(), *(status for statuses in after for status in statuses)}
    assert {200} == {statuses[-1] for statuses in after}
    assert {moment for number in range(len(bodies)) for moment in moments_of(number)} == {
        each["occurred_at"] for each in found
    }
    assert (RECORDS, 1) == (len(found), len({each["precedent_id"] for each in found}))


async def test_a_request_that_takes_too_long(crowd: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is broken off with 503 before its sender gives up, and goes on from there when it is sent again."""
    monkeypatch.setattr(otlp, "WORKING_S", 0.2)
    (body,) = exports(of=1_200, in_one=1_200)
    statuses = await send(crowd, body, hurry=0)

    assert {503} == set(statuses[:-1])
    assert (200, 1_200) == (statuses[-1], len(await recorded(crowd)))


async def test_more_than_there_is_room_for(crowd: httpx.AsyncClient) -> None:
    """Large requests at once: those without room are told to come again, and what was acknowledged is there."""
    filler = "x" * 12_000_000
    bodies = [
        json.dumps(logs(record(exception(stacktrace=filler), timeUnixNano=str(TIME + number)))).encode()
        for number in range(12)
    ]
    sent = await asyncio.gather(*(crowd.post("/v1/logs", content=body, headers=JSON) for body in bodies))
    taken = sum(answer.status_code == 200 for answer in sent)

    assert {200, 503} == {answer.status_code for answer in sent}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in sent if answer.status_code == 503)
    assert taken == len(await recorded(crowd))


async def test_whoever_waits_for_its_turn_too_long_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its turn is not lost for those who come after."""
    monkeypatch.setattr("api.doors.room.TURN_S", 0.05)
    room = Room(1_000, 1_000, asyncio.Semaphore(1))
    async with room.turn():
        with pytest.raises(Problem) as refused:
            async with room.turn():
                pass
    async with room.turn():
        pass

    assert 503 == refused.value.status
