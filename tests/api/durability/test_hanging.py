"""PostgreSQL hangs: its processes are stopped, no connection ends. The service answers with less, and soon."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.durability.process import ServiceProcess, started, wait_for

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
WORKSPACE = "hanging"
CROWD = 400


@pytest.fixture(scope="module")
def service(new_data: Callable[[], Path]) -> Iterator[ServiceProcess]:
    """A service whose PostgreSQL may be stopped."""
    with started(new_data()) as running:
        yield running


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A client of it."""
    with service.client(WORKSPACE) as opened:
        yield opened


@contextlib.contextmanager
def hanging(service: ServiceProcess) -> Iterator[None]:
    """SIGSTOP to the postmaster and all that it has forked, SIGCONT at the end."""
    postmaster = service.postmaster
    forked = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    processes = (postmaster, *map(int, forked))
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def timed(client: httpx.Client, method: str, path: str, **given: Any) -> tuple[float, dict[str, Any]]:
    """How long it took, in seconds, and the answer."""
    began = time.monotonic()
    response = client.request(method, path, **given)
    took = time.monotonic() - began
    assert 200 == response.status_code, response.text
    return took, response.json()


def recovered(client: httpx.Client) -> bool:
    """Whether every part is well and nothing waits to be written."""
    health = client.get("/health/ready").json()
    return health["status"] == "ok" and health["spooled"] == 0


def test_advice_comes_while_postgres_hangs(service: ServiceProcess, client: httpx.Client) -> None:
    """The first answer needs a moment to find out, the next ones do not; what was asked is written afterwards."""
    timed(client, "POST", "/advise", json={"text": SLOW_DOWN, "run_id": "before"})
    with hanging(service):
        answers = [timed(client, "POST", "/advise", json={"text": SLOW_DOWN, "run_id": f"r{n}"}) for n in range(4)]
        health = [timed(client, "GET", "/health/ready") for _ in range(2)]
    began = time.monotonic()
    wait_for(lambda: recovered(client))
    recovery = time.monotonic() - began
    rows = {row["id"]: row["run_id"] for row in client.get("/incidents").json()["incidents"]}

    assert answers[0][0] < 2
    assert max(took for took, _ in answers[1:]) < 0.5
    assert {("transient", "retry", ("store",))} == {
        (said["verdict"], said["decision"]["action"], tuple(said["degraded"])) for _, said in answers
    }
    assert [("degraded", "StoreUnavailable")] * 2 == [(said["status"], said["parts"]["store"]) for _, said in health]
    assert max(took for took, _ in health) < 1
    assert recovery < 8
    assert [f"r{number}" for number in range(4)] == [rows[said["incident_id"]] for _, said in answers]


def test_health_is_told_in_time_when_nobody_has_noticed_yet(service: ServiceProcess, client: httpx.Client) -> None:
    """The first that asks anything asks for the health."""
    wait_for(lambda: recovered(client))
    with hanging(service):
        took, said = timed(client, "GET", "/health/ready")
    wait_for(lambda: recovered(client))

    assert took < 1
    assert ("degraded", "StoreUnavailable") == (said["status"], said["parts"]["store"])


async def test_many_requests_at_once_are_not_an_absence(service: ServiceProcess) -> None:
    """They queue: each has an answer, and none says that the store is away."""

    async def ask(client: httpx.AsyncClient, number: int) -> tuple[int, tuple[str, ...]]:
        response = await client.post("/advise", json={"text": SLOW_DOWN, "run_id": f"crowd-{number}"})
        return response.status_code, tuple(response.json().get("degraded", ["problem"]))

    limits = httpx.Limits(max_connections=CROWD)
    async with httpx.AsyncClient(
        base_url=service.url, headers={"X-Workspace": "crowd"}, timeout=60.0, limits=limits
    ) as client:
        answers = await asyncio.gather(*(ask(client, number) for number in range(CROWD)))

    assert {(200, ())} == set(answers)
