"""A part dies under the running service: it answers with less, says so, and recovers by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest

from api.composition import Parts, build, running
from api.settings import Settings
from knowledge.errors import IndexUnavailable
from knowledge.failures import Failure
from knowledge.index.port import IndexHit, NeighbourQuery
from tests.api.durability.process import ServiceProcess, started, wait_for

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
WORKSPACE = "away"

Document: TypeAlias = dict[str, Any]


@pytest.fixture(scope="module")
def service(new_data: Callable[[], Path]) -> Iterator[ServiceProcess]:
    """A service whose parts may be killed."""
    with started(new_data()) as running:
        yield running


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A client of it."""
    with service.client(WORKSPACE) as opened:
        yield opened


def advise(client: httpx.Client, **failure: Any) -> Document:
    """The advice, which comes whatever is away."""
    response = client.post("/advise", json={"text": SLOW_DOWN, **failure})
    assert 200 == response.status_code, response.text
    document: Document = response.json()
    return document


def kill_postgres(service: ServiceProcess) -> None:
    """kill -9 of its postmaster."""
    postmaster = service.postmaster
    # A backend may answer one more request before it notices that its postmaster is gone: they end with it.
    backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    for each in (postmaster, *map(int, backends)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


@contextlib.contextmanager
def without_postgres(service: ServiceProcess) -> Iterator[None]:
    """PostgreSQL is killed and cannot be started again meanwhile: a file that it needs is not there."""
    needed = service.data / "postgres" / "cluster" / "global"
    aside = needed.with_name("aside")
    needed.rename(aside)
    kill_postgres(service)
    try:
        yield
    finally:
        aside.rename(needed)


def recovered(client: httpx.Client) -> bool:
    """Whether every part is well and nothing waits to be written."""
    health = client.get("/health/ready").json()
    return health["status"] == "ok" and health["spooled"] == 0


def test_killed_postgres_comes_back(service: ServiceProcess, client: httpx.Client) -> None:
    """Within seconds, and by itself; every answer on the way holds."""
    before = advise(client, run_id="before")
    kill_postgres(service)
    during = [advise(client, run_id=f"during-{number}") for number in range(5)]
    wait_for(lambda: recovered(client))
    after = advise(client, run_id="after")
    rows = {row["id"]: row["run_id"] for row in client.get("/incidents").json()["incidents"]}
    answers = [before, *during, after]

    assert {("transient", "retry")} == {(each["verdict"], each["decision"]["action"]) for each in answers}
    assert ["before", *(f"during-{number}" for number in range(5)), "after"] == [
        rows[each["incident_id"]] for each in answers
    ]
    assert (7, 7) == (len(rows), after["precedent"]["occurrences"])


def test_answers_without_postgres_are_written_later(service: ServiceProcess, client: httpx.Client) -> None:
    """They say that the store is away; the incidents get the ids that were answered."""
    with without_postgres(service):
        answers = [advise(client, run_id=f"away-{number}") for number in range(3)]
        ready = client.get("/health/ready").json()
        metrics = client.get("/metrics").text
    wait_for(lambda: recovered(client))
    rows = {row["id"]: row["run_id"] for row in client.get("/incidents").json()["incidents"]}

    assert {("transient", ("store",), None)} == {
        (each["verdict"], tuple(each["degraded"]), each["advice_id"]) for each in answers
    }
    assert [f"away-{number}" for number in range(3)] == [rows[each["incident_id"]] for each in answers]
    assert ("degraded", 3) == (ready["status"], ready["spooled"])
    assert "seenbefore_store_up 0" in metrics


def test_external_id_that_was_spooled_stays_one_incident(service: ServiceProcess, client: httpx.Client) -> None:
    """Sent again, meanwhile or after the recovery, it is not a second one."""
    with without_postgres(service):
        spooled = [advise(client, external_id="ticket 1") for _ in range(2)]
        told = client.post("/incidents", json={"text": SLOW_DOWN, "external_id": "ticket 1"}).json()
    wait_for(lambda: recovered(client))
    again = advise(client, external_id="ticket 1")
    rows = [row for row in client.get("/incidents").json()["incidents"] if row["external_id"] == "ticket 1"]

    assert [again["incident_id"]] == [row["id"] for row in rows]
    assert {again["incident_id"]} == {told["id"], *(each["incident_id"] for each in spooled)}


@pytest.mark.parametrize("path", ["/advise", "/incidents"])
def test_key_that_was_spooled_stays_one_incident(service: ServiceProcess, path: str) -> None:
    """Sent again, meanwhile or after the recovery, the same request gets the same answer."""
    with service.client(f"keys-{path[1:]}", **{"Idempotency-Key": "k-1"}) as client:
        client.get("/incidents")
        with without_postgres(service):
            spooled = [client.post(path, json={"text": SLOW_DOWN}) for _ in range(2)]
        wait_for(lambda: recovered(client))
        again = client.post(path, json={"text": SLOW_DOWN}).json()
        rows = client.get("/incidents").json()["incidents"]
    id = "incident_id" if path == "/advise" else "id"

    assert [200, 200] == [each.status_code for each in spooled]
    assert {again[id]} == {each.json()[id] for each in spooled} == {row["id"] for row in rows}
    assert (["store"], 1) == (again["degraded"], len(rows))


def test_incident_told_without_postgres_is_written_later(service: ServiceProcess, client: httpx.Client) -> None:
    """With all that was said of it, under the id that was answered."""
    said = {"verdict": "transient", "resolution": {"summary": "Spread the keys.", "action": "retry_with_backoff"}}
    with without_postgres(service):
        answer = client.post("/incidents", json={"text": SLOW_DOWN, "run_id": "told", **said})
    wait_for(lambda: recovered(client))
    told = answer.json()
    written = client.get(f"/incidents/{told['id']}").json()
    precedent = client.get(f"/precedents/{written['precedent_id']}").json()

    assert (200, ["store"], None) == (answer.status_code, told["degraded"], told["precedent_id"])
    same = ("id", "fingerprint", "template", "verdict", "occurred_at", "run_id", "text")
    assert {name: told[name] for name in same} == {name: written[name] for name in same}
    assert "Spread the keys." in [each["summary"] for each in precedent["resolutions"]]


def test_search_without_postgres_shows_what_the_index_has(service: ServiceProcess, client: httpx.Client) -> None:
    """The workspace's own precedents, too; it says that the store is away."""
    recorded = client.post("/incidents/import", params={"wait": "indexed"}, json={"text": "KumquatError: crate lost"})
    with without_postgres(service):
        found = client.get("/search", params={"q": "crate of kumquats lost"})
    wait_for(lambda: recovered(client))
    best = client.get("/search", params={"q": "crate of kumquats lost"}).json()

    assert (200, 200, ["store"]) == (recorded.status_code, found.status_code, found.json()["degraded"])
    assert ([], best["results"][0]["precedent_id"]) == (best["degraded"], found.json()["results"][0]["precedent_id"])


def test_without_postgres_and_without_a_spool(service: ServiceProcess, client: httpx.Client) -> None:
    """503 with when to come back, and what was there is written later."""
    with without_postgres(service):
        kept = advise(client, run_id="kept")
        with contextlib.closing(sqlite3.connect(service.data / "spool.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")  # another process holds the file, for longer than SQLite waits
            refused = [client.post(path, json={"text": SLOW_DOWN}) for path in ("/advise", "/incidents")]
            other.execute("ROLLBACK")
    wait_for(lambda: recovered(client))

    assert [(503, True)] * 2 == [(each.status_code, "retry-after" in each.headers) for each in refused]
    assert "kept" == client.get(f"/incidents/{kept['incident_id']}").json()["run_id"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/incidents/import", {"text": SLOW_DOWN}),
        ("GET", "/incidents", None),
    ],
)
def test_what_needs_postgres_says_so(
    service: ServiceProcess, client: httpx.Client, method: str, path: str, body: Document | None
) -> None:
    """503 with when to come back; the same again succeeds."""
    with without_postgres(service):
        refused = client.request(method, path, json=body)
    wait_for(lambda: recovered(client))

    assert (503, "application/problem+json") == (refused.status_code, refused.headers["content-type"])
    assert refused.headers["retry-after"]
    assert 200 == client.request(method, path, json=body).status_code


@pytest.fixture(scope="module")
def parts(new_data: Callable[[], Path]) -> Iterator[tuple[asyncio.Runner, Parts]]:
    """All parts in this process, and the loop that they run on."""
    data = new_data()
    with asyncio.Runner() as runner:
        context = build(Settings(data=data))
        built = runner.run(context.__aenter__())
        beside = running(built)
        runner.run(beside.__aenter__())
        yield runner, built
        runner.run(beside.__aexit__(None, None, None))
        runner.run(context.__aexit__(None, None, None))


def test_index_is_away(parts: tuple[asyncio.Runner, Parts], monkeypatch: pytest.MonkeyPatch) -> None:
    """Known fingerprints and starter precedents still answer; the failure is recorded as ever."""
    runner, built = parts

    async def fail(query: NeighbourQuery) -> list[IndexHit]:
        raise IndexUnavailable

    known = Failure(text="PearError: ledger torn", external_id="known")
    runner.run(built.service.record(WORKSPACE, known))
    monkeypatch.setattr(built.index, "neighbours", fail)
    seen = runner.run(built.service.advise(WORKSPACE, Failure(text="PearError: ledger torn")))
    unseen = runner.run(built.service.advise(WORKSPACE, Failure(text=SLOW_DOWN)))

    assert (True, ["index"]) == (seen["seen_before"], seen["degraded"])
    assert ("transient", ["index"]) == (unseen["verdict"], unseen["degraded"])
    assert runner.run(built.service.incident(WORKSPACE, UUID(unseen["incident_id"])))["advice"] == unseen
