"""Rows that come late, be it by seconds: what was said after them stays, what was said before them gives way."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from seenbefore import calls
from seenbefore.delivery import Written, deliver
from seenbefore.plans import Ask
from seenbefore.recorded import Recorded, brought_up
from seenbefore.spool import Spool, Write
from seenbefore.wire import PROBLEM, Answer, Request, to_json
from tests.client.conftest import MakeMemory
from tests.client.making import Torn, workspace_of

NAMES = "abcd"
RUN = calls.run_path("r-1")


def attempt(memory: seenbefore.Client, folder: Path, *, fails_at: str = "") -> list[str]:
    """An attempt at the run, from a machine whose artifacts lie in that folder; what it has begun."""
    folder.mkdir(exist_ok=True)
    begun: list[str] = []

    def produce(place: Path) -> None:
        begun.append(place.name)
        if place.stem.startswith(fails_at or "none"):
            raise Torn
        place.write_text(folder.name)

    with contextlib.suppress(Torn), memory.run("fraud", run_id="r-1") as run, run.step("s", owner="o") as step:
        for name in NAMES:
            step.sub_task(name, produce=produce, artifact=folder / name)
    return begun


def take_over(spool: Path, memory: seenbefore.Client, *, waited_s: float) -> None:
    """What waits in a spool, for so much longer, waits for a client of the same."""
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as file:
        when = "strftime('%Y-%m-%d %H:%M:%f', added_at, ?)"
        change = f"UPDATE waiting SET target = ?, added_at = {when}"  # noqa: S608,RUF100
        file.execute(change, (memory._core.target.name, f"{-waited_s} seconds"))


@pytest.mark.parametrize("waited_s", [0, 45])
def test_failed_attempt_that_is_told_late_undoes_nothing(
    memory_of: MakeMemory,
    service_url: str,
    asked: Callable[[str], Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    waited_s: float,
) -> None:
    """Another machine has completed the run since: it stays so, with that machine's artifacts."""
    workspace, late = workspace_of(request), tmp_path / "late.sqlite3"
    away = memory_of("http://127.0.0.1:1", workspace=workspace, spool=late)
    attempt(away, tmp_path / "away", fails_at="c")
    away.close()
    here = memory_of(service_url, workspace=workspace, timeout_s=10.0)
    attempt(here, tmp_path / "here")
    assert here.flush()
    before = asked(RUN)
    back = memory_of(service_url, workspace=workspace, timeout_s=10.0, spool=late)
    take_over(late, back, waited_s=waited_s)
    back._core.watch()
    assert back.flush()
    after = asked(RUN)

    tasks = {each["sub_task"]: (each["status"], each["artifacts"]) for each in before["steps"][0]["sub_tasks"]}
    assert {"completed"} == {status for status, _ in tasks.values()}
    assert tasks == {each["sub_task"]: (each["status"], each["artifacts"]) for each in after["steps"][0]["sub_tasks"]}
    assert ("succeeded", "succeeded") == (after["status"], after["steps"][0]["status"])
    with contextlib.closing(Spool(late)) as opened:
        assert 0 == opened.counts().refused


def test_failure_that_waits_here_undoes_no_later_completion(
    memory_of: MakeMemory, service_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Which another machine has made, over the same artifacts: nothing is done again."""
    workspace, late = workspace_of(request), tmp_path / "late.sqlite3"
    away = memory_of("http://127.0.0.1:1", workspace=workspace, spool=late)
    attempt(away, tmp_path / "away", fails_at="c")
    away.close()
    here = memory_of(service_url, workspace=workspace, timeout_s=10.0)
    assert len(NAMES) == len(attempt(here, tmp_path / "shared"))
    assert here.flush()
    back = memory_of(service_url, workspace=workspace, timeout_s=10.0, spool=late)
    take_over(late, back, waited_s=45)

    assert [] == attempt(back, tmp_path / "shared")


def test_what_waits_here_counts_unless_it_is_older(spool: Path) -> None:
    """By the service's clock; also where the service tells no time, and by less than two clocks can tell."""
    place, path = ("s", "t"), calls.sub_task_path("r-1", "s", "t")
    with contextlib.closing(Spool(spool)) as opened:
        opened.add("t", Write(RUN, "sub_task", calls.put(path, {"pipeline": "p", "status": "failed"})))
        [row] = opened.oldest("t", limit=1)
    left = {
        age_s: place in brought_up({place: Recorded(None, {}, age_s=age_s)}, [row], pipeline="p", now=row.added_at + 60)
        for age_s in (50.0, 59.0, 70.0, None)
    }

    assert {50.0: True, 59.0: False, 70.0: False, None: False} == left


def refusal(*, status: int, **more: Any) -> Answer:
    """A problem."""
    return Answer(status, to_json({"detail": "no", **more}), kind=PROBLEM)


def sent(spool: Path, answers: list[Answer], *, etags: dict[str, str | None]) -> list[Request]:
    """What is sent to deliver a row, given these answers; it must be written in the end."""
    with contextlib.closing(Spool(spool)) as opened:
        opened.add("t", Write(RUN, "run", calls.put(RUN, {"pipeline": "p", "status": "failed"})))
        [row] = opened.oldest("t", limit=1)
    plan, requests = deliver(row, etags=etags, clock=lambda: row.added_at + 5), []
    with pytest.raises(StopIteration) as end:
        effect = next(plan)
        while True:
            if isinstance(effect, Ask):
                requests.append(effect.request)
            effect = plan.send(answers.pop(0) if isinstance(effect, Ask) else None)
    assert Written() == end.value.value
    return requests


def test_service_that_was_slow_supersedes_nothing_of_ours(spool: Path) -> None:
    """What was written here before this was said before it, whenever the service took it; if it is there still."""
    done = Answer(200, b'{"version": 4}')
    taken = sent(spool, [refusal(status=409, superseded=True), done], etags={RUN: '"3"'})
    changed = [refusal(status=409, superseded=True), refusal(status=412), Answer(200, b'{"version": 5}'), done]
    again = sent(spool, changed, etags={RUN: '"3"'})

    assert [("5.000", '"3"'), (None, '"3"')] == [(each.headers.get("Seenbefore-Age"), each.if_match) for each in taken]
    assert [(5.0, '"3"'), (None, '"3"'), (None, None), (5.0, '"5"')] == [
        (None if each.age_s is None else round(each.age_s, 3), each.if_match) for each in again
    ]


def test_what_another_has_said_too_is_not_ours(spool: Path) -> None:
    """Then what follows has to be newer than that."""
    etags: dict[str, str | None] = {}
    sent(spool, [Answer(200, b'{"version": 3}')], etags=etags)
    assert {} == etags
    sent(spool.with_name("b"), [Answer(201, b'{"version": 1}')], etags=etags)
    assert {RUN: '"1"'} == etags
    sent(spool.with_name("c"), [Answer(200, b'{"version": 2}')], etags=etags)
    assert {RUN: '"2"'} == etags
