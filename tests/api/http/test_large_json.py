"""Large bodies of JSON are work: it is done for those who may ask, in a thread, and has an end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import httpx
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api import guard
from api.auth import Gate
from api.guard import DROPPING_S
from api.problems import Problem
from ingest import strict_json
from knowledge.store.database import Database

JSON = {"Content-Type": "application/json"}
#: Two megabytes of lists: what has most to look at for its size.
ENDLESS = b"[" + b"[]," * 660_000 + b"[]]"
SOUND = orjson.dumps({"text": "boom", "environment": {"note": "n" * guard.LARGE}})


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that reads its body, as routes do."""
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


async def sent(path: str, body: bytes, *, open: bool, away: bool = False, **headers: str) -> httpx.Response:
    """What a guard answers in front of it."""
    gate = Gate(Database("postgresql://127.0.0.1:1/nothing") if away else cast(Database, None), open=open)
    app: Any = guard.Guard(reading, max_body=2_000_000, gate=gate, host="127.0.0.1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post(path, content=body, headers={**JSON, **headers})


@pytest.fixture
def read_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which bodies are read."""
    threads, loads = list[int](), strict_json.loads

    def noting(body: bytes) -> Any:
        threads.append(threading.get_ident())
        return loads(body)

    monkeypatch.setattr(strict_json, "loads", noting)
    return threads


@pytest.mark.parametrize("path", ["/advise", "/nowhere", "/doors/alertmanager"])
async def test_without_a_key_nothing_is_read(path: str, read_in: list[int]) -> None:
    """Where keys are asked for: the refusal is the same as of a route."""
    refused = await sent(path, ENDLESS, open=False)

    assert (401, "Bearer", []) == (refused.status_code, refused.headers["www-authenticate"], read_in)
    assert ["Authorization"] == [each["field"] for each in refused.json()["errors"]]


async def test_too_many_values_are_refused() -> None:
    """In words, to those who may ask; at once, for nothing of the body is still to come."""
    async with asyncio.timeout(DROPPING_S / 2):
        refused = await sent("/advise", ENDLESS, open=True)

    assert 413 == refused.status_code
    assert f"{strict_json.MOST_VALUES:,} values" in refused.json()["detail"]


async def test_large_bodies_are_read_beside_the_event_loop(read_in: list[int]) -> None:
    """Small ones in it: a thread would take longer."""
    answers = [await sent("/advise", body, open=True) for body in (SOUND, b'{"text": "boom"}')]

    assert [SOUND, b'{"text": "boom"}'] == [each.content for each in answers]
    assert [False, True] == [each == threading.get_ident() for each in read_in]


async def test_while_postgresql_is_away_the_route_decides(read_in: list[int]) -> None:
    """Who has a key that was believed before is answered then, too."""
    answer = await sent("/advise", SOUND, open=False, away=True, Authorization="Bearer sb_key")

    assert (200, 1) == (answer.status_code, len(read_in))


async def test_large_forms_ask_for_no_key(read_in: list[int]) -> None:
    """Of pages: their key is in a cookie, and who signs in has none yet."""
    body, kind = b"text=" + b"%41" * 20_000, {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await sent("/ui/ask", body, open=False, **kind)
    refused = await sent("/ui/ask", body + b"%ff", open=False, **kind)

    assert (200, 400, []) == (answer.status_code, refused.status_code, read_in)


def test_agents_are_told_so_too() -> None:
    """Before the SDK reads anything."""
    from api.agents.door import _message

    with pytest.raises(Problem) as refused:
        _message(ENDLESS)

    assert (413, "body") == (refused.value.status, refused.value.field)
