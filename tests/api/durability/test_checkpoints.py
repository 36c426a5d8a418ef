"""kill -9 of the service or of its PostgreSQL under checkpoints: all acknowledged ones are there, each exactly once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.durability.process import ServiceProcess, start, started

WORKSPACE = "checkpoints"
STEP = "/runs/r/steps/train"
WRITERS = 8
#: Checkpoints that are acknowledged before the end comes, while others are under way.
ENOUGH = 150


async def put(client: httpx.AsyncClient, number: int) -> httpx.Response:
    """A checkpoint under its own key, as a pipeline repeats it until it is answered."""
    body = {
        "owner": "trainer",
        "status": "completed",
        "artifacts": {"weights": {"sha256": f"{number:064x}", "uri": f"s3://bucket/{number}"}},
    }
    key = {"Idempotency-Key": f"epoch-{number}"}
    return await client.put(f"{STEP}/sub-tasks/epoch-{number}", json=body, headers=key)


async def write_until(end: Callable[[], None], service: ServiceProcess) -> tuple[dict[int, Any], set[int]]:
    """Write without a pause; what was acknowledged, by number, and all that was asked for."""
    numbers, asked, answered = count(), set[int](), dict[int, Any]()

    async def write(client: httpx.AsyncClient) -> None:
        while True:
            asked.add(number := next(numbers))
            answer = await put(client, number)
            answer.raise_for_status()
            answered[number] = answer.json()

    async with service.crowd(WORKSPACE) as client:
        for path, body in (("/runs/r", {"pipeline": "p"}), (STEP, {"owner": "trainer"})):
            (await client.put(path, json={"status": "running", **body})).raise_for_status()
        writers = [asyncio.create_task(write(client)) for _ in range(WRITERS)]
        while len(answered) < ENOUGH:
            await asyncio.sleep(0.01)
            assert not any(writer.done() for writer in writers)
        end()
        ends = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(each, httpx.HTTPError) for each in ends), ends
    return answered, asked


@pytest.mark.parametrize("whom", ["service", "postgres"])
async def test_acknowledged_checkpoints_outlive_a_kill(new_data: Callable[[], Path], whom: str) -> None:
    """Repeated under their keys they are answered as before, and those that were not answered are written."""
    data = new_data()
    service = start(data)
    if whom == "service":
        answered, asked = await write_until(service.kill, service)
    else:
        postmaster = service.postmaster
        answered, asked = await write_until(lambda: os.kill(postmaster, signal.SIGKILL), service)
        service.kill()

    with started(data) as service:
        async with service.crowd(WORKSPACE) as client:
            before = (await client.get("/runs/r")).json()["steps"][0]["sub_tasks"]
            repeated = {number: await put(client, number) for number in sorted(asked)}
            after = (await client.get("/runs/r")).json()["steps"][0]["sub_tasks"]
            point = (await client.get("/runs/r/resume-point")).json()

    stored = {each["sub_task"]: each for each in before}
    assert answered == {number: stored.get(f"epoch-{number}") for number in answered}
    assert {201} == {answer.status_code for answer in repeated.values()}
    assert answered == {number: repeated[number].json() for number in answered}
    assert sorted(f"epoch-{number}" for number in asked) == sorted(each["sub_task"] for each in after)
    assert ({1}, len(asked)) == ({each["version"] for each in after}, len(point["completed"]))
