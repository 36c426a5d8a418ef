"""What a pipeline never notices: a service that is away or talks nonsense, and mistakes of the client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seenbefore import recorded
from seenbefore.core import Core
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Counting, scale
from tests.client.servers import Reply, serving, talking


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
        answer = Reply(200, {"version": 1} | document)
        with serving(lambda _, answer=answer: answer) as server:  # type: ignore[misc]
            assert 1 == scale(memory_of(server.url, timeout_s=5.0), tmp_path / f"{number}.bin")[1]
