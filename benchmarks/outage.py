"""200 checkpoints a second while the service is killed: what pipelines wait, and what is there afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

import seenbefore
from benchmarks.child import ROOT
from knowledge.store.postmaster import stop_leftover

PIPELINES, PER_SECOND = 10, 200
BEFORE_S, AFTER_S = 5.0, 5.0
START_LIMIT_S, DRAIN_LIMIT_S = 600.0, 600.0


class Pipeline:
    """Keeps checkpoints at a steady rate; `delays` are what each took, in seconds."""

    def __init__(self, memory: seenbefore.Client, run_id: str, ends: threading.Event) -> None:
        self.run_id = run_id
        self.delays: list[float] = []
        self._memory = memory
        self._ends = ends
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        with self._memory.run("outage", run_id=self.run_id) as run, run.step("s", owner="o") as step:
            due = time.perf_counter()
            while not self._ends.is_set():
                begun = time.perf_counter()
                number = len(self.delays)
                step.sub_task(f"t-{number}", inputs=[number], produce=lambda: None)
                self.delays.append(time.perf_counter() - begun)
                due = max(due + PIPELINES / PER_SECOND, begun)
                time.sleep(max(0.0, due - time.perf_counter()))


def outage(console: Console, *, away_s: float) -> bool:
    """Kill the service for so many seconds; whether every checkpoint is there exactly once, and no wait was long."""
    with tempfile.TemporaryDirectory(prefix="seenbefore-outage-") as folder:
        data, port = Path(folder) / "data", _free_port()
        url = f"http://127.0.0.1:{port}"
        memory = seenbefore.Client(url, spool=Path(folder) / "spool.sqlite3")
        ends = threading.Event()
        with memory, _leaving_nothing(data):
            with _serving(data, port):
                pipelines = [Pipeline(memory, f"r-{number}", ends) for number in range(PIPELINES)]
                time.sleep(BEFORE_S)
            time.sleep(away_s)
            with _serving(data, port):
                time.sleep(AFTER_S)
                ends.set()
                for each in pipelines:
                    each.thread.join()
                begun = time.perf_counter()
                while not memory.flush(10.0) and time.perf_counter() - begun < DRAIN_LIMIT_S:
                    time.sleep(0.1)
                drained_s = time.perf_counter() - begun
                once = [_all_once(url, each) for each in pipelines]
    return _show(console, pipelines, once, drained_s=drained_s, away_s=away_s)


def _show(console: Console, pipelines: list[Pipeline], once: list[bool], *, drained_s: float, away_s: float) -> bool:
    delays = sorted(delay for each in pipelines for delay in each.delays)
    table = Table(title=f"Service killed for {away_s:.0f} s", title_justify="left", title_style="bold")
    cells = {
        "checkpoints": f"{len(delays):,}",
        "a second": f"{len(delays) / (BEFORE_S + away_s + AFTER_S):.0f}",
        "p50, ms": f"{1_000 * delays[len(delays) // 2]:.2f}",
        "p99, ms": f"{1_000 * delays[int(0.99 * len(delays))]:.2f}",
        "longest, ms": f"{1_000 * delays[-1]:.1f}",
        "drained after, s": f"{drained_s:.1f}",
        "each there once": "yes" if all(once) else "no",
    }
    for name in cells:
        table.add_column(name, justify="right")
    table.add_row(*cells.values())
    console.print(table)
    return all(once) and delays[-1] <= 2.0


def _all_once(url: str, pipeline: Pipeline) -> bool:
    """Whether its sub-tasks are all there, in order, each written once."""
    found = httpx.get(f"{url}/runs/{pipeline.run_id}", timeout=60).json()["steps"][0]["sub_tasks"]
    names = [f"t-{number}" for number in range(len(pipeline.delays))]
    return names == [each["sub_task"] for each in found] and {1} == {each["version"] for each in found}


@contextlib.contextmanager
def _serving(data: Path, port: int) -> Iterator[None]:
    """The service on that port; killed at the end as nothing else can."""
    command = [sys.executable, "-m", "api", "serve", "--port", str(port), "--data", str(data)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).is_success:
                    break
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def _leaving_nothing(data: Path) -> Iterator[None]:
    """End the PostgreSQL that a killed service has left."""
    try:
        yield
    finally:
        stop_leftover(data / "postgres" / "cluster")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
