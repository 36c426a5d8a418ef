"""The `Host` header: an open service answers for this machine's names only, against DNS rebinding."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from starlette.responses import PlainTextResponse

from api.auth import Gate
from api.guard import Guard
from knowledge.store.database import Database
from tests.api.http.asking import fields_of, problem

OURS = ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8000", "127.0.0.1:", "[::1]", "[::1]:9000"]
OTHERS = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1:8000:evil",
    "[::1].evil.example",
    "::1",
    "0.0.0.0",
    "127.0.0.2",
    "",
]


async def status_of(host: str, *, open: bool, listens_on: str = "127.0.0.1") -> int:
    """What a guard in front of nothing answers."""
    gate = Gate(cast(Database, None), open=open)
    app: Any = Guard(PlainTextResponse("in"), max_body=10, gate=gate, host=listens_on)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        return (await client.get("/", headers={"Host": host})).status_code


@pytest.mark.parametrize("host", OURS)
async def test_names_of_this_machine_are_taken(host: str) -> None:
    """With any port, for tunnels have their own."""
    assert 200 == await status_of(host, open=True)


@pytest.mark.parametrize("host", OTHERS)
async def test_other_names_are_refused_without_keys(host: str) -> None:
    """With keys they are taken: a page of another site has none to send."""
    assert (421, 200) == (await status_of(host, open=True), await status_of(host, open=False))


@pytest.mark.parametrize(("listens_on", "host"), [("127.0.0.2", "127.0.0.2:80"), ("::1", "[::1]")])
async def test_the_configured_host_is_taken(listens_on: str, host: str) -> None:
    """It was asked for by name."""
    assert 200 == await status_of(host, open=True, listens_on=listens_on)


@pytest.mark.parametrize("path", ["/advise", "/incidents", "/incidents/import", "/health/live", "/docs", "/nowhere"])
def test_every_path_of_the_service_is_guarded(client: httpx.Client, path: str) -> None:
    """With a problem that names the header, before anything is done."""
    refused = client.post(path, headers={"Host": "evil.example"}, json={"text": "boom"})

    assert ["Host"] == fields_of(problem(refused, 421))
