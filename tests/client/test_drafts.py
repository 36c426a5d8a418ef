"""What is half written: whose it is, when it goes, and that nothing is made of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import seenbefore
from seenbefore import artifacts
from seenbefore.artifacts import Draft, make_artifacts
from seenbefore.hashing import hash_path
from tests.client import servers


def left_behind(tmp_path: Path, *, pid: int, mark: str) -> Path:
    """A draft of `model.bin`, which somebody has begun."""
    path = tmp_path / f"{artifacts.PARTIAL}-{artifacts._host()}-{pid}-{mark}.1-model.bin"
    path.write_bytes(b"half")
    return path


def test_process_of_the_same_number_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container that is started again every process has the number that it had when it was killed."""
    draft = Draft(make_artifacts(tmp_path / "model.bin"))
    draft.place("model.bin").write_bytes(b"half")
    monkeypatch.setattr(artifacts, "_MARK", "the next start")
    monkeypatch.setattr(artifacts, "_numbers", iter([1]))
    again = Draft(make_artifacts(tmp_path / "model.bin"))
    again.prepare()

    assert [] == list(tmp_path.iterdir())
    assert draft.place("model.bin") != again.place("model.bin")


def test_drafts_go_with_their_process(tmp_path: Path) -> None:
    """Also where nobody has asked yet how it ended; those of living ones stay, and ours."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    left_behind(tmp_path, pid=ended.pid, mark="theirs")
    kept = {
        left_behind(tmp_path, pid=os.getppid(), mark="theirs"),
        left_behind(tmp_path, pid=os.getpid(), mark=artifacts._MARK),
    }
    Draft(make_artifacts(tmp_path / "model.bin")).prepare()
    ended.wait()

    assert kept == set(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x" * 242 + ".parquet", "ä" * 123 + ".parquet"], ids=["ascii", "umlauts"])
def test_names_may_be_as_long_as_the_disk_takes(tmp_path: Path, name: str) -> None:
    """A draft has the same ending, and is known by whoever sweeps."""
    draft = Draft(make_artifacts(tmp_path / name))
    draft.shown.write_bytes(b"whole")
    ending = draft.shown.suffix
    draft.set_aside("a" * 64)
    again = Draft(make_artifacts(tmp_path / name))
    taken = again.take_up("a" * 64)
    again.publish()

    assert (".parquet", True, [name]) == (ending, taken, [each.name for each in tmp_path.iterdir()])


def test_drafts_are_no_part_of_a_folder(tmp_path: Path) -> None:
    """They come and go: what else is made in an input folder is no reason to do work over it again."""
    (tmp_path / "rows.csv").write_text("1,2")
    before = hash_path(tmp_path)
    (left_behind(tmp_path, pid=1, mark="theirs").with_suffix(".d")).mkdir()

    assert before == hash_path(tmp_path)


def test_work_in_threads_of_the_loop_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    """Its threads are few, and a `produce` may take one for hours."""

    async def busy() -> float:
        memory = seenbefore.AsyncClient(f"http://127.0.0.1:{servers.free_port()}", spool=tmp_path / "spool.sqlite3")
        blocked = [asyncio.create_task(asyncio.to_thread(time.sleep, 1.0)) for _ in range(64)]
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        async with memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
            await step.progress(0.5)
        took = time.monotonic() - begun
        for each in blocked:
            each.cancel()
        await memory.close()
        return took

    assert 0.8 > asyncio.run(busy())
