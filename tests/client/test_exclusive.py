"""Work that only one may do: claims, leases, and who is told that another holds it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Counting, Memory, workspace_of
from tests.client.servers import Asked, Reply, serving


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
