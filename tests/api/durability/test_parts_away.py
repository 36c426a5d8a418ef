"""A part dies under the running service: it answers with less, says so, and recovers by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
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
    wait_for(lambda: recovered(client))
    again = advise(client, external_id="ticket 1")
    rows = [row for row in client.get("/incidents").json()["incidents"] if row["external_id"] == "ticket 1"]

    assert spooled[0]["incident_id"] == again["incident_id"]
    assert [again["incident_id"]] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/incidents", {"text": SLOW_DOWN}),
        ("POST", "/incidents/import", {"text": SLOW_DOWN}),
        ("GET", "/incidents", None),
        ("POST", "/advise", {"text": SLOW_DOWN}),
    ],
)
def test_what_needs_postgres_says_so(
    service: ServiceProcess, client: httpx.Client, method: str, path: str, body: Document | None
) -> None:
    """503 with when to come back (for advice: only under an idempotency key); the same again succeeds."""
    headers = {"Idempotency-Key": f"k{path}"} if path == "/advise" else {}
    with without_postgres(service):
        refused = client.request(method, path, json=body, headers=headers)
    wait_for(lambda: recovered(client))

    assert (503, "application/problem+json") == (refused.status_code, refused.headers["content-type"])
    assert refused.headers["retry-after"]
    assert 200 == client.request(method, path, json=body, headers=headers).status_code


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
