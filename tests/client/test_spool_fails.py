"""A spool that fails in the middle of a run: the pipeline goes on with one in memory, and nothing is lost to it."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from seenbefore.spool import Spool
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Memory
from tests.client.servers import Asked, Reply, serving

NAMES = ["before", "after-0", "after-1", "after-2"]
INCIDENT = "/incidents/i-1/outcome"


def refuse_writes(memory: Memory) -> None:
    """As a disk does that is full, or was mounted anew for reading only."""
    memory._core.parts.spool._file.execute("PRAGMA query_only = true")


def remove_the_folder(memory: Memory) -> None:
    """With all that was in it."""
    assert memory._core.parts.spool.path is not None
    shutil.rmtree(memory._core.parts.spool.path.parent)


@pytest.mark.parametrize("fail", [refuse_writes, remove_the_folder])
def test_spool_that_fails_later_costs_no_checkpoint(
    memory: Memory,
    asked: Callable[[str], Any],
    caplog: pytest.LogCaptureFixture,
    fail: Callable[[Memory], None],
) -> None:
    """Each is there once; in the log there is one line of it."""
    with memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
        step.sub_task("before", produce=lambda: None)
        fail(memory)
        for name in NAMES[1:]:
            step.sub_task(name, produce=lambda: None)
    assert memory.flush()
    found = asked("/runs/r")

    assert ("succeeded", "succeeded") == (found["status"], found["steps"][0]["status"])
    assert NAMES == [each["sub_task"] for each in found["steps"][0]["sub_tasks"]]
    assert {("completed", 1)} == {(each["status"], each["version"]) for each in found["steps"][0]["sub_tasks"]}
    assert 1 == sum(each.levelno >= logging.WARNING for each in caplog.records)
    assert "in memory" in caplog.text


def test_what_waited_there_goes_out_under_its_keys(memory_of: MakeMemory, spool: Path) -> None:
    """Before what came after it."""
    port = servers.free_port()
    memory = memory_of(f"http://127.0.0.1:{port}")
    memory.outcome("i-1", "failed", attempt=1)
    with contextlib.closing(Spool(spool)) as opened:
        keys = [each.key for each in opened.oldest(memory._core.target.name, limit=9)]
    refuse_writes(memory)
    memory.outcome("i-1", "succeeded", attempt=2)
    with serving(lambda _: Reply(200, {"status": "ok"}), port=port) as server:
        assert servers.wait_for(lambda: memory.flush(5.0), limit_s=30)
        sent = server.of(INCIDENT)

    assert [1, 2] == [each.body["attempt"] for each in sent]
    assert keys == [sent[0].headers["idempotency-key"]]


def test_what_is_lost_with_the_memory_is_told(memory_of: MakeMemory, caplog: pytest.LogCaptureFixture) -> None:
    """As how many writes, when the client is closed."""
    memory = memory_of("http://127.0.0.1:1")
    refuse_writes(memory)
    memory.outcome("i-1", "failed")
    memory.outcome("i-1", "succeeded")
    memory.close()

    assert "2 writes that waited for Seen Before in memory are lost." in caplog.text


def test_lost_writes_are_counted(memory_of: MakeMemory, spool: Path) -> None:
    """Those that another process has kept from being written too."""
    memory = memory_of("http://127.0.0.1:1")
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        memory.outcome("i-1", "failed")
        other.execute("ROLLBACK")
    memory.outcome("i-1", "succeeded")
    with contextlib.closing(Spool(spool)) as opened:
        counts = opened.counts()

    assert (1, 1) == (counts.waiting, counts.dropped)


def test_closing_waits_for_its_own_writes_alone(memory_of: MakeMemory, spool: Path) -> None:
    """What others have kept is brought in the background, or by the next process."""
    goes_on = threading.Event()

    def answer(asked: Asked) -> Reply:
        if "i-others" in asked.path:
            goes_on.wait(20)
        return Reply(200, {"status": "ok"})

    with serving(answer) as server:
        others = memory_of("http://127.0.0.1:1")
        others.outcome("i-others", "failed")
        others.close()
        memory = memory_of(server.url, timeout_s=15.0)
        with contextlib.closing(Spool(spool)) as opened:
            opened.retarget(others._core.target.name, memory._core.target.name)
        closed_s = timed(memory)
        goes_on.set()

    assert closed_s < 5


def timed(memory: seenbefore.Client) -> float:
    """Keep something, and close; in how many seconds."""
    memory.outcome("i-1", "failed")
    begun = time.perf_counter()
    memory.close()
    return time.perf_counter() - begun


def test_end_looks_once_more_for_whom_memory_waits(memory_of: MakeMemory) -> None:
    """What is only in memory is lost with the process, and the next look may be minutes away."""
    port = servers.free_port()
    memory = memory_of(f"http://127.0.0.1:{port}", timeout_s=5.0)
    memory.outcome("i-1", "failed", attempt=1)
    remove_the_folder(memory)
    memory.outcome("i-1", "succeeded", attempt=2)
    servers.wait_for(lambda: not memory._core.engine.breaker.closed)
    with serving(lambda _: Reply(201, {}), port=port) as server:
        memory.close()

    assert ["failed", "succeeded"] == [each.body["result"] for each in server.of(INCIDENT)]
