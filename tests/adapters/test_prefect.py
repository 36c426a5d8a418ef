"""Flows that run on a real Prefect server of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from prefect import flow, task
from prefect.client.schemas.objects import TaskRun
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.testing.utilities import prefect_test_harness

from seenbefore import Advice, AsyncClient, Decision, Strategy
from seenbefore.adapters.prefect import Advised, seconds_more
from tests.adapters.conftest import Backfill, Page, misbehaving, wait_for

RESET = ConnectionResetError(104, "Connection reset by peer")
MISSING = KeyError("customer_id")


@pytest.fixture(scope="module", autouse=True)
def prefect_server() -> Iterator[None]:
    """A server over a database of its own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def memory(service: Any, tmp_path: Path) -> Iterator[AsyncClient]:
    """A client of the service, for hooks that Prefect awaits."""
    client = AsyncClient(service.url, workspace=service.workspace, timeout_s=30.0, spool=tmp_path / "spool.sqlite3")
    yield client
    asyncio.run(client.close())


@pytest.fixture
def lost(trouble_url: str, tmp_path: Path) -> Iterator[AsyncClient]:
    """A client of a service with which something is wrong."""
    client = AsyncClient(trouble_url, timeout_s=0.5, spool=tmp_path / "spool.sqlite3")
    yield client
    asyncio.run(client.close())


def attempts_of(*failures: Exception, name: str = "fraud", **options: Any) -> int:
    """Run a flow whose one task fails so; how often the task was tried. A number below 0: it failed in the end."""
    attempts = 0

    @task(name="export", **options)
    def export() -> str:
        nonlocal attempts
        attempts += 1
        if attempts <= len(failures):
            raise failures[attempts - 1].with_traceback(None)
        return "done"

    @flow(name=name)
    def fraud() -> str:
        return export()

    try:
        assert fraud() == "done"
    except type(failures[-1]):
        return -attempts
    return attempts


def flushed(memory: AsyncClient) -> bool:
    """Whether all that was told has arrived."""
    return asyncio.run(memory.flush(20.0))


def test_history_is_read_from_outside(service: Any, backfill: Backfill) -> None:
    """`seenbefore backfill prefect` finds what failed, and that a retry helped, by the server's API alone."""
    saved = attempts_of(RESET, name="saved", retries=2)
    lost = attempts_of(MISSING, name="lost")
    address = str(PREFECT_API_URL.value())
    told = wait_for(lambda: read if (read := backfill("prefect", address))["accepted"] else None)

    [passed], [failed] = service.incidents(pipeline="saved"), service.incidents(pipeline="lost")
    assert (2, -1) == (saved, lost)
    assert {"succeeded": [2], "failed": []} == service.retries(count=1, pipeline="saved")
    assert [("export", "ConnectionResetError"), ("export", "KeyError")] == [
        (each["step"], each["template"].partition(":")[0]) for each in (passed, failed)
    ]
    assert told["outcomes"] >= 1


def test_retries_as_advised_and_tells_how_it_went(memory: AsyncClient, service: Any) -> None:
    """Two failures, two retries, three states that Prefect knows and two incidents that the service knows."""
    service.knows(RESET, verdict="transient", action="retry_now")

    assert 3 == attempts_of(RESET, RESET, retries=5, **Advised(memory).hooks)
    assert flushed(memory)
    assert {"succeeded": [3], "failed": [2]} == service.retries(count=2, pipeline="fraud")
    told = service.incidents(pipeline="fraud", step="export")
    assert [(1, 6), (2, 6)] == [(each["attempt"], each["max_attempts"]) for each in told]


def test_what_was_told_live_is_not_read_again(memory: AsyncClient, service: Any, backfill: Backfill) -> None:
    """The history has the same ids: of what failed for good, and of what a retry saved."""
    service.knows(RESET, verdict="transient", action="retry_now")
    assert 2 == attempts_of(RESET, name="live", retries=1, **Advised(memory).hooks)
    assert -2 == attempts_of(RESET, RESET, name="live", retries=1, **Advised(memory).hooks)
    assert flushed(memory)
    before = {each["external_id"] for each in service.incidents(pipeline="live")}
    wait_for(lambda: read if (read := backfill("prefect", str(PREFECT_API_URL.value())))["duplicates"] >= 2 else None)

    after = [each["external_id"] for each in service.incidents(pipeline="live")]
    assert (3, before) == (len(after), set(after))
    assert [1, 1, 2] == sorted(int(each.rpartition(":")[2]) for each in after)


def test_fail_is_not_retried(memory: AsyncClient, service: Any) -> None:
    """A genuine failure ends the task at once, though Prefect has retries left."""
    service.knows(MISSING, verdict="genuine", action="fix_then_rerun")

    assert -1 == attempts_of(MISSING, retries=5, **Advised(memory).hooks)
    assert 1 == len(service.incidents(pipeline="fraud"))


def test_the_last_failure_is_told_too(memory: AsyncClient, service: Any) -> None:
    """Prefect asks no condition once the retries are exhausted; the hook records it."""
    service.knows(RESET, verdict="transient", action="retry_now")

    assert -2 == attempts_of(RESET, RESET, RESET, retries=1, **Advised(memory).hooks)
    assert flushed(memory)
    assert {"succeeded": [], "failed": [2]} == service.retries(count=1, pipeline="fraud")
    assert [1, 2] == [each["attempt"] for each in service.incidents(pipeline="fraud")]


def test_coroutines_are_retried_as_advised(memory: AsyncClient, service: Any) -> None:
    """The same hooks on a task that is a coroutine."""
    service.knows(RESET, verdict="transient", action="retry_now")
    attempts, advised = [], Advised(memory)

    @task(retries=3, **advised.hooks)
    async def export() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise RESET.with_traceback(None)
        return "done"

    @flow
    async def coroutines() -> str:
        return await export()

    assert "done" == asyncio.run(coroutines())
    assert flushed(memory)
    assert {"succeeded": [2], "failed": []} == service.retries(count=1, pipeline="coroutines")


def test_own_hooks_stand_beside_ours(memory: AsyncClient) -> None:
    """Each of the three can be given on its own."""
    failed, advised = [], Advised(memory)

    attempts_of(MISSING, on_failure=[lambda *_: failed.append(1), advised.on_failure])

    assert [1] == failed


def test_a_task_travels_to_other_processes(memory: AsyncClient, service: Any) -> None:
    """As task runners send it: with its hooks, whose client is made anew where they arrive."""
    service.knows(MISSING, verdict="genuine", action="fix_then_rerun")

    @task(retries=3, **Advised(memory).hooks)
    def export() -> None:
        raise MISSING

    @flow
    def afar() -> None:
        cloudpickle.loads(cloudpickle.dumps(export))()

    with pytest.raises(KeyError):
        afar()

    assert 1 == len(service.incidents(pipeline="afar"))


async def never_async(*_: Any) -> bool:
    """An own condition."""
    return False


def test_no_service_is_as_without_us(lost: AsyncClient) -> None:
    """Dead, hanging, stumbling or talking nonsense: tried as often as Prefect tries it alone."""
    assert 2 == attempts_of(RESET, retries=2, **Advised(lost).hooks)
    assert -3 == attempts_of(*[MISSING] * 9, retries=2, **Advised(lost).hooks)


class Broken(AsyncClient):
    """A client with a bug, which the rule holds for too."""

    async def advise(self, *_: Any, **__: Any) -> Advice:
        """As a bug would."""
        raise ZeroDivisionError("ours")

    outcome = advise  # type: ignore[assignment]


class Waiting(AsyncClient):
    """A client whose service advises a wait of a second."""

    async def advise(self, *_: Any, **__: Any) -> Advice:
        """The least that can be told from none."""
        return replace(Advice(), decision=Decision(action="retry", retry_delay_s=1.0))


class Deaf(Waiting):
    """A client that cannot be told how it went."""

    async def advise(self, *_: Any, **__: Any) -> Advice:
        """A retry at once, with the point where the run can go on."""
        resume = {"run_id": "r", "step": "export", "sub_task": "scaling"}
        decision = Decision(action="retry", retry_delay_s=0.0, reason="It has passed before.")
        return replace(Advice(), decision=decision, incident_id="i-1", strategy=Strategy("retry_now", resume=resume))

    async def outcome(self, *_: Any, **__: Any) -> None:
        """As a bug would."""
        raise ZeroDivisionError("ours")


def test_an_outcome_that_cannot_be_told_is_none_of_the_hosts(tmp_path: Path, caplog: Any) -> None:
    """The work goes on as advised; what is advised, and where the run can go on, is in the task run's log."""
    deaf = Deaf("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3")

    assert 3 == attempts_of(RESET, RESET, retries=5, **Advised(deaf).hooks)
    told = "Seen Before: retry. It has passed before. It can resume behind export/scaling."
    assert [told] * 2 == [each.getMessage() for each in caplog.records if "Seen Before:" in each.getMessage()]


def test_many_tasks_wait_beside_each_other(tmp_path: Path) -> None:
    """For a service that hangs: each its timeout, none behind another."""

    with misbehaving("hangs") as url:
        lost = AsyncClient(url, timeout_s=1.0, spool=tmp_path / "many.sqlite3")
        tried = list[int]()

        @task(retries=1, **Advised(lost).hooks)
        def export(number: int) -> int:
            tried.append(number)
            if tried.count(number) == 1:
                raise RESET.with_traceback(None)
            return number

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=30))
        def many() -> list[int]:
            return [each.result() for each in export.map(list(range(30)))]

        begun = time.monotonic()
        assert list(range(30)) == many()
        assert time.monotonic() - begun < 15
        asyncio.run(lost.close())


@pytest.mark.parametrize("condition", [None, lambda *_: True, lambda *_: False, never_async])
def test_a_bug_of_ours_is_none_of_the_hosts(tmp_path: Path, condition: Callable[..., Any] | None) -> None:
    """The own condition decides, as if it were alone."""
    broken = Broken("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3")
    alone = attempts_of(*[RESET] * 9, retries=2, retry_condition_fn=condition)

    assert alone == attempts_of(*[RESET] * 9, retries=2, **Advised(broken, condition=condition).hooks)


def test_waits_as_long_as_advised(tmp_path: Path) -> None:
    """Though the task was made with a shorter delay."""
    waiting = Waiting("http://127.0.0.1:9", timeout_s=0.5, spool=tmp_path / "spool.sqlite3")
    begun = time.monotonic()

    assert 2 == attempts_of(RESET, retries=2, retry_delay_seconds=0.1, **Advised(waiting).hooks)
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize(
    ("delay", "count", "more"), [(None, 1, 30.0), (12, 1, 18.0), ([5, 10], 1, 25.0), ([5, 40], 7, 0.0)]
)
def test_only_what_prefect_does_not_wait_itself_is_added(delay: Any, count: int, more: float) -> None:
    """The last of a list of delays is repeated."""

    @task(retries=9, retry_delay_seconds=delay)
    def export() -> None: ...

    advice = replace(Advice(), decision=Decision(action="retry", retry_delay_s=30.0))
    run = TaskRun(task_key="export", dynamic_key="0", run_count=count)

    assert more == seconds_more(advice, export, run)


def test_the_pages_program_runs(page: Page, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is there; and the page names the version that is tested."""
    for name, value in page.environment.items():
        monkeypatch.setenv(name, value)

    exec(compile(page.program, "program.py", "exec"), {"__name__": "__main__"})

    assert "exporting" in capsys.readouterr().out
    assert f"Tested with Prefect {version('prefect')}" in page.text
