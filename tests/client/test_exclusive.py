"""Work that only one may do: claims, leases, and who is told that another holds it."""

from __future__ import annotations

import asyncio
import logging
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
from tests.client.go_between import GoBetween
from tests.client.making import Counting, Memory, Torn, workspace_of
from tests.client.servers import Asked, Reply, serving


def exclusively(memory: Memory, place: Path, **how: Any) -> Any:
    """A sub-task that only one may do."""
    plan = ["imputation", "scaling"]
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent", plan=plan) as step:
        return step.sub_task("scaling", artifact=place, exclusive=True, **({"inputs": [1]} | how))


def test_exclusive_work_is_done_by_one(
    memory_of: MakeMemory,
    memory: Memory,
    service_url: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The other says once for whom it waits, and finds it done; or is told who holds it. A lease is renewed for as long
    as the work takes."""
    other = memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0, spool=tmp_path / "other.sqlite3")
    place, begun, ends, twice = tmp_path / "scaled.bin", threading.Event(), threading.Event(), Counting()

    def slowly(draft: Path) -> None:
        begun.set()
        assert ends.wait(30)
        draft.write_bytes(b"scaled")

    first = threading.Thread(target=lambda: exclusively(memory, place, produce=slowly, lease_s=1.0))
    first.start()
    assert begun.wait(30)
    with caplog.at_level(logging.INFO, "seenbefore"), pytest.raises(seenbefore.Held, match="is held by ") as raised:
        exclusively(other, place, produce=twice, wait_s=2.5)
    threading.Timer(0.5, ends.set).start()
    exclusively(other, place, produce=twice, wait_s=30)
    first.join()

    assert raised.value.until is not None
    assert [] == twice.places
    told = [each.getMessage() for each in caplog.records if "Waiting for it" in each.getMessage()]
    assert [True] == [f"scaling is held by {raised.value.holder} until" in each for each in told]


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


@pytest.fixture
def behind(memory_of: MakeMemory, between: GoBetween, request: pytest.FixtureRequest) -> Memory:
    """A client that meets the real service through the go-between."""
    return memory_of(between.url, workspace=workspace_of(request), timeout_s=10.0)


@pytest.mark.parametrize("fails", [False, True], ids=["completed", "failed"])
def test_lost_answer_to_a_claim_refuses_no_checkpoint(
    behind: Memory, between: GoBetween, asked: Callable[[str], Any], tmp_path: Path, *, fails: bool
) -> None:
    """The service has granted it, and knows the holder when the end is told."""

    def produce(draft: Path) -> None:
        if fails:
            raise Torn
        draft.write_bytes(b"scaled")

    between.loses = lambda asked: (asked.body or {}).get("status") == "started"
    try:
        exclusively(behind, tmp_path / "scaled.bin", produce=produce)
    except Torn:
        assert fails
    assert behind.flush()

    assert ("failed" if fails else "completed") == asked("/runs/r-1/steps/pre/sub-tasks/scaling")["status"]


def cutting(between: GoBetween, *, for_s: float, then: Callable[[], Any] = lambda: None) -> Callable[[Path], None]:
    """A `produce` that ends when nothing has got through for so many seconds."""

    def produce(draft: Path) -> None:
        between.cut = True
        time.sleep(for_s)
        then()
        draft.write_bytes(b"scaled")

    return produce


def test_lapsed_lease_publishes_nothing(behind: Memory, between: GoBetween, tmp_path: Path) -> None:
    """Cut off for longer than its lease, it cannot know whether another has begun. What is finished is no artifact yet,
    and is published by the next claim of the same work, in whichever process: it is not done again."""
    place, again, other = tmp_path / "scaled.bin", Counting(), Counting()
    with pytest.raises(seenbefore.Lapsed, match="lease on the sub-task scaling has ended"):
        exclusively(behind, place, produce=cutting(between, for_s=1.2), lease_s=1.0, wait_s=0.3)
    aside = [each.name for each in tmp_path.glob("*scaled.bin")]
    between.cut = False
    assert servers.wait_for(behind.flush, limit_s=30)
    exclusively(behind, place, produce=again, wait_s=20.0)

    assert [True] == [name.startswith(".seenbefore-done-") for name in aside]
    assert ([], b"scaled") == (again.places, place.read_bytes())
    assert ["scaled.bin"] == [each.name for each in tmp_path.glob("*scaled.bin")]
    exclusively(behind, place, produce=other, inputs=[2])
    assert 1 == len(other.places)


def test_what_was_set_aside_is_published_only_if_it_is_whole(
    behind: Memory, between: GoBetween, tmp_path: Path
) -> None:
    """Neither what has changed since, nor what was made of other inputs."""
    place, other = tmp_path / "scaled.bin", Counting(b"other")
    for _ in range(2):
        with pytest.raises(seenbefore.Lapsed):
            exclusively(behind, place, produce=cutting(between, for_s=1.2), lease_s=1.0, wait_s=0.3)
        between.cut = False
        assert servers.wait_for(behind.flush, limit_s=30)
        (aside,) = tmp_path.glob(".seenbefore-done-*")
        aside.write_bytes(b"scaleD")
    exclusively(behind, place, produce=other, wait_s=20.0)

    assert (1, b"other") == (len(other.places), place.read_bytes())
    assert [] == list(tmp_path.glob(".seenbefore-done-*"))


def test_lease_that_still_runs_needs_no_answer(behind: Memory, between: GoBetween, tmp_path: Path) -> None:
    """Nobody else can have begun."""
    place = exclusively(behind, tmp_path / "scaled.bin", produce=cutting(between, for_s=0.1), lease_s=30.0)

    assert b"scaled" == place.read_bytes()


def test_lapsed_lease_is_confirmed_anew(
    behind: Memory, between: GoBetween, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    """The service comes back in time, and nobody has begun meanwhile."""

    def heal() -> None:
        threading.Timer(0.7, lambda: setattr(between, "cut", False)).start()

    how = {"produce": cutting(between, for_s=1.2, then=heal), "lease_s": 1.0, "wait_s": 20.0}
    place = exclusively(behind, tmp_path / "scaled.bin", **how)
    assert servers.wait_for(behind.flush, limit_s=30)

    assert b"scaled" == place.read_bytes()
    assert "completed" == asked("/runs/r-1/steps/pre/sub-tasks/scaling")["status"]


def test_lapsed_lease_that_another_took_is_lost(
    behind: Memory,
    between: GoBetween,
    memory_of: MakeMemory,
    service_url: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """The other's work stays."""
    place, other = tmp_path / "scaled.bin", Counting(b"other")
    about = {"workspace": workspace_of(request), "timeout_s": 10.0, "spool": tmp_path / "other.sqlite3"}
    second = memory_of(service_url, **about)

    def taken() -> None:
        exclusively(second, place, produce=other, wait_s=20.0)
        assert second.flush()
        between.cut = False

    with pytest.raises(seenbefore.Held) as raised:
        exclusively(behind, place, produce=cutting(between, for_s=1.2, then=taken), lease_s=1.0)

    assert not isinstance(raised.value, seenbefore.Lapsed)
    assert (1, b"other") == (len(other.places), place.read_bytes())


def of_first_step(asked: Asked) -> bool:
    """Whether it is a write of the step behind which all else of the run waits."""
    return asked.method == "PUT" and asked.path == "/runs/r-1/steps/first"


def slowly(produced: Counting) -> Callable[[Path], None]:
    """The same, for half a second."""

    def produce(draft: Path) -> None:
        time.sleep(0.5)
        produced(draft)

    return produce


def test_exclusive_work_waits_for_no_backlog(
    memory_of: MakeMemory,
    between: GoBetween,
    service_url: str,
    request: pytest.FixtureRequest,
    asked: Callable[[str], Any],
    spool: Path,
    tmp_path: Path,
) -> None:
    """Though nothing of the run gets through, its agents claim, and know of each other's work: those of one machine,
    and one of another. What waits says what it says once it is through."""
    about = {"workspace": workspace_of(request), "timeout_s": 4.0}
    produced, place = Counting(), tmp_path / "scaled.bin"
    between.holds = of_first_step
    opener = memory_of(between.url, **about)
    with opener.run("fraud", run_id="r-1", domain="ml-pipeline", attributes={"seed": 7}) as run:
        assert opener.flush()
        with run.step("first", owner="agent") as first:
            first.sub_task("imputation", produce=lambda: None)
    agents = [memory_of(between.url, **about) for _ in range(4)]
    elsewhere = memory_of(service_url, **about, spool=tmp_path / "other.sqlite3")

    def work(agent: Memory) -> None:
        exclusively(agent, place, produce=slowly(produced), wait_s=30.0)

    threads = [threading.Thread(target=work, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(elsewhere)
    done = asked("/runs/r-1/steps/pre/sub-tasks/scaling")["status"]
    is_held_up = 404 == asked("/runs/r-1/steps/first").get("status")
    between.released.set()
    for agent in (opener, elsewhere):
        assert servers.wait_for(agent.flush, limit_s=60)
    found = asked("/runs/r-1")

    assert (1, "completed", True) == (len(produced.places), done, is_held_up)
    assert ("succeeded", "ml-pipeline", {"seed": 7}) == tuple(
        found[name] for name in ("status", "domain", "attributes")
    )
    steps = {each["step"]: (each["status"], each["plan"]) for each in found["steps"]}
    assert {"first": ("succeeded", None), "pre": ("succeeded", ["imputation", "scaling"])} == steps
    assert [] == Spool(spool).refused()


def test_agents_of_a_machine_know_of_work_that_is_not_told_yet(
    memory_of: MakeMemory, between: GoBetween, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The service has yet to hear of the end; the claim of the one that is done would be waited for."""
    between.stops = lambda asked: (asked.body or {}).get("status") == "completed"
    about = {"workspace": workspace_of(request), "timeout_s": 4.0}
    place, twice = tmp_path / "scaled.bin", Counting()
    with memory_of(between.url, **about).run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        late = memory_of(between.url, **about)
        with late.run("fraud", run_id="r-1", join=True) as again, again.step("pre", owner="agent") as same:
            how = {"inputs": [1], "artifact": place, "exclusive": True}
            step.sub_task("scaling", produce=Counting(), **how)
            same.sub_task("scaling", produce=twice, wait_s=0.5, **how)

    assert [] == twice.places


def test_lease_is_kept_until_the_end_of_the_work_is_told(
    memory_of: MakeMemory, between: GoBetween, service_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Beyond its time, else another would do it again."""
    between.stops = lambda asked: (asked.body or {}).get("status") == "completed"
    about = {"workspace": workspace_of(request), "timeout_s": 5.0}
    first = memory_of(between.url, **about)
    other = memory_of(service_url, **about, spool=tmp_path / "other.sqlite3")
    place, twice = tmp_path / "scaled.bin", Counting()
    exclusively(first, place, produce=Counting(), lease_s=1.5)
    with pytest.raises(seenbefore.Held):
        exclusively(other, place, produce=twice, wait_s=4.0)
    between.stops = lambda asked: False
    assert servers.wait_for(first.flush, limit_s=60)
    exclusively(other, place, produce=twice, wait_s=4.0)

    assert [] == twice.places


def test_name_that_is_not_in_the_plan_is_claimed_all_the_same(
    memory: Memory, asked: Callable[[str], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The plan grows by it, as it does for any checkpoint."""
    with (
        caplog.at_level(logging.WARNING, "seenbefore"),
        memory.run("fraud", run_id="r-1") as run,
        run.step("pre", owner="agent", plan=["imputation"]) as step,
    ):
        assert memory.flush()

        def produce(draft: Path) -> None:
            held.append(asked("/runs/r-1/steps/pre/sub-tasks/scaling")["status"])
            draft.write_bytes(b"scaled")

        held: list[str] = []
        step.sub_task("scaling", produce=produce, artifact=tmp_path / "scaled.bin", exclusive=True)
    assert memory.flush()
    found = asked("/runs/r-1/steps/pre")

    assert ["started"] == held
    assert ("succeeded", ["imputation", "scaling"]) == (found["status"], found["plan"])
    assert [] == caplog.records


async def test_exclusive_work_in_an_event_loop(
    service_url: str, request: pytest.FixtureRequest, spool: Path, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    """The same: one of two does it, and the service knows before anything is flushed."""
    made = Counting()

    async def produce(draft: Path) -> None:
        await asyncio.sleep(0.3)
        made(draft)

    async def work(memory: seenbefore.AsyncClient) -> None:
        async with memory.run("fraud", run_id="r-1", join=True) as run, run.step("pre", owner="agent") as step:
            how = {"inputs": [1], "artifact": tmp_path / "scaled.bin", "exclusive": True}
            await step.sub_task("scaling", produce=produce, **how)
            told.append((await asyncio.to_thread(asked, "/runs/r-1/steps/pre/sub-tasks/scaling"))["status"])

    told: list[str] = []
    about = {"workspace": workspace_of(request), "timeout_s": 10.0, "spool": spool}
    async with seenbefore.AsyncClient(service_url, **about) as one, seenbefore.AsyncClient(service_url, **about) as two:
        await asyncio.gather(work(one), work(two))

    assert (1, ["completed"] * 2) == (len(made.places), told)
