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


OLD, NEW = {"model": "xgb", "gpus": 2}, {"model": {"name": "xgb"}, "resources": {"gpus": 2}, "purpose": "training"}


def test_attributes_keep_the_version_that_is_stated(memory: Memory, asked: Callable[[str], Any]) -> None:
    """Whoever knows the first version of a schema reads and writes that, whoever states none the latest."""
    with (
        memory.run("fraud", run_id="r-1", domain="ml-pipeline", schema_version=1, attributes=OLD) as run,
        run.step("pre", owner="agent", attributes={"rows": 3}),
    ):
        pass
    assert memory.flush()
    seen: list[Any] = []

    def halve(row: dict[str, Any]) -> dict[str, Any]:
        seen.append(row["attributes"])
        return row | {"attributes": row["attributes"] | {"gpus": 1}}

    def rename(row: dict[str, Any]) -> dict[str, Any]:
        seen.append(row["attributes"])
        return row | {"attributes": row["attributes"] | {"purpose": "tuning"}}

    first = memory.update(halve, run_id="r-1", schema_version=1)
    step = memory.update(lambda row: row | {"attributes": {"rows": 4}}, run_id="r-1", step="pre", schema_version=1)
    second = memory.update(rename, run_id="r-1")

    assert [OLD, NEW | {"resources": {"gpus": 1}}] == seen
    assert [1, 1, 2] == [each["schema_version"] for each in (first, step, second)]
    assert {"rows": {"read": 4}} == asked("/runs/r-1/steps/pre")["attributes"]
    with pytest.raises(seenbefore.Refused):
        memory.update(lambda row: row, run_id="r-1", schema_version=1)


def test_update_gives_what_is_stored(memory: Memory, asked: Callable[[str], Any]) -> None:
    """Also where `change` alters what it was given, and then thinks better of it."""
    with memory.run("fraud", run_id="r-1", attributes={"n": 0}):
        pass
    assert memory.flush()

    def alter(row: dict[str, Any]) -> None:
        row["attributes"]["n"] = 1

    def alter_and_give(row: dict[str, Any]) -> dict[str, Any]:
        alter(row)
        return row

    left = memory.update(alter, run_id="r-1")
    written = memory.update(alter_and_give, run_id="r-1")

    assert [{"n": 0}, {"n": 1}] == [left["attributes"], written["attributes"]]
    assert {"n": 1} == asked("/runs/r-1")["attributes"]


def test_equal_row_is_not_written(memory_of: MakeMemory) -> None:
    """Nor what only looks equal taken for it: true is not 1."""
    row = {"pipeline": "p", "status": "running", "attributes": {"n": 1}}
    with servers.serving(lambda asked: servers.Reply(200, row, headers=(("ETag", '"1"'),))) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        memory.update(lambda row: dict(row), run_id="r-1")
        memory.update(lambda row: {"status": row["status"]}, run_id="r-1")
        asked_so_far = [each.method for each in server.asked]
        memory.update(lambda row: row | {"attributes": {"n": True}}, run_id="r-1")

    assert ["GET", "GET"] == asked_so_far
    assert {"attributes": {"n": True}} == {"attributes": server.asked[-1].body["attributes"]}


def test_completed_sub_task_can_be_told_failed(memory: Memory) -> None:
    """The artifacts of its completion are not told again with it."""
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        step.sub_task("scaling", produce=lambda: None)
    assert memory.flush()
    row = memory.update(
        lambda row: row | {"owner": "agent", "status": "failed"}, run_id="r-1", step="pre", sub_task="scaling"
    )

    assert "failed" == row["status"]
