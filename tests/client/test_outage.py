"""The service killed under steady checkpoints: pipelines hardly notice, and afterwards all is there exactly once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import seenbefore
from seenbefore.settings import make_target
from seenbefore.spool_command import main as spool_command
from tests.api.durability.process import started, wait_for
from tests.client.servers import free_port

PIPELINES, WORKSPACE = 4, "outage"
#: Checkpoints a second of each pipeline, seconds before the kill and seconds without a service.
RATE, BEFORE_S, AWAY_S = 25, 2.0, 6.0
TIMEOUT_S = 2.0


class Pipeline:
    """Keeps checkpoints at a steady rate until it is told to end; `delays` are what each of them took, in seconds."""

    def __init__(self, memory: seenbefore.Client, run_id: str) -> None:
        self._memory = memory
        self._run_id = run_id
        self._ends = threading.Event()
        self.delays: list[float] = []
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        with self._memory.run("p", run_id=self._run_id) as run, run.step("s", owner="o") as step:
            due = time.perf_counter()
            while not self._ends.is_set():
                begun = time.perf_counter()
                step.sub_task(f"t-{len(self.delays)}", inputs=[len(self.delays)], produce=lambda: None)
                self.delays.append(time.perf_counter() - begun)
                due += 1 / RATE
                time.sleep(max(0.0, due - time.perf_counter()))

    def end(self) -> None:
        """Tell it to end, and wait for that."""
        self._ends.set()
        self.thread.join()


@pytest.mark.timeout(280)
def test_outage_costs_one_timeout_and_no_checkpoint(new_data: Callable[[], Path], spool: Path) -> None:
    """kill -9 of the service while checkpoints are on their way."""
    data, port = new_data(), free_port()
    url = f"http://127.0.0.1:{port}"
    memory = seenbefore.Client(url, workspace=WORKSPACE, spool=spool, timeout_s=TIMEOUT_S)
    pipelines = [Pipeline(memory, f"r-{number}") for number in range(PIPELINES)]
    with memory, started(data, port=port) as service:
        for each in pipelines:
            each.thread.start()
        time.sleep(BEFORE_S)
        service.kill()
        time.sleep(AWAY_S)
        asked_at = time.perf_counter()
        assert "default" == memory.advise("x").decision.action
        assert time.perf_counter() - asked_at < TIMEOUT_S + 0.4
        with started(data, port=port) as again:
            for each in pipelines:
                each.end()
            wait_for(lambda: memory.flush(5.0), limit_s=120)
            with again.client(WORKSPACE) as client:
                found = [client.get(f"/runs/r-{number}").json() for number in range(PIPELINES)]

    for pipeline, run in zip(pipelines, found, strict=True):
        names = [each["sub_task"] for each in run["steps"][0]["sub_tasks"]]
        assert [f"t-{number}" for number in range(len(pipeline.delays))] == names
        assert {1} == {each["version"] for each in run["steps"][0]["sub_tasks"]}
        assert "succeeded" == run["status"]
        assert sum(pipeline.delays) - len(pipeline.delays) * 0.02 < TIMEOUT_S
        assert len(pipeline.delays) > (BEFORE_S + AWAY_S) * RATE / 2


def test_next_process_brings_what_a_killed_one_has_left(service_url: str, spool: Path) -> None:
    """Over the real service: every checkpoint once."""
    code = """
import os, signal, sys, seenbefore
memory = seenbefore.Client("http://127.0.0.1:1", workspace=sys.argv[1], spool=sys.argv[2], timeout_s=0.2)
with memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
    for number in range(30):
        step.sub_task(str(number), produce=lambda: None)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    workspace = f"left-{time.time_ns()}"
    subprocess.run([sys.executable, "-c", code, workspace, str(spool)], check=False, timeout=60)
    drain = ["--spool", str(spool), "drain", "--adopt", make_target("http://127.0.0.1:1", workspace=workspace).name]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SEENBEFORE_URL", service_url)
        environment.setenv("SEENBEFORE_WORKSPACE", workspace)
        assert 0 == spool_command(drain)
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace}) as client:
        run = client.get("/runs/r").json()

    assert "running" == run["status"]
    assert [str(number) for number in range(30)] == [each["sub_task"] for each in run["steps"][0]["sub_tasks"]]
