"""Runs, steps and sub-tasks: what is told of them, what is skipped and what is done again."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from seenbefore.runs import status_of
from tests.client.making import Counting, Memory, Torn, scale, workspace_of
from tests.client.servers import wait_for


def test_run_is_told_with_its_steps_and_checkpoints(
    memory: Memory, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    """All as the pipeline said it."""
    plan = ["imputation", "scaling"]
    with (
        memory.run("fraud", run_id="r-1", domain="ml-pipeline") as run,
        run.step("pre", owner="agent", plan=plan, attributes={"rows": 3}) as step,
    ):
        how = {"inputs": [1], "artifact": tmp_path / "a.bin", "uri": "s3://b/a"}
        made = step.sub_task("imputation", produce=Counting(), **how)
        step.progress(0.5)
    assert memory.flush()
    said = asked("/runs/r-1")

    assert tmp_path / "a.bin" == made
    assert ("fraud", "succeeded", "ml-pipeline") == (said["pipeline"], said["status"], said["domain"])
    assert ("agent", "succeeded", plan, 0.5) == tuple(
        said["steps"][0][name] for name in ("owner", "status", "plan", "progress")
    )
    artifact = said["steps"][0]["sub_tasks"][0]["artifacts"]["a.bin"]
    assert {"sha256": hashlib.sha256(b"scaled").hexdigest(), "uri": "s3://b/a"} == artifact


def test_completed_work_is_skipped(memory: Memory, tmp_path: Path) -> None:
    """In the same run, and in another one over the same inputs, which gets a checkpoint of its own."""
    place = tmp_path / "out" / "scaled.bin"

    assert (place, 1) == scale(memory, place)
    assert (place, 0) == scale(memory, place)
    assert (place, 0) == scale(memory, place, run_id="r-2")
    assert b"scaled" == place.read_bytes()
    assert ["scaled.bin"] == [each.name for each in place.parent.iterdir()]


@pytest.mark.parametrize(
    "how",
    [{"inputs": ["rows.csv", 4]}, {"version": "2"}, {"inputs": [object()]}, {"inputs": {"rows": 3}}],
    ids=["another input", "another version", "an input that cannot be hashed", "another shape"],
)
def test_other_work_is_done(memory: Memory, tmp_path: Path, how: dict[str, Any]) -> None:
    """Other inputs, another version of the code, and inputs that nobody can compare."""
    place = tmp_path / "scaled.bin"
    scale(memory, place)

    assert 1 == scale(memory, place, **how)[1]


def test_inputs_count_by_their_contents(memory: Memory, tmp_path: Path) -> None:
    """A file that was touched is the same, one that was changed is not."""
    rows, place = tmp_path / "rows.csv", tmp_path / "scaled.bin"
    rows.write_text("1")
    scale(memory, place, inputs=[str(rows)])
    rows.touch()
    assert 0 == scale(memory, place, inputs=[str(rows)])[1]
    rows.write_text("2")
    assert 1 == scale(memory, place, inputs=[str(rows)])[1]


def test_without_inputs_work_counts_in_its_run_alone(memory: Memory, tmp_path: Path) -> None:
    """Nobody has said that another run's is the same."""
    place = tmp_path / "scaled.bin"
    scale(memory, place, inputs=None)

    assert 0 == scale(memory, place, inputs=None)[1]
    assert 1 == scale(memory, place, inputs=None, run_id="r-2")[1]


@pytest.mark.parametrize("harm", [Path.unlink, lambda place: place.write_bytes(b"scaleD")])
def test_artifact_that_does_not_match_is_made_again(
    memory: Memory, tmp_path: Path, harm: Callable[[Path], Any], asked: Callable[[str], Any]
) -> None:
    """Gone, or not what was recorded; the checkpoint follows."""
    place = tmp_path / "scaled.bin"
    scale(memory, place)
    harm(place)

    assert 1 == scale(memory, place, produce=Counting(b"other"))[1]
    assert b"other" == place.read_bytes()
    assert 0 == scale(memory, place)[1]


def test_several_artifacts_and_folders(memory: Memory, tmp_path: Path) -> None:
    """Each by its name; a folder by all that is in it."""
    places = {"table": tmp_path / "t.bin", "model": tmp_path / "model"}
    made: list[int] = []

    def produce(drafts: dict[str, Path]) -> None:
        made.append(1)
        drafts["table"].write_bytes(b"t")
        (drafts["model"] / "deep").mkdir(parents=True)
        (drafts["model"] / "deep" / "weights").write_bytes(bytes(made))

    def run() -> Any:
        with memory.run("fraud", run_id="r-1") as run, run.step("train", owner="agent") as step:
            return step.sub_task("fit", inputs=[1], produce=produce, artifact=places)

    assert places == run()
    assert places == run()
    assert 1 == len(made)
    (places["model"] / "deep" / "weights").write_bytes(b"?")
    run()
    assert 2 == len(made)
    assert b"\1\1" == (places["model"] / "deep" / "weights").read_bytes()
    assert {"t.bin", "model"} <= {each.name for each in tmp_path.iterdir()}
    assert not list(tmp_path.glob(".seenbefore*"))


def test_work_without_artifact_is_done_once_a_run(memory: Memory) -> None:
    """Its value is given when it is done."""
    given = []
    for run_id in ("r-1", "r-1", "r-2"):
        with memory.run("fraud", run_id=run_id) as run, run.step("load", owner="agent") as step:
            given.append(step.sub_task("insert", inputs=["rows"], produce=lambda: 42))
        memory.flush()

    assert [42, None, 42] == given


def test_artifact_is_fetched_from_where_it_is(memory: Memory, tmp_path: Path) -> None:
    """And made again where what comes is not what was recorded, or nothing comes."""
    scale(memory, tmp_path / "a" / "scaled.bin", uri="s3://bucket/scaled.bin")
    asked: list[str] = []

    def fetch(uri: str, place: Path) -> None:
        asked.append(uri)
        place.write_bytes(b"scaled")

    def broken(uri: str, place: Path) -> None:
        place.write_bytes(b"half")
        raise OSError("reset")

    here = tmp_path / "b" / "scaled.bin"
    assert (here, 0) == scale(memory, here, run_id="r-2", fetch=fetch)
    assert ["s3://bucket/scaled.bin"] == asked
    assert b"scaled" == here.read_bytes()
    assert 1 == scale(memory, tmp_path / "c" / "scaled.bin", run_id="r-3", fetch=broken)[1]
    wrong = scale(memory, tmp_path / "d" / "scaled.bin", run_id="r-4", fetch=lambda _, place: place.write_bytes(b"x"))
    assert 1 == wrong[1]


@pytest.mark.parametrize("error", [Torn("x"), StopIteration(3), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_failure_is_raised_as_it_is(
    memory: Memory, tmp_path: Path, error: BaseException, asked: Callable[[str], Any]
) -> None:
    """With nothing of ours, and told to the service; the half-written artifact is gone."""

    def produce(place: Path) -> None:
        place.write_bytes(b"half")
        raise error

    with (
        pytest.raises(type(error)) as raised,
        memory.run("fraud", run_id="r-1") as run,
        run.step("pre", owner="agent") as step,
    ):
        step.sub_task("scaling", inputs=[1], produce=produce, artifact=tmp_path / "scaled.bin")
    assert memory.flush()
    said = asked("/runs/r-1")

    assert error is raised.value
    assert [] == list(tmp_path.glob("*scaled.bin"))
    ended = status_of(error)
    assert (ended, ended, "failed") == (
        said["status"],
        said["steps"][0]["status"],
        said["steps"][0]["sub_tasks"][0]["status"],
    )


def test_produce_that_writes_nothing_is_told(memory: Memory, tmp_path: Path) -> None:
    """Else the next run would skip what is not there. One that writes to the final place is taken."""
    with pytest.raises(seenbefore.ArtifactMissing):
        scale(memory, tmp_path / "scaled.bin", produce=lambda _: None)
    direct = tmp_path / "direct.bin"
    with memory.run("fraud", run_id="r-2") as run, run.step("pre", owner="agent") as step:
        assert direct == step.sub_task("scaling", produce=lambda _: direct.write_bytes(b"d"), artifact=direct)


def test_decision_is_kept(memory: Memory, asked: Callable[[str], Any]) -> None:
    """With its reasons."""
    reason = {"metric": "precision", "observed": 0.83, "comparison": "below", "threshold": 0.85}
    with memory.run("fraud", run_id="r-1") as run:
        run.decide("gate", "release", choice={"released": False}, rationale="Too imprecise.", reasons=[reason])
    assert memory.flush()

    assert ["Too imprecise."] == [each["rationale"] for each in asked("/runs/r-1/decisions")["decisions"]]


async def test_async_run_is_the_same(
    service_url: str, spool: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A coroutine function is awaited, a plain one does not hold the loop up, and what is done is skipped."""
    made: list[str] = []

    async def awaited(draft: Path) -> None:
        await asyncio.sleep(0)
        made.append("awaited")
        draft.write_bytes(b"a")  # noqa: ASYNC240 - a byte

    def plain(draft: Path) -> None:
        made.append("plain")
        assert threading.current_thread() is not threading.main_thread()
        draft.write_bytes(b"p")

    async with seenbefore.AsyncClient(
        service_url, workspace=workspace_of(request), spool=spool, timeout_s=10
    ) as memory:
        for _ in range(2):
            async with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
                for name, produce in (("a", awaited), ("b", plain)):
                    await step.sub_task(name, inputs=[1], produce=produce, artifact=tmp_path / name)
                await step.progress(1.0)
        with pytest.raises(Torn):
            async with memory.run("fraud", run_id="r-2"):
                raise Torn
        assert await memory.flush()
        row = await memory.update(lambda row: row, run_id="r-2")

    assert ["awaited", "plain"] == made
    assert "failed" == row["status"]


@pytest.mark.parametrize("kind", ["in the loop", "in a thread"])
def test_cancelled_work_leaves_nothing_behind(
    service_url: str, spool: Path, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Nor does a thread, which goes on for a while: nobody can end it."""
    begun, ended = threading.Event(), threading.Event()

    async def produce(place: Path) -> None:
        await asyncio.to_thread(place.write_bytes, b"half")
        begun.set()
        await asyncio.sleep(30)

    def in_a_thread(place: Path) -> None:
        begun.set()
        time.sleep(0.5)
        place.write_bytes(b"whole")
        ended.set()

    async def work() -> None:
        about = {"workspace": workspace_of(request), "timeout_s": 10.0, "spool": spool}
        async with (
            seenbefore.AsyncClient(service_url, **about) as memory,
            memory.run("fraud", run_id="r-1") as run,
            run.step("pre", owner="agent") as step,
        ):
            made = produce if kind == "in the loop" else in_a_thread
            task = asyncio.create_task(step.sub_task("scaling", produce=made, artifact=tmp_path / "scaled.bin"))
            await asyncio.to_thread(begun.wait, 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert kind == "in the loop" or ended.wait(20)

    assert wait_for(lambda: not list(tmp_path.glob("*scaled.bin")))
