"""API keys: who may ask, and of which workspace."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api import auth
from api.auth import Entered, Gate, any_key
from api.problems import Problem
from api.settings import Settings
from knowledge.store import api_keys, workspaces
from knowledge.store.database import Connection, Database
from tests.api.conftest import running_service
from tests.api.durability.process import ServiceProcess, started, wait_for
from tests.api.http.asking import LIMIT_S, fields_of, problem

ASK = {"text": "boom"}


def make_key(data: Path, workspace: str) -> str:
    """A new key's secret, made as people make it."""
    options = ["--workspace", workspace, "--name", "test", "--data", str(data), "--json"]
    made = subprocess.run(
        [sys.executable, "-m", "api", "keys", "create", *options], capture_output=True, timeout=120, check=True
    )
    return str(json.loads(made.stdout)["secret"])


@pytest.fixture(scope="module")
def guarded(new_data: Callable[[], Path]) -> Iterator[tuple[ServiceProcess, dict[str, str]]]:
    """A service that found keys when it started, and the keys by workspace."""
    data = new_data()
    keys = {name: make_key(data, name) for name in ("pears", "plums")}
    with started(data) as service:
        yield service, keys


@pytest.fixture
def anybody(guarded: tuple[ServiceProcess, dict[str, str]]) -> Iterator[httpx.Client]:
    """A client without a key."""
    with guarded[0].client("pears") as client:
        yield client


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer x  y", "Bearer sb_wrong", "Basic YTpi", "sb_wrong", "Bearer \xff"]
)
def test_without_a_key_nothing_is_answered(anybody: httpx.Client, given: str | None) -> None:
    """401 for reading and writing, with what to send."""
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    for response in (
        anybody.post("/advise", json=ASK, headers=headers),
        anybody.get("/incidents", headers=headers),
        anybody.get("/search", params={"q": "x"}, headers=headers),
        anybody.post("/incidents/import", content=b"", headers=headers),
    ):
        assert ["Authorization"] == fields_of(problem(response, 401))
        assert "Bearer" == response.headers["www-authenticate"]


def test_key_opens_its_workspace_and_no_other(
    anybody: httpx.Client, guarded: tuple[ServiceProcess, dict[str, str]]
) -> None:
    """Whatever the workspace header says."""
    pears, plums = ({"Authorization": f"bearer {guarded[1][name]}"} for name in ("pears", "plums"))
    said = anybody.post("/incidents", json=ASK, headers=pears)

    assert 200 == said.status_code
    assert 200 == anybody.get(f"/incidents/{said.json()['id']}", headers=pears).status_code
    problem(anybody.get(f"/incidents/{said.json()['id']}", headers=plums), 404)


def test_change_without_an_author_is_signed_by_the_key(
    anybody: httpx.Client, guarded: tuple[ServiceProcess, dict[str, str]]
) -> None:
    """By its name; who names an author is believed."""
    key = {"Authorization": f"Bearer {guarded[1]['pears']}"}
    path = f"/precedents/{anybody.post('/incidents', json=ASK, headers=key).json()['precedent_id']}"
    for body in ({"verdict": "genuine"}, {"verdict": "transient", "author": "ana"}):
        version = anybody.get(path, headers=key).headers["ETag"]
        assert 200 == anybody.patch(path, json=body, headers={**key, "If-Match": version}).status_code
    changes = anybody.get(f"{path}/history", headers=key).json()["changes"]

    assert ["ana", "API key test"] == [each["author"] for each in changes]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"])
def test_health_and_docs_are_open(anybody: httpx.Client, path: str) -> None:
    """Probes and readers carry no keys."""
    assert 200 == anybody.get(path).status_code


def test_start_says_that_a_key_is_needed(guarded: tuple[ServiceProcess, dict[str, str]]) -> None:
    """In the line to paste; the key itself is in no log."""
    service, keys = guarded
    said = service.log.read_text()

    assert "Authorization: Bearer YOUR_KEY" in said
    assert not [secret for secret in keys.values() if secret in said]


async def test_open_gate_closes_with_the_first_key(
    database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 30 s and without a restart; that the key is revoked again opens nothing, nor does a new start."""
    gate, now = Gate(database, open=True), time.monotonic()
    monkeypatch.setattr(auth.time, "monotonic", lambda: now)
    workspace_id = await workspaces.ensure(connection, "figs")
    states = [await gate.is_open()]
    now += auth.LOOK_AGAIN_S
    states.append(await gate.is_open())
    key, _ = await api_keys.create(connection, workspace_id=workspace_id, name="test")
    states.append(await gate.is_open())
    now += auth.LOOK_AGAIN_S
    states.append(await gate.is_open())
    await api_keys.revoke(connection, workspace_id=workspace_id, id=key.id)
    now += 10 * auth.LOOK_AGAIN_S
    states.append(await gate.is_open())

    assert [True, True, True, False, False] == states
    assert auth.LOOK_AGAIN_S < 30
    assert await any_key(database)


async def test_gate_stays_as_it_is_while_postgresql_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open service goes on answering, a guarded one stays guarded."""
    away = Database("postgresql://127.0.0.1:1/nothing")
    gates = [Gate(away, open=open_) for open_ in (True, False)]
    later = time.monotonic() + auth.LOOK_AGAIN_S
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)

    assert [True, False] == [await gate.is_open() for gate in gates]


def test_first_key_takes_effect_while_the_service_runs(
    new_data: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open until it is made, and guarded soon after."""
    monkeypatch.setattr(auth, "LOOK_AGAIN_S", 0.5)
    data = new_data()
    with running_service(Settings(data=data)) as url, httpx.Client(base_url=url, timeout=LIMIT_S) as anyone:
        assert 200 == anyone.get("/incidents").status_code
        secret = make_key(data, "figs")
        refused = wait_for(lambda: (said := anyone.get("/incidents")).status_code == 401 and said, limit_s=30)
        problem(refused, 401)
        assert 200 == anyone.get("/incidents", headers={"Authorization": f"Bearer {secret}"}).status_code


async def test_revoked_key_stops(database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the time for which a verified one is believed."""
    gate = Gate(database, open=False)
    workspace_id = await workspaces.ensure(connection, "figs")
    key, secret = await api_keys.create(connection, workspace_id=workspace_id, name="test")
    before = (await gate.enter(f"Bearer {secret}")).workspace
    await api_keys.revoke(connection, workspace_id=workspace_id, id=key.id)
    later = time.monotonic() + auth.REMEMBERED_S
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)

    assert "figs" == before
    with pytest.raises(Problem, match="not known or was revoked"):
        await gate.enter(f"Bearer {secret}")


async def test_a_key_keeps_its_name_while_others_are_forgotten(
    database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workspace and name are looked up as one, however many keys come at the same time."""
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 1)
    gate = Gate(database, open=False)
    workspace_id = await workspaces.ensure(connection, "figs")
    made = [await api_keys.create(connection, workspace_id=workspace_id, name=name) for name in ("ana", "ben")]
    entered = [await gate.enter(f"Bearer {secret}") for _ in range(2) for _, secret in made]

    assert [Entered("figs", "ana"), Entered("figs", "ben")] * 2 == entered
    assert ["API key ana", "API key ben"] == [each.author for each in entered[:2]]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_addresses_need_keys(new_data: Callable[[], Path], host: str) -> None:
    """Refused before anything listens, with what to do."""
    data = new_data()
    command = [sys.executable, "-m", "api", "serve", "--host", host, "--port", "0", "--data", str(data)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert 1 == ended.returncode
    assert f"this machine only, not on {host}. Make a key first: seenbefore keys create" in ended.stderr
    assert f"--data {data}" in ended.stderr
    assert "listening" not in ended.stderr
