"""Opening a run again: what the service says that it has done, and what this machine knows where the service cannot."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import seenbefore
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.go_between import GoBetween
from tests.client.making import Counting, Memory, Torn, scale, workspace_of
from tests.client.servers import talking, wait_for


@pytest.fixture
def behind(memory_of: MakeMemory, between: GoBetween, request: pytest.FixtureRequest) -> Memory:
    """A client that meets the real service through the go-between."""
    return memory_of(between.url, workspace=workspace_of(request), timeout_s=10.0)


def opened(memory: Memory, place: Path, *, pipeline: str = "fraud", produce: Any = None, **how: Any) -> int:
    """How often the one sub-task of the run r-1 is produced when it is opened; nothing waits to be delivered."""
    counting = Counting()
    with memory.run(pipeline, run_id="r-1") as run, run.step("pre", owner="agent") as step:
        step.sub_task("scaling", produce=produce or counting, artifact=place, **{"inputs": [1]} | how)
    return len(counting.places)


def checkpoint(service_url: str, workspace: str) -> dict[str, Any]:
    """The sub-task as the service has it."""
    headers = {"X-Workspace": workspace}
    found: dict[str, Any] = httpx.get(
        f"{service_url}/runs/r-1/steps/pre/sub-tasks/scaling", headers=headers, timeout=30
    ).json()
    return found


def test_slow_answer_is_waited_for(
    memory_of: MakeMemory, between: GoBetween, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Longer than for any other call: without it the work would be done again."""
    place, about = tmp_path / "scaled.bin", {"workspace": workspace_of(request), "timeout_s": 0.3}
    first = memory_of(between.url, **about, resume_timeout_s=5.0)
    assert 1 == opened(first, place)
    assert wait_for(first.flush)
    between.delay_s = 1.0
    elsewhere = {"spool": tmp_path / "other.sqlite3"}

    assert 0 == opened(memory_of(between.url, **about, **elsewhere, resume_timeout_s=10.0), place)
    assert 1 == opened(memory_of(between.url, **about, **elsewhere, resume_timeout_s=0.3), place)


def test_silence_is_paid_for_once(memory_of: MakeMemory, tmp_path: Path) -> None:
    """The second run of the process waits no more."""
    with talking(servers.silent) as url:
        memory = memory_of(url, timeout_s=0.2, resume_timeout_s=1.0)
        took = []
        for number in range(2):
            begun = time.perf_counter()
            opened(memory, tmp_path / f"{number}.bin")
            took.append(time.perf_counter() - begun)

    assert took[1] < 0.9 < took[0]


def test_refused_connection_costs_nothing(memory_of: MakeMemory, tmp_path: Path) -> None:
    """Nobody is there to wait for."""
    begun = time.perf_counter()
    opened(memory_of(f"http://127.0.0.1:{servers.free_port()}", resume_timeout_s=10.0), tmp_path / "scaled.bin")

    assert time.perf_counter() - begun < 5.0


def test_machine_knows_what_was_delivered(
    behind: Memory, between: GoBetween, service_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """While the service cannot be asked: nothing is done again, and it misses nothing afterwards."""
    place = tmp_path / "scaled.bin"
    assert 1 == opened(behind, place)
    assert behind.flush()
    before = checkpoint(service_url, workspace_of(request))
    between.cut = True
    assert 0 == opened(behind, place)
    between.cut = False
    assert wait_for(behind.flush, limit_s=30)

    assert before == checkpoint(service_url, workspace_of(request))


def test_machine_knows_what_the_service_has_forgotten(
    behind: Memory, between: GoBetween, service_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It is told again."""
    place = tmp_path / "scaled.bin"
    opened(behind, place)
    assert behind.flush()
    between.workspace = f"{workspace_of(request)}-empty"

    assert 0 == opened(behind, place)
    assert behind.flush()
    assert "completed" == checkpoint(service_url, between.workspace)["status"]


def test_machine_knows_its_own_pipeline(
    behind: Memory, memory_of: MakeMemory, service_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Where the service keeps another pipeline's run of the same name, which stays as it is."""
    other = memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0, spool=tmp_path / "other.sqlite3")
    place = tmp_path / "scaled.bin"
    opened(other, tmp_path / "other.bin", pipeline="churn")
    assert other.flush()

    assert [1, 0] == [opened(behind, place) for _ in range(2)]
    behind.flush()
    assert ["other.bin"] == list(checkpoint(service_url, workspace_of(request))["artifacts"])


@pytest.mark.parametrize("inputs", [None, [1]], ids=["without inputs", "with the same inputs"])
def test_another_pipelines_work_on_this_machine_is_another(
    memory_of: MakeMemory, tmp_path: Path, inputs: list[int] | None
) -> None:
    """Though run, step, sub-task and artifact have the same names."""
    memory, place = memory_of(f"http://127.0.0.1:{servers.free_port()}"), tmp_path / "scaled.bin"

    assert [1, 1, 0] == [opened(memory, place, pipeline=name, inputs=inputs) for name in ("fraud", "churn", "churn")]


def test_machine_trusts_no_work_that_failed_last(behind: Memory, between: GoBetween, tmp_path: Path) -> None:
    """Nor an artifact that is not what it was."""
    place = tmp_path / "scaled.bin"

    def broken(_: Path) -> None:
        raise Torn

    opened(behind, place)
    with pytest.raises(Torn):
        opened(behind, place, inputs=[2], produce=broken)
    assert behind.flush()
    between.cut = True

    assert 1 == opened(behind, place)
    place.write_bytes(b"other")
    assert 1 == opened(behind, place)


def test_joining_leaves_the_run_to_its_opener(memory: Memory, asked: Callable[[str], Any], tmp_path: Path) -> None:
    """One that joins it fails in it, another joins it when it has ended: neither says so of the run."""
    with memory.run("fraud", run_id="r-1"):
        with pytest.raises(Torn), memory.run("fraud", run_id="r-1", join=True):
            raise Torn
        assert memory.flush()
        during = asked("/runs/r-1")["status"]
    assert memory.flush()
    done = []
    for _ in range(2):
        produce = Counting()
        with memory.run("fraud", run_id="r-1", join=True) as run, run.step("pre", owner="agent") as step:
            step.sub_task("scaling", inputs=None, produce=produce, artifact=tmp_path / "scaled.bin")
        done.append(len(produce.places))
        assert memory.flush()
    after = asked("/runs/r-1")

    assert ("running", "succeeded") == (during, after["status"])
    assert ("succeeded", ["scaling"]) == (
        after["steps"][0]["status"],
        [each["sub_task"] for each in after["steps"][0]["sub_tasks"]],
    )
    assert [1, 0] == done


def test_joining_makes_the_run_that_nobody_has_opened(memory: Memory, asked: Callable[[str], Any]) -> None:
    """Its steps need it; that it has ended is still for another to say."""
    about = {"domain": "ml-pipeline", "schema_version": 1, "attributes": {"model": "xgb"}}
    with memory.run("fraud", run_id="r-1", join=True, **about) as run, run.step("pre", owner="agent"):
        pass
    assert memory.flush()
    found = asked("/runs/r-1?schema_version=1")

    assert ("fraud", "running", {"model": "xgb"}) == tuple(found[name] for name in ("pipeline", "status", "attributes"))
    assert ["pre"] == [step["step"] for step in found["steps"]]


@pytest.mark.parametrize("domain", ["\ud800", object()], ids=["a lone surrogate", "no text"])
def test_joining_raises_nothing(memory: Memory, asked: Callable[[str], Any], domain: Any) -> None:
    """Though a domain be given that nobody can write down: the run is made without, for its steps."""
    with memory.run("fraud", run_id="r-1", join=True, domain=domain) as run, run.step("pre", owner="agent"):
        pass
    assert memory.flush()

    assert ("running", None) == tuple(asked("/runs/r-1")[name] for name in ("status", "domain"))


def test_joining_while_the_service_is_away(behind: Memory, between: GoBetween, asked: Callable[[str], Any]) -> None:
    """Its steps are told later, and the run with them where there is none by then."""
    between.cut = True
    with behind.run("fraud", run_id="r-1", join=True) as run, run.step("pre", owner="agent") as step:
        step.sub_task("scaling", produce=lambda: None)
    between.cut = False
    assert wait_for(behind.flush, limit_s=30)
    found = asked("/runs/r-1")

    assert ("fraud", "running", "succeeded") == (found["pipeline"], found["status"], found["steps"][0]["status"])
    assert ["scaling"] == [each["sub_task"] for each in found["steps"][0]["sub_tasks"]]


async def test_async_joining_is_the_same(
    service_url: str, spool: Path, request: pytest.FixtureRequest, asked: Callable[[str], Any]
) -> None:
    """Neither begun again nor ended."""
    about = {"workspace": workspace_of(request), "spool": spool, "timeout_s": 10}
    async with seenbefore.AsyncClient(service_url, **about) as memory:
        async with memory.run("fraud", run_id="r-1"):
            pass
        with pytest.raises(Torn):
            async with memory.run("fraud", run_id="r-1", join=True) as run, run.step("pre", owner="agent"):
                raise Torn
        assert await memory.flush()
    found = asked("/runs/r-1")

    assert ("succeeded", "failed") == (found["status"], found["steps"][0]["status"])


def test_redone_work_is_what_is_recorded(memory: Memory, asked: Callable[[str], Any], tmp_path: Path) -> None:
    """After it failed, after its artifact was lost, and over other inputs; and that is what the next run goes by."""
    place, told = tmp_path / "scaled.bin", "/runs/r-1/steps/pre/sub-tasks/scaling"

    def broken(_: Path) -> None:
        raise Torn

    with pytest.raises(Torn):
        scale(memory, place, produce=broken)
    memory.flush()
    found = [asked(told)]
    for content, how in ((b"one", {}), (b"two", {}), (b"three", {"inputs": [3]})):
        assert 1 == scale(memory, place, produce=Counting(content), **how)[1]
        found.append(asked(told))
        assert 0 == scale(memory, place, **how)[1]
        place.write_bytes(b"lost")
    hashes = [each["artifacts"].get("scaled.bin", {}).get("sha256") for each in found]

    assert ["failed", "completed", "completed", "completed"] == [each["status"] for each in found]
    assert 4 == len(set(hashes))
    assert found[1]["inputs_hash"] == found[2]["inputs_hash"] != found[3]["inputs_hash"]


def test_run_of_thousands_is_read_to_its_end(memory_of: MakeMemory) -> None:
    """The service shows the beginning of a long step; the pages behind it are asked for."""
    done = {"status": "completed", "inputs_hash": None, "artifacts": {}}
    pages = {
        "": {"sub_tasks": [done | {"sub_task": "a"}], "sub_tasks_next": "a", "step": "pre"},
        "a": {"sub_tasks": [done | {"sub_task": "b"}], "next": "b"},
        "b": {"sub_tasks": [done | {"sub_task": "c"}, {"sub_task": "d", "status": "failed"}], "next": None},
    }

    def answer(asked: servers.Asked) -> servers.Reply:
        path, _, query = asked.path.partition("?")
        if asked.method == "GET" and path.endswith("/sub-tasks"):
            return servers.Reply(200, pages[query.removeprefix("after=")])
        return servers.Reply(200, {"pipeline": "fraud", "run_id": "r-1", "status": "running", "steps": [pages[""]]})

    with servers.serving(answer) as server, memory_of(server.url).run("fraud", run_id="r-1") as run:
        known = {name for _, name in run._state.done}

    assert {"a", "b", "c"} == known
