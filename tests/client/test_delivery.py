"""What a refusal, a wait or another's claim costs: no checkpoint. On the real service."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from seenbefore import calls, drainer
from seenbefore.delivery import LONGEST_HELD_S, PATIENCE_HELD, Later, Never, meaning
from seenbefore.mending import MOST_PLANNED
from seenbefore.spool import Counts, Spool, Write
from seenbefore.wire import Answer, entity_tag
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Memory, workspace_of
from tests.client.servers import Asked, Reply, problem, serving

RUN, STEP = calls.run_path("r-1"), calls.step_path("r-1", "pre")
HASH = "0" * 64
PLANNED = {"owner": "agent", "status": "running"}


@pytest.fixture
def others(service_url: str, request: pytest.FixtureRequest) -> Any:
    """Another client of the same workspace."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace_of(request)}, timeout=30) as client:
        yield client


def sub_task(name: str) -> str:
    """Where a sub-task is."""
    return calls.sub_task_path("r-1", "pre", name)


def completed(memory: Memory, name: str, **more: Any) -> None:
    """Keep a completion, as a pipeline does."""
    body = {"owner": "agent", "status": "completed", "inputs_hash": HASH, "pipeline": "fraud", **more}
    memory._core.put_row(RUN, "sub_task", sub_task(name), body)


def outcome(incident: str, *, attempt: int) -> Write:
    """What is kept of a retry."""
    return Write(
        f"/incidents/{incident}", "outcome", calls.outcome(incident, result="failed", attempt=attempt, waited_s=None)
    )


def counts(spool: Path) -> Counts:
    """What is in the spool."""
    with contextlib.closing(Spool(spool)) as opened:
        return opened.counts()


def set_back(spool: Path, *, seconds: float) -> None:
    """What waits has waited for so much longer."""
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as file:
        for table in ("waiting", "latest"):
            change = f"UPDATE {table} SET added_at = strftime('%Y-%m-%d %H:%M:%f', added_at, ?)"  # noqa: S608,RUF100
            file.execute(change, (f"{-seconds} seconds",))


def of_run(others: httpx.Client) -> dict[str, Any]:
    """The run as the service has it."""
    found: dict[str, Any] = others.get(RUN).json()
    return found


def names(run: dict[str, Any]) -> list[str]:
    """Its completed sub-tasks."""
    tasks = [each for step in run["steps"] for each in step["sub_tasks"]]
    return [each["sub_task"] for each in tasks if each["status"] == "completed"]


def test_refused_parents_cost_no_checkpoint(
    memory: Memory, others: httpx.Client, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Attributes that no schema takes are refused, with a warning; run, steps and all below them are there."""
    with (
        memory.run("fraud", run_id="r-1", domain="no-such-domain", attributes={"x": 1}) as run,
        run.step("pre", owner="agent", attributes={"y": [1]}) as step,
    ):
        for number in range(3):
            step.sub_task(f"t-{number}", produce=lambda: None)
    assert memory.flush()
    found = of_run(others)

    assert ["t-0", "t-1", "t-2"] == names(found)
    assert ("succeeded", "fraud") == (found["status"], found["pipeline"])
    assert ["succeeded"] == [each["status"] for each in found["steps"]]
    assert counts(spool).refused > 0
    assert "refuses a write to /runs/r-1" in caplog.text


def test_checkpoint_without_parents_brings_them(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """Bare: what its own body tells; one of an older client, which tells no pipeline, is refused as ever."""
    memory._core.put_row(RUN, "sub_task", sub_task("old"), PLANNED | {"status": "completed", "inputs_hash": HASH})
    completed(memory, "scaling")
    assert memory.flush()
    found = of_run(others)

    assert ["scaling"] == names(found)
    assert ("running", "fraud") == (found["status"], found["pipeline"])
    assert [("running", "agent")] == [(each["status"], each["owner"]) for each in found["steps"]]
    assert 1 == counts(spool).refused


def test_step_without_its_run_brings_it(memory: Memory, others: httpx.Client) -> None:
    """The run alone was missing."""
    memory._core.put_row(RUN, "step", STEP, PLANNED | {"pipeline": "fraud", "plan": ["a"]})
    assert memory.flush()

    assert [["a"]] == [each["plan"] for each in of_run(others)["steps"]]


def test_run_of_another_pipeline_is_left_alone(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """The write is refused, and nothing is mended."""
    others.put(RUN, json={"pipeline": "other", "status": "running"}).raise_for_status()
    completed(memory, "scaling")
    assert memory.flush()

    assert [] == of_run(others)["steps"]
    assert 1 == counts(spool).refused


def test_name_that_is_not_planned_joins_the_plan(memory: Memory, others: httpx.Client) -> None:
    """At its end; status and progress of the step stay."""
    others.put(RUN, json={"pipeline": "fraud", "status": "running"}).raise_for_status()
    step = PLANNED | {"plan": ["a"], "progress": 0.5, "status": "failed"}
    others.put(STEP, json=step).raise_for_status()
    completed(memory, "b c%")
    completed(memory, "a")
    assert memory.flush()
    found = of_run(others)

    assert [(["a", "b c%"], 0.5, "failed")] == [(s["plan"], s["progress"], s["status"]) for s in found["steps"]]
    assert ["b c%", "a"] == names(found)


def test_plan_grows_no_longer_than_the_service_takes(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """Then the checkpoint is refused."""
    others.put(RUN, json={"pipeline": "fraud", "status": "running"}).raise_for_status()
    plan = [f"t-{number}" for number in range(MOST_PLANNED)]
    others.put(STEP, json=PLANNED | {"plan": plan}).raise_for_status()
    completed(memory, "one-too-many")
    assert memory.flush()

    assert [plan] == [each["plan"] for each in of_run(others)["steps"]]
    assert 1 == counts(spool).refused


def test_plan_keeps_what_is_completed(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """Before what is planned now, in the order in which it was done."""
    with memory.run("fraud", run_id="r-1") as run:
        with run.step("pre", owner="agent", plan=["a", "b", "c"]) as step:
            for name in ("a", "b"):
                step.sub_task(name, produce=lambda: None)
        with run.step("pre", owner="agent", plan=["d", "c"]) as step:
            step.sub_task("d", produce=lambda: None)
    assert memory.flush()
    found = of_run(others)

    assert [["a", "b", "d", "c"]] == [each["plan"] for each in found["steps"]]
    assert ["a", "b", "d"] == names(found)
    assert 0 == counts(spool).refused


def test_completion_waits_for_another_claim_to_lapse(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """The work is done; who claimed it meanwhile has died."""
    others.put(RUN, json={"pipeline": "fraud", "status": "running"}).raise_for_status()
    others.put(STEP, json=PLANNED).raise_for_status()
    claim = {"owner": "agent", "status": "started", "holder": "another", "lease_s": 2}
    others.put(sub_task("scaling"), json=claim).raise_for_status()
    completed(memory, "scaling", holder="this")
    completed(memory, "other", holder="this")
    servers.wait_for(lambda: memory.flush(1.0), limit_s=20)

    assert {"scaling", "other"} == set(names(of_run(others)))
    assert 0 == counts(spool).refused


def test_patience_with_a_claim_has_an_end(spool: Path) -> None:
    """And only work that is done has any; clocks that differ do not make it long."""
    answer = Answer(409, b'{"detail": "held", "lease_expires_at": "2126-01-01T00:00:00Z"}', kind=servers.PROBLEM)
    with contextlib.closing(Spool(spool)) as opened:
        for status in ("completed", "failed"):
            opened.add("t", Write(RUN, "sub_task", calls.put(sub_task(status), {"status": status})))
        done, failed = opened.oldest("t", limit=2)
    tired = replace(done, attempts=PATIENCE_HELD)

    assert Later("409: held", everywhere=False, after_s=LONGEST_HELD_S) == meaning(answer, done, now=0.0)
    assert [Never("409: held")] * 2 == [meaning(answer, each, now=0.0) for each in (failed, tired)]


def test_lane_that_rests_keeps_no_other_back(memory_of: MakeMemory, spool: Path) -> None:
    """However much waits in it."""
    with serving(lambda asked: Reply(500 if "i-1/" in asked.path else 200, {"detail": "no"})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with contextlib.closing(Spool(spool)) as opened:
            for number in range(drainer.WINDOW + 1):
                opened.add(memory._core.target.name, outcome("i-1", attempt=number))
        memory.outcome("i-2", "failed")
        servers.wait_for(lambda: server.of("/incidents/i-2/outcome"), limit_s=5)

        assert 2 >= len(server.of("/incidents/i-1/outcome"))


def test_long_lane_keeps_no_other_back(memory_of: MakeMemory, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is brought beside it."""
    monkeypatch.setattr(drainer, "WINDOW", 40)
    with serving(lambda _: Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, timeout_s=20.0)
        with contextlib.closing(Spool(spool)) as opened:
            for number in range(60):
                opened.add(memory._core.target.name, outcome("i-1", attempt=number))
        memory.outcome("i-2", "failed")
        assert memory.flush()
        paths = [each.path for each in server.asked]

    assert paths.index("/incidents/i-2/outcome") < 40
    assert 61 == len(paths)


def test_write_that_has_waited_is_told_of_its_time(
    memory_of: MakeMemory, service_url: str, others: httpx.Client, spool: Path, request: pytest.FixtureRequest
) -> None:
    """The times in the service are those at which it was said, not those of its delivery; of its parents too."""
    away = memory_of("http://127.0.0.1:1", workspace=workspace_of(request))
    completed(away, "scaling")
    set_back(spool, seconds=3_600)
    with contextlib.closing(Spool(spool)) as opened:
        back = memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0)
        opened.retarget(away._core.target.name, back._core.target.name)
    assert back.flush()
    found = of_run(others)
    told = found["steps"][0]["sub_tasks"][0]["completed_at"]

    for moment in (told, found["started_at"], found["steps"][0]["started_at"]):
        assert 3_590 < (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds() < 3_700


def test_what_was_said_anew_since_is_dropped(
    memory_of: MakeMemory, service_url: str, others: httpx.Client, spool: Path, request: pytest.FixtureRequest
) -> None:
    """Without a refusal, and this machine does not believe it any more either."""
    away = memory_of("http://127.0.0.1:1", workspace=workspace_of(request))
    completed(away, "scaling")
    set_back(spool, seconds=3_600)
    others.put(RUN, json={"pipeline": "fraud", "status": "running"}).raise_for_status()
    others.put(STEP, json=PLANNED).raise_for_status()
    newer = PLANNED | {"status": "completed", "inputs_hash": "1" * 64}
    others.put(sub_task("scaling"), json=newer).raise_for_status()
    back = memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0)
    with contextlib.closing(Spool(spool)) as opened:
        opened.retarget(away._core.target.name, back._core.target.name)
        assert back.flush()

        assert "1" * 64 == others.get(sub_task("scaling")).json()["inputs_hash"]
        assert (0, 0) == (opened.counts().waiting, opened.counts().refused)
        assert [] == opened.latest(back._core.target.name, RUN)


@pytest.mark.parametrize(("waited_s", "told"), [(30, 30), (90, 90), (-7_200, 0)])
def test_age_is_told(memory_of: MakeMemory, spool: Path, waited_s: float, told: float) -> None:
    """In seconds; a clock that was set back makes nothing of it. The key stays the same."""
    port = servers.free_port()
    away = memory_of(f"http://127.0.0.1:{port}")
    away.outcome("i-1", "failed")
    away.close()
    set_back(spool, seconds=waited_s)
    with serving(lambda _: Reply(200, {"status": "ok"}), port=port) as server:
        assert memory_of(server.url, timeout_s=5.0).flush()
        headers = server.of("/incidents/i-1/outcome")[0].headers

    assert told <= float(headers["seenbefore-age"]) < told + 30


@pytest.mark.parametrize("header", [None, 'W/"{}"', "{}", ' "{}" ', '"{}', "\xe4"])
def test_odd_entity_tags_do(memory_of: MakeMemory, header: str | None) -> None:
    """Weakened by a proxy, without quotes, taken away: the version is that of the row."""
    version = [3]

    def row() -> Reply:
        tag = (("ETag", header.format(version[0])),) if header else ()
        return Reply(200, {"run_id": "r-1", "version": version[0]}, headers=tag)

    def answer(asked: Asked) -> Reply:
        if asked.method == "PUT":
            if asked.headers.get("if-match") != f'"{version[0]}"':
                return problem(412 if "if-match" in asked.headers else 428, "Read it.")
            version[0] += 1
        return row()

    with serving(answer) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with memory.run("p", run_id="r-1"):
            pass
        assert memory.flush()
        puts = [each for each in server.of("/runs/r-1") if each.method == "PUT"]

    assert 5 == version[0]
    assert 3 == len(puts)  # the first without a version; the second builds on the answer to it


@pytest.mark.parametrize(
    ("given", "tag"),
    [('"1"', '"1"'), ('W/"1"', '"1"'), ("1", '"1"'), (" 1 ", '"1"'), ('"', None), ("", None), (None, None)],
)
def test_entity_tag(given: str | None, tag: str | None) -> None:
    """As `If-Match` takes it."""
    assert tag == entity_tag(given)


def test_version_of_an_answer_is_its_tag_or_its_row() -> None:
    """The tag comes first."""
    assert '"2"' == Answer(200, b'{"version": 3}', etag='"2"').version
    assert '"3"' == Answer(200, b'{"version": 3}').version
    assert Answer(200, b'{"version": true}').version is None


def test_failure_of_a_clock_that_is_far_off_is_kept(memory: Memory, others: httpx.Client, spool: Path) -> None:
    """The service takes no time that is days ahead; the failure is recorded without it."""
    told = {"text": "OSError: of the future", "occurred_at": "2126-01-01T00:00:00+00:00", "external_id": "future-1"}
    memory._core.put(Write("/incidents", "note", calls.post("/incidents", told)))

    assert memory.flush(timeout_s=20)
    assert 0 == counts(spool).refused
    assert ["future-1"] == [each["external_id"] for each in others.get("/incidents").json()["incidents"]]
