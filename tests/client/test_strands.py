"""What is told of a run's steps goes out beside each other, and of each of them in order."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from seenbefore import calls
from seenbefore.drainer import stretches
from seenbefore.spool import Spool, Write
from tests.client.conftest import MakeMemory
from tests.client.servers import Asked, Reply, serving

RUN = calls.run_path("r")


def of(path: str, kind: str) -> Write:
    """A write of that kind."""
    return Write(RUN, kind, calls.put(path, {"pipeline": "p", "owner": "o", "status": "running"}))


def sub_task(step: str, name: str) -> Write:
    """A sub-task's."""
    return of(calls.sub_task_path("r", step, name), "sub_task")


def test_steps_are_strands_between_what_is_of_the_run(spool: Path) -> None:
    """A step's own rows are of the run: they say that it is there, and in which order."""
    writes = [
        of(RUN, "run"),
        of(calls.step_path("r", "a"), "step"),
        sub_task("a", "1"),
        sub_task("b", "1"),
        sub_task("a", "2"),
        of(calls.step_path("r", "b"), "progress"),
        of(calls.step_path("r", "b"), "step"),
        sub_task("b", "1"),
        of(RUN, "end"),
    ]
    with contextlib.closing(Spool(spool)) as opened:
        numbers = [opened.add("t", each) for each in writes]
        rows = opened.of_lane("t", RUN)
    told = [[[numbers.index(row.number) for row in strand] for strand in strands] for strands in stretches(rows)]

    assert [[[0]], [[1]], [[2, 4], [3, 5]], [[6]], [[7]], [[8]]] == told


def test_slow_step_keeps_no_other_back(memory_of: MakeMemory, spool: Path) -> None:
    """Of the same run."""
    seen = threading.Event()

    def answer(asked: Asked) -> Reply:
        if "/steps/a/" in asked.path and not seen.wait(8):
            return Reply(500, {"detail": "the other never came"})
        if "/steps/b/" in asked.path:
            seen.set()
        return Reply(201, {"version": 1})

    with serving(answer) as server:
        memory = memory_of(server.url, timeout_s=10.0)
        with contextlib.closing(Spool(spool)) as opened:
            for write in (sub_task("a", "1"), sub_task("b", "1"), of(RUN, "end")):
                opened.add(memory._core.target.name, write)
        assert memory.flush()
        paths = [each.path for each in server.asked]

    assert RUN == paths[-1]
    assert 3 == len(paths)
