"""Runs, steps and sub-tasks: what is skipped, what is done again, and what a pipeline never notices."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import seenbefore
from seenbefore import recorded
from seenbefore.core import Core
from seenbefore.hashing import hash_inputs
from seenbefore.runs import status_of
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.servers import Asked, Reply, serving, talking

Memory = seenbefore.Client


class Counting:
    """A `produce` that writes some bytes and counts how often it was asked to."""

    def __init__(self, content: bytes = b"scaled") -> None:
        self.content = content
        self.places: list[Path] = []

    def __call__(self, place: Path) -> None:
        self.places.append(place)
        place.write_bytes(self.content)


@pytest.fixture
def memory(memory_of: MakeMemory, service_url: str, request: pytest.FixtureRequest) -> Memory:
    """A client of the real service in a workspace of the test's own."""
    return memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0)


@pytest.fixture
def asked(service_url: str, request: pytest.FixtureRequest) -> Any:
    """Reads of the real service in the same workspace."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace_of(request)}, timeout=30) as client:
        yield lambda path: client.get(path).json()


def workspace_of(request: pytest.FixtureRequest) -> str:
    """A name by the test's own."""
    return f"client-{abs(hash(request.node.nodeid)):x}"


def scale(memory: Memory, artifact: Any, *, run_id: str = "r-1", produce: Any = None, **how: Any) -> tuple[Any, int]:
    """A run of one sub-task: what it gives, and how often it was produced."""
    produce = produce or Counting()
    how = {"inputs": ["rows.csv", 3]} | how
    with memory.run("fraud", run_id=run_id) as run, run.step("pre", owner="agent") as step:
        given = step.sub_task("scaling", produce=produce, artifact=artifact, **how)
    assert memory.flush()
    return given, len(produce.places)


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


class Torn(Exception):
    """A pipeline's own failure."""


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


def test_resumes_from_the_spool_while_the_service_is_away(memory_of: MakeMemory, tmp_path: Path) -> None:
    """What waits there is known, too."""
    memory = memory_of(f"http://127.0.0.1:{servers.free_port()}")
    done = []
    for _ in range(2):
        produce = Counting()
        with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
            step.sub_task("scaling", inputs=[1], produce=produce, artifact=tmp_path / "a/scaled.bin")
        done.append(len(produce.places))

    assert [1, 0] == done


@pytest.mark.parametrize("talk", [servers.silent, servers.rubbish, servers.huge, servers.hanging_up])
def test_pipeline_goes_on_whatever_the_service_does(
    memory_of: MakeMemory, tmp_path: Path, talk: Callable[..., None]
) -> None:
    """And waits once at most."""
    with talking(talk) as url:
        memory = memory_of(url, timeout_s=0.5)
        with memory.run("fraud", run_id="r-1", attributes={"x": object()}) as run:
            with run.step("pre", owner="agent", plan=["a", "a", "/", ""]) as step:
                step.progress(float("nan"))
                place = step.sub_task("x" * 500, inputs=[1], produce=Counting(), artifact=tmp_path / "scaled.bin")
            run.decide("agent", "note", choice={"x": float("nan")}, rationale="because")
        memory.close()

    assert b"scaled" == place.read_bytes()


def test_own_mistakes_are_not_the_pipelines(
    memory_of: MakeMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in the client, the work is done and its value given."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    for name in ("put", "put_row", "waiting", "flush", "watch"):
        monkeypatch.setattr(Core, name, broken)
    monkeypatch.setattr(recorded, "of_run", broken)
    memory = memory_of("http://127.0.0.1:1")
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        step.progress(0.5)
        place = step.sub_task("scaling", inputs=[1], produce=Counting(), artifact=tmp_path / "a.bin", exclusive=True)
    advice = memory.advise("x")
    memory.outcome("i-1", "failed")
    monkeypatch.undo()

    assert b"scaled" == place.read_bytes()
    assert "default" == advice.decision.action


def test_answers_with_wrong_types_are_no_resume_state(memory_of: MakeMemory, tmp_path: Path) -> None:
    """A service of another version, or none at all."""
    wrong: list[Any] = [
        {"steps": 3},
        {"steps": [3, {"sub_tasks": [3, {"status": "completed", "artifacts": []}]}]},
        {
            "steps": [
                {"step": "pre", "sub_tasks": [{"sub_task": "scaling", "status": "completed", "artifacts": {"a": 3}}]}
            ]
        },
    ]
    for number, document in enumerate(wrong):
        with serving(lambda _, document=document: Reply(200, document)) as server:  # type: ignore[misc]
            assert 1 == scale(memory_of(server.url, timeout_s=5.0), tmp_path / f"{number}.bin")[1]


def test_decision_is_kept(memory: Memory, asked: Callable[[str], Any]) -> None:
    """With its reasons."""
    reason = {"metric": "precision", "observed": 0.83, "comparison": "below", "threshold": 0.85}
    with memory.run("fraud", run_id="r-1") as run:
        run.decide("gate", "release", choice={"released": False}, rationale="Too imprecise.", reasons=[reason])
    assert memory.flush()

    assert ["Too imprecise."] == [each["rationale"] for each in asked("/runs/r-1/decisions")["decisions"]]


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


def exclusively(memory: Memory, place: Path, **how: Any) -> Any:
    """A sub-task that only one may do."""
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        return step.sub_task("scaling", inputs=[1], artifact=place, exclusive=True, **how)


def test_exclusive_work_is_done_by_one(
    memory_of: MakeMemory, memory: Memory, service_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The other waits and finds it done; or is told who holds it. A lease is renewed for as long as the work takes."""
    other = memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0, spool=tmp_path / "other.sqlite3")
    place, begun, ends, twice = tmp_path / "scaled.bin", threading.Event(), threading.Event(), Counting()

    def slowly(draft: Path) -> None:
        begun.set()
        assert ends.wait(30)
        draft.write_bytes(b"scaled")

    first = threading.Thread(target=lambda: exclusively(memory, place, produce=slowly, lease_s=1.0))
    first.start()
    assert begun.wait(30)
    with pytest.raises(seenbefore.Held, match="scaling is held by ") as raised:
        exclusively(other, place, produce=twice, wait_s=2.5)
    threading.Timer(0.5, ends.set).start()
    exclusively(other, place, produce=twice, wait_s=30)
    first.join()

    assert raised.value.until is not None
    assert [] == twice.places


def test_lost_lease_publishes_nothing(memory_of: MakeMemory, tmp_path: Path) -> None:
    """Once the service says that another holds it, this one no longer believes that it does."""
    claims: list[str] = []

    def answer(asked: Asked) -> Reply:
        if asked.body and asked.body.get("status") == "started":
            claims.append(asked.body["holder"])
            if len(claims) > 1:
                return servers.problem(409, "b holds scaling.", holder="b", lease_expires_at="2030-01-01T00:00:00Z")
        return Reply(200, {"status": "ok"})

    place = tmp_path / "scaled.bin"
    with serving(answer) as server, pytest.raises(seenbefore.Held):
        exclusively(memory_of(server.url, timeout_s=5.0), place, produce=Counting())

    assert not place.exists()


def test_exclusive_work_is_done_all_the_same_without_the_service(memory_of: MakeMemory, tmp_path: Path) -> None:
    """Nobody can be asked, and the pipeline goes on."""
    place = exclusively(memory_of("http://127.0.0.1:1"), tmp_path / "scaled.bin", produce=Counting())

    assert b"scaled" == place.read_bytes()


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


def test_hash_of_inputs_is_canonical(tmp_path: Path) -> None:
    """The order of a mapping says nothing, the order of a list does, and a file is not its name."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")

    def hashed(inputs: object) -> str:
        return hash_inputs(inputs, run_id="r")

    assert hashed({"a": 1, "b": 2}) == hashed({"b": 2, "a": 1})
    assert hashed([1, 2]) != hashed([2, 1])
    assert hashed([tmp_path / "a"]) == hashed([str(tmp_path / "b")])
    assert hashed(["x"]) != hashed([tmp_path / "a"])
    assert hashed([object()]) != hashed([object()])
    assert hash_inputs(None, run_id="r") != hash_inputs(None, run_id="s")
