"""Who may ask at `/mcp`: whoever the HTTP API takes, by the same key and host; and no page of another site."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from mcp import MCPError

from api import problems
from api.agents import door
from api.auth import Gate
from api.composition import Parts
from api.settings import Settings
from knowledge.store.database import Database
from tests.api.agents.asking import HTTP, STDIO, agent, told
from tests.api.durability.process import ServiceProcess, started
from tests.api.http.asking import fields_of, problem

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def guarded(new_data: Callable[[], Path]) -> Iterator[tuple[ServiceProcess, dict[str, str]]]:
    """A service that found keys when it started, and the keys by workspace."""
    data = new_data()
    keys = {name: make_key(data, name) for name in ("pears", "plums")}
    keys["a person of pears"] = make_key(data, "pears", name="ana")
    with started(data, SEENBEFORE_MCP_WRITES="true") as service:
        yield service, keys


def make_key(data: Path, workspace: str, *, name: str | None = None) -> str:
    """A new key's secret, made as people make it."""
    options = ["--workspace", workspace, "--name", name or f"agent of {workspace}", "--data", str(data), "--json"]
    command = [sys.executable, "-m", "api", "keys", "create", *options]
    return str(json.loads(subprocess.run(command, capture_output=True, timeout=120, check=True).stdout)["secret"])


@pytest.mark.parametrize("path", door.PATHS)
async def test_both_paths_answer_without_a_redirect(service_url: str, path: str) -> None:
    """Not every client follows one, and a POST that is sent again by GET is lost."""
    async with agent(HTTP, service_url, path=path) as client:
        assert (await client.list_tools()).tools
    async with httpx.AsyncClient(base_url=service_url, headers=ACCEPT) as plain:
        assert 200 == (await plain.post(path, json=LIST)).status_code


@pytest.mark.parametrize("given", [None, "Bearer sb_wrong", "Basic YTpi"])
def test_without_a_key_nothing_is_answered(guarded: tuple[ServiceProcess, dict[str, str]], given: str | None) -> None:
    """401 with what to send, for whichever method, before anything of the request is read."""
    headers = ACCEPT | ({} if given is None else {"Authorization": given})
    for method in ("POST", "GET", "DELETE"):
        refused = httpx.request(method, f"{guarded[0].url}/mcp", json=LIST, headers=headers)

        assert ["Authorization"] == fields_of(problem(refused, 401))
        assert "Bearer" == refused.headers["www-authenticate"]


async def test_a_key_opens_its_workspace_and_no_other(guarded: tuple[ServiceProcess, dict[str, str]]) -> None:
    """Whatever the workspace header says; what is proposed is signed by the key."""
    service, keys = guarded
    pears, plums = ({"Authorization": f"Bearer {keys[name]}"} for name in ("pears", "plums"))
    async with agent(HTTP, service.url, workspace="plums", **pears) as client:
        incident = (await told(client, "advise", text="boom in the orchard"))["incident_id"]
        await told(client, "propose_resolution", incident_id=incident, summary="Prune it")

    async with httpx.AsyncClient(base_url=service.url) as plain:
        read = [await plain.get(f"/incidents/{incident}", headers=headers) for headers in (pears, plums)]
        listed = (await plain.get("/resolutions", headers=pears)).json()["resolutions"]
    assert [200, 404] == [each.status_code for each in read]
    assert ["API key agent of pears"] == [each["proposed_by"] for each in listed]


@pytest.mark.parametrize("author", [None, "claude"])
async def test_an_agent_accepts_nothing_of_its_own(
    guarded: tuple[ServiceProcess, dict[str, str]], author: str | None
) -> None:
    """With the key that proposed it, over HTTP or on the page, whatever it calls itself; with a person's it goes."""
    service, keys = guarded
    own, persons = ({"Authorization": f"Bearer {keys[name]}"} for name in ("pears", "a person of pears"))
    async with agent(HTTP, service.url, **own) as client:
        incident = (await told(client, "advise", text="rot in the orchard"))["incident_id"]
        said = {"summary": f"Prune it, says {author}"} | ({"author": author} if author else {})
        id = (await told(client, "propose_resolution", incident_id=incident, **said))["id"]

    async with httpx.AsyncClient(base_url=service.url) as plain:
        path = f"/resolutions/{id}/accept"
        refused = [await plain.post(path, json={"author": name}, headers=own) for name in (None, "Ana")]
        await plain.post("/ui/sign-in", data={"key": keys["pears"]})
        page = await plain.post(f"/ui/proposals/{id}", data={"once": id, "decision": "accept", "author": "Ana"})
        accepted = await plain.post(path, json={}, headers=persons)
    assert [409, 409, 409] == [each.status_code for each in (*refused, page)]
    assert "API key that has proposed it" in page.text
    assert ("accepted", "API key ana") == (accepted.json()["state"], accepted.json()["decided_by"])


async def test_the_command_asks_with_the_key_of_its_environment(
    guarded: tuple[ServiceProcess, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says where to set one when it is refused."""
    from tests.api.agents import asking

    made = asking.command

    def command(url: str, **given: Any) -> Any:
        parameters = made(url, **given)
        return parameters.model_copy(update={"env": {**(parameters.env or {}), "SEENBEFORE_API_KEY": key}})

    monkeypatch.setattr(asking, "command", command)
    key = guarded[1]["plums"]
    async with agent(STDIO, guarded[0].url) as client:
        assert (await told(client, "advise", text="boom"))["incident_id"]
    key = ""
    async with agent(STDIO, guarded[0].url) as client:
        words = await asking.refused(client, "advise", text="boom")
    assert "An API key is needed" in words and "SEENBEFORE_API_KEY" in words


async def test_a_client_without_a_key_is_told(guarded: tuple[ServiceProcess, dict[str, str]]) -> None:
    """The SDK's client ends with an error instead of waiting."""
    with pytest.raises((MCPError, ExceptionGroup, httpx.HTTPError)):
        async with agent(HTTP, guarded[0].url) as client:
            await client.list_tools()


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/llms.txt"])
def test_other_hosts_are_refused_without_keys(service_url: str, path: str) -> None:
    """A name that is made to lead here (DNS rebinding) gets nothing."""
    refused = httpx.post(f"{service_url}{path}", json=LIST, headers=ACCEPT | {"Host": "evil.example"})

    assert ["Host"] == fields_of(problem(refused, 421))


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_pages_of_other_sites_are_refused(service_url: str, origin: str) -> None:
    """Also one on another port of this machine; the service's own may ask."""
    own = httpx.post(f"{service_url}/mcp", json=LIST, headers=ACCEPT | {"Origin": service_url})
    other = httpx.post(f"{service_url}/mcp", json=LIST, headers=ACCEPT | {"Origin": origin})

    assert 200 == own.status_code
    assert ["Origin"] == fields_of(problem(other, 403))


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(service_url: str, method: str) -> None:
    """Each request stands alone, so that any replica answers it: clients learn that from a 405."""
    refused = httpx.request(method, f"{service_url}/mcp", headers=ACCEPT)

    assert "POST" == refused.headers["allow"]
    problem(refused, 405)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'"x"',
        b"{",
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": 7}',
        b"NaN",
        b"\xff",
    ],
)
def test_what_is_no_message_is_refused(service_url: str, body: bytes) -> None:
    """With a 4xx or an error of the protocol, never with a 5xx."""
    answer = httpx.post(f"{service_url}/mcp", content=body, headers=ACCEPT | {"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500 or "error" in answer.json()


def test_requests_are_counted_by_their_route(service_url: str) -> None:
    """As those of the HTTP API are."""
    for path in door.PATHS:
        httpx.post(f"{service_url}{path}", json=LIST, headers=ACCEPT)
    counted = httpx.get(f"{service_url}/metrics").text

    assert all(f'route="{path}",status="200"' in counted for path in door.PATHS)


async def test_without_its_extra_the_door_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And everything else of the app goes on."""
    monkeypatch.setitem(sys.modules, "mcp.server.streamable_http_manager", None)
    app = app_with_the_door()
    async with app.state.agents.running(), local(app) as client:
        answer = await client.post("/mcp", json=LIST)

    assert "pip install 'seenbefore-server[mcp]'" in problem(answer, 501)["detail"]


def test_without_its_extra_the_command_names_it() -> None:
    """On standard error, in one line."""
    script = "import sys; sys.modules['mcp'] = None; from api.cli import main; main(['mcp'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, input="", check=False)

    assert (1, "") == (done.returncode, done.stdout)
    assert "Error: Agents need the extra mcp: pip install 'seenbefore-server[mcp]'" == done.stderr.strip()


def test_llms_txt_says_how_to_ask(service_url: str) -> None:
    """As plain text, the file of the repository."""
    answer = httpx.get(f"{service_url}/llms.txt")

    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert (Path(door.__file__).with_name("llms.txt")).read_text() == answer.text
    assert {"/mcp", "advise", "`default`"} == {word for word in ("/mcp", "advise", "`default`") if word in answer.text}


def app_with_the_door() -> FastAPI:
    """An app with nothing but the door, and nobody behind it."""
    app = FastAPI(redirect_slashes=False)
    app.state.parts = cast(Parts, type("Nobody", (), {"settings": Settings()})())
    app.state.gate = Gate(cast(Database, None), open=True)
    door.install(app)
    problems.install(app)
    return app


def local(app: FastAPI) -> httpx.AsyncClient:
    """A client of the app, without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
