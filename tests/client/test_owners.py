"""A step and its owner: who may write it, what another's attempt can go on from, and how it changes hands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from seenbefore.spool import Spool
from tests.client.conftest import MakeMemory
from tests.client.making import Counting, Memory, Torn, workspace_of

NAMES = ["imputation", "scaling", "split"]


def attempt(memory: Memory, folder: Path, *, owner: str, fails_at: str | None = None, **how: Any) -> list[str]:
    """One attempt of a step of three sub-tasks: what it has produced."""
    made: list[str] = []

    def producing(name: str) -> Callable[[Path], None]:
        def produce(place: Path) -> None:
            if name == fails_at:
                raise Torn
            made.append(name)
            place.write_bytes(name.encode())

        return produce

    try:
        with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner=owner, **how) as step:
            for name in NAMES:
                step.sub_task(name, produce=producing(name), inputs=[name], artifact=folder / f"{name}.bin")
    except Torn:
        assert fails_at is not None
    assert memory.flush()
    return made


def test_attempts_of_other_owners_go_on_from_each_other(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The service refuses what another writes, and tells that once; what this machine has made is made all the same."""
    with caplog.at_level(logging.WARNING, "seenbefore"):
        made = [
            attempt(memory, tmp_path, owner="host:1", fails_at="scaling"),
            attempt(memory, tmp_path, owner="host:2", fails_at="split"),
            attempt(memory, tmp_path, owner="host:3"),
        ]
    told = [each.getMessage() for each in caplog.records]

    assert [["imputation"], ["scaling"], ["split"]] == made
    assert 1 == len(told)
    assert told[0].startswith("/runs/r-1/steps/pre is owned by host:1, and what host:2 writes of it is refused")
    assert "take_over=True" in told[0]


def test_word_of_the_service_counts_for_work_that_shows_nothing(memory: Memory, asked: Callable[[str], Any]) -> None:
    """Without artifacts nothing here shows that it was done: what another owner's attempt says of it is refused."""
    given = []
    for owner in ("host:1", "host:2", "host:2"):
        with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner=owner) as step:
            name = "insert" if owner == "host:2" else "load"
            given.append(step.sub_task(name, produce=lambda: 42))
        memory.flush()

    assert [42, 42, 42] == given
    assert ["load"] == [each["sub_task"] for each in asked("/runs/r-1")["steps"][0]["sub_tasks"]]


def test_step_is_handed_over(memory: Memory, asked: Callable[[str], Any], spool: Path, tmp_path: Path) -> None:
    """On purpose: then its new owner goes on, and nothing is refused."""
    attempt(memory, tmp_path, owner="host:1", fails_at="scaling")
    made = attempt(memory, tmp_path, owner="host:2", take_over=True)
    found = asked("/runs/r-1")["steps"][0]

    assert ["scaling", "split"] == made
    assert ("host:2", "succeeded") == (found["owner"], found["status"])
    assert NAMES == [each["sub_task"] for each in found["sub_tasks"] if each["status"] == "completed"]
    assert [] == Spool(spool).refused()


def test_there_may_be_nothing_to_hand_over(memory: Memory, asked: Callable[[str], Any], tmp_path: Path) -> None:
    """A step that is not there yet, and one's own."""
    for _ in range(2):
        attempt(memory, tmp_path, owner="host:1", take_over=True)

    assert "host:1" == asked("/runs/r-1/steps/pre")["owner"]


def test_step_that_cannot_be_handed_over_is_told(
    memory_of: MakeMemory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody answers, and the pipeline goes on."""
    memory = memory_of("http://127.0.0.1:1")
    with (
        caplog.at_level(logging.WARNING, "seenbefore"),
        memory.run("fraud", run_id="r-1") as run,
        run.step("pre", owner="host:2", take_over=True) as step,
    ):
        step.sub_task("scaling", produce=Counting(), artifact=tmp_path / "scaled.bin")

    assert b"scaled" == (tmp_path / "scaled.bin").read_bytes()
    assert [True] == ["is not handed over: no answer" in each.getMessage() for each in caplog.records[-1:]]


def test_step_is_handed_over_in_an_event_loop(
    memory: Memory,
    asked: Callable[[str], Any],
    service_url: str,
    spool: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """The same, awaited."""
    attempt(memory, tmp_path, owner="host:1", fails_at="scaling")

    async def work() -> None:
        about = {"workspace": workspace_of(request), "timeout_s": 10.0, "spool": spool}
        async with (
            seenbefore.AsyncClient(service_url, **about) as other,
            other.run("fraud", run_id="r-1") as run,
            run.step("pre", owner="host:2", take_over=True),
        ):
            pass
        assert memory.flush()

    asyncio.run(work())

    assert "host:2" == asked("/runs/r-1/steps/pre")["owner"]


def test_exclusive_work_of_a_step_that_is_anothers_is_held(memory: Memory, tmp_path: Path) -> None:
    """At once, for that does not pass; once it was handed over it is one's own to claim."""
    place, made = tmp_path / "scaled.bin", Counting()

    def work(owner: str, **how: Any) -> None:
        with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner=owner, **how) as step:
            step.sub_task("scaling", produce=made, inputs=[owner], artifact=place, exclusive=True)

    work("host:1")
    with pytest.raises(seenbefore.Held, match=r"is owned by host:1, who can hand it over: .*take_over=True"):
        work("host:2")
    work("host:2", take_over=True)

    assert 2 == len(made.places)
