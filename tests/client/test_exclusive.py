"""Work that only one may do: claims, leases, and who is told that another holds it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.go_between import GoBetween
from tests.client.making import Counting, Memory, Torn, workspace_of
from tests.client.servers import Asked, Reply, serving


def exclusively(memory: Memory, place: Path, **how: Any) -> Any:
    """A sub-task that only one may do."""
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        return step.sub_task("scaling", inputs=[1], artifact=place, exclusive=True, **how)


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
    """Cut off for longer than its lease, it cannot know whether another has begun."""
    place = tmp_path / "scaled.bin"
    with pytest.raises(seenbefore.Lapsed, match="lease on the sub-task scaling has ended"):
        exclusively(behind, place, produce=cutting(between, for_s=1.2), lease_s=1.0, wait_s=0.3)

    assert [] == list(tmp_path.glob("*scaled.bin"))


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
