"""Bursts of OTLP: all of it is taken in, or the sender is told to come again; what was acknowledged is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from api.doors import otlp
from api.doors.room import Room
from api.problems import Problem
from tests.ingest.exports import TIME, exception, logs, record

RECORDS, IN_ONE = 10_000, 500
JSON = {"Content-Type": "application/json"}


def exports(*, of: int = RECORDS, in_one: int = IN_ONE) -> list[bytes]:
    """So many failures of one kind, each of its own moment, in requests of so many."""
    made = [record(exception(), timeUnixNano=str(TIME + number * 1_000)) for number in range(of)]
    return [json.dumps(logs(*made[start : start + in_one])).encode() for start in range(0, of, in_one)]


async def send(client: httpx.AsyncClient, body: bytes) -> list[int]:
    """Send as an exporter does, again where it is told to; the statuses on the way."""
    statuses = []
    for _ in range(100):
        answer = await client.post("/v1/logs", content=body, headers=JSON)
        statuses.append(answer.status_code)
        if answer.status_code != 503:
            break
        await asyncio.sleep(int(answer.headers["Retry-After"]))
    return statuses


async def recorded(client: httpx.AsyncClient) -> tuple[int, int]:
    """How many incidents there are in the workspace, read page by page, and how many precedents they have."""
    incidents, precedents, cursor = set[str](), set[str](), None
    while True:
        asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/incidents", params=asked)).json()
        incidents |= {each["external_id"] for each in page["incidents"]}
        precedents |= {each["precedent_id"] for each in page["incidents"]}
        cursor = page["next"]
        if cursor is None:
            return len(incidents), len(precedents)


@pytest.fixture
async def crowd(client: httpx.Client) -> AsyncIterator[httpx.AsyncClient]:
    """Many senders of one workspace."""
    headers = {"X-Workspace": client.headers["X-Workspace"]}
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=client.base_url, headers=headers, limits=limits, timeout=120) as opened:
        yield opened


async def test_ten_thousand_records_at_once(crowd: httpx.AsyncClient) -> None:
    """From twenty senders, each of which delivers all of it twice: every failure is there, and none twice."""
    bodies = exports()
    sent = await asyncio.gather(*(send(crowd, body) for body in bodies))
    again = await asyncio.gather(*(send(crowd, body) for body in bodies))

    assert {200, 503} >= {status for statuses in [*sent, *again] for status in statuses}
    assert {200} == {statuses[-1] for statuses in [*sent, *again]}
    assert (RECORDS, 1) == await recorded(crowd)


async def test_a_request_that_takes_too_long(crowd: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is broken off with 503 before its sender gives up, and goes on from there when it is sent again."""
    monkeypatch.setattr(otlp, "WORKING_S", 0.2)
    (body,) = exports(of=2_000, in_one=2_000)
    statuses = await send(crowd, body)

    assert {503} == set(statuses[:-1])
    assert (200, (2_000, 1)) == (statuses[-1], await recorded(crowd))


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
    assert taken == (await recorded(crowd))[0]


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
