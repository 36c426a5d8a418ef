"""Rows that are read, changed and written again where another was faster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import seenbefore
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Memory


def test_update_is_repeated_where_another_was_faster(memory: Memory, asked: Callable[[str], Any]) -> None:
    """No update is lost, also where all of them would write the same."""
    with memory.run("fraud", run_id="r-1", attributes={"n": 0}):
        assert memory.flush()

    def add(name: str) -> None:
        memory.update(
            lambda row: row | {"attributes": row["attributes"] | {name: 1, "n": row["attributes"]["n"] + 1}},
            run_id="r-1",
        )

    threads = [threading.Thread(target=add, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {"n": 8} | {f"n{number}": 1 for number in range(8)} == asked("/runs/r-1")["attributes"]
    with pytest.raises(seenbefore.Refused):
        memory.update(lambda row: row | {"pipeline": "another"}, run_id="r-1")


def test_update_creates_what_is_not_there(memory: Memory) -> None:
    """It gets no fields then."""
    row = memory.update(lambda row: row or {"pipeline": "p", "status": "running"}, run_id="r-9")

    assert ("p", 1) == (row["pipeline"], row["version"])


def test_update_says_that_nobody_answers(memory_of: MakeMemory) -> None:
    """It cannot go on without."""
    with pytest.raises(seenbefore.Unavailable):
        memory_of(f"http://127.0.0.1:{servers.free_port()}").update(lambda row: row, run_id="r")
