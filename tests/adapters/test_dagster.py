"""Jobs and assets that run in this process, with Dagster's own events and instance."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    Failure,
    HookContext,
    Output,
    RetryPolicy,
    RetryRequested,
    asset,
    build_run_status_sensor_context,
    failure_hook,
    job,
    materialize,
    op,
)

from seenbefore import Advice, Client, Decision
from seenbefore.adapters.dagster import Advised, failure_sensor
from seenbefore.adapters.earlier import Earlier
from seenbefore.adapters.guard import Bounds
from tests.adapters.conftest import Page, scaled

RESET = ConnectionResetError(104, "Connection reset by peer")
MISSING = KeyError("customer_id")
WHEN = datetime(2026, 11, 20, tzinfo=UTC)


class Work:
    """Fails as it is told to, in order, then succeeds; counts its attempts."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.attempts = 0

    def __call__(self) -> str:
        """One attempt."""
        self.attempts += 1
        if self.attempts <= len(self.failures):
            raise self.failures[self.attempts - 1].with_traceback(None)
        return "done"


def run(work: Work, decorate: Callable[..., Any], *, policy: RetryPolicy | None = None, hooks: Any = ()) -> Any:
    """Run a job of one op that does the work."""

    @op(retry_policy=policy)
    @decorate
    def export() -> str:
        return work()

    @job(hooks=set(hooks))
    def fraud() -> None:
        export()

    return fraud.execute_in_process(raise_on_error=False)


def test_retries_as_advised_and_tells_how_it_went(memory: Client, service: Any) -> None:
    """Without a policy of its own the op is retried twice, and the outcomes of both retries are known afterwards."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work = Work(RESET, RESET)

    result = run(work, Advised(memory))

    assert (True, 2, "done") == (
        result.success,
        result.retry_attempts_for_node("export"),
        result.output_for_node("export"),
    )
    assert memory.flush(20.0)
    assert {"succeeded": [3], "failed": [2]} == service.retries(count=2, pipeline="fraud")
    told = service.incidents(pipeline="fraud", step="export", run=result.run_id)
    assert [1, 2] == [each["attempt"] for each in told]


def test_fail_is_not_retried(memory: Client, service: Any) -> None:
    """A genuine failure ends the step at once, though its policy has retries left."""
    service.knows(MISSING, verdict="genuine", action="fix_then_rerun")
    work = Work(MISSING)

    result = run(work, Advised(memory), policy=RetryPolicy(max_retries=5))

    assert (False, 1) == (result.success, work.attempts)
    error = result.failure_data_for_node("export").error
    assert "customer_id" in error.message
    assert "KeyError" == error.cause.cls_name


def test_the_error_stays_what_it_was(memory: Client) -> None:
    """Where nothing would retry it, a genuine failure goes on its way, and hooks see it."""
    seen: list[Any] = []

    @failure_hook
    def look(context: HookContext) -> None:
        seen.append(context.op_exception)

    assert not run(Work(MISSING), Advised(memory), hooks=[look]).success
    assert [MISSING] == seen


def test_no_advice_grants_more_than_the_bound(memory: Client, service: Any) -> None:
    """Once the attempts are used up, the error itself is what the step fails with."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work = Work(*[RESET] * 9)

    result = run(work, Advised(memory, bounds=Bounds(most_attempts=2)))

    assert (False, 2) == (result.success, work.attempts)
    assert "ConnectionResetError" in result.failure_data_for_node("export").error.to_string()


def test_generators_inputs_and_outputs_are_dagsters_as_ever(memory: Client, service: Any) -> None:
    """What Dagster reads off a function it reads off the decorated one."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work, advised = Work(RESET), Advised(memory)

    @op
    @advised
    def load(context) -> int:
        """Seven."""
        return len(context.run_id[:7])

    @op
    @advised
    def double(context, number: int):
        work()
        yield Output(number * 2)

    @op
    @advised
    async def add(number: int) -> int:
        return number + 1

    @job
    def numbers() -> None:
        add(double(load()))

    result = numbers.execute_in_process()

    assert 15 == result.output_for_node("add")
    assert 1 == result.retry_attempts_for_node("double")
    assert "Seven." == load.description


def test_assets_are_retried_as_advised(memory: Client, service: Any) -> None:
    """A materialization is a step too."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work, advised = Work(RESET), Advised(memory)

    @asset
    @advised
    def features() -> str:
        return work()

    assert materialize([features]).success
    assert 2 == work.attempts


@pytest.mark.parametrize("error", [RetryRequested(max_retries=3), Failure("enough", allow_retries=False)])
def test_what_an_op_says_itself_is_said(memory: Client, service: Any, error: Exception) -> None:
    """An op that asks for a retry gets it, one that forbids it does not, and nobody is asked."""
    work = Work(error)

    result = run(work, Advised(memory), policy=RetryPolicy(max_retries=3))

    assert isinstance(error, RetryRequested) == result.success
    assert [] == service.incidents(pipeline="fraud")


@pytest.mark.parametrize(("policy", "attempts"), [(None, 1), (RetryPolicy(max_retries=2), 3)])
def test_no_service_is_as_without_us(lost: Client, policy: RetryPolicy | None, attempts: int) -> None:
    """Dead, hanging, stumbling or talking nonsense: tried as often, and failed with the same error, as alone."""
    ends = []
    for decorate in (Advised(lost), lambda function: function):
        work = Work(*[RESET] * 9)
        result = run(work, decorate, policy=policy)
        ends.append((work.attempts, result.success, result.failure_data_for_node("export").error.message))

    assert ends[0] == ends[1]
    assert attempts == ends[0][0]


class Broken(Client):
    """A client with a bug, which the rule holds for too."""

    def advise(self, *_: Any, **__: Any) -> Advice:
        """As a bug would."""
        raise ZeroDivisionError("ours")

    outcome = advise  # type: ignore[assignment]


def test_a_bug_of_ours_is_none_of_the_hosts(tmp_path: Path) -> None:
    """Only the log tells of it."""
    work = Work(RESET)

    with Broken("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as broken:
        assert run(work, Advised(broken), policy=RetryPolicy(max_retries=2)).success

    assert 2 == work.attempts


class Deaf(Client):
    """A client that advises, and cannot be told how it went."""

    def advise(self, *_: Any, **__: Any) -> Advice:
        """A retry at once."""
        return replace(Advice(), decision=Decision(action="retry", retry_delay_s=0.0), incident_id="i-1")

    def outcome(self, *_: Any, **__: Any) -> None:
        """As a bug would."""
        raise ZeroDivisionError("ours")


def test_an_outcome_that_cannot_be_told_is_none_of_the_hosts(
    memory: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work goes on as advised."""
    work = Work(RESET, RESET)
    monkeypatch.setattr("seenbefore.adapters.dagster.failure_of_attempt", lambda *_, **__: Earlier("i-1", WHEN))

    with Deaf("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as deaf:
        assert run(work, Advised(deaf)).success

    assert 3 == work.attempts


def test_an_interruption_goes_on_its_way(memory: Client, service: Any) -> None:
    """Nobody is asked about Ctrl-C, and nothing is tried again for us. (Dagster's own `RetryPolicy` would.)"""
    work = Work(KeyboardInterrupt())

    with contextlib.suppress(KeyboardInterrupt):
        assert not run(work, Advised(memory)).success

    assert 1 == work.attempts
    assert [] == service.incidents(pipeline="fraud")


def test_the_resume_point_is_seen(memory: Client, service: Any, tmp_path: Path, capfd: Any) -> None:
    """In the step's log, with the advice."""
    service.knows(RESET, verdict="transient", action="retry_now")

    @op
    @Advised(memory)
    def export(context) -> None:
        if context.retry_number == 0:
            scaled(memory, {"pipeline": "fraud", "run_id": context.run_id, "step": "export"}, tmp_path)
            raise RESET.with_traceback(None)

    @job
    def fraud() -> None:
        export()

    assert fraud.execute_in_process().success
    [told] = [line for line in capfd.readouterr().err.splitlines() if "Seen Before: retry. " in line]
    assert told.endswith("It can resume behind export/scaling.")


def failed_run(instance: DagsterInstance, error: Exception) -> Any:
    """A run that failed in an op which nobody has decorated, as its sensor sees it."""

    @op
    def export() -> None:
        raise error

    @job
    def fraud() -> None:
        export()

    result = fraud.execute_in_process(instance=instance, raise_on_error=False)
    event = next(each for each in result.all_events if each.is_run_failure)
    context = build_run_status_sensor_context(
        sensor_name="seenbefore", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
    )
    return result, context


def test_the_sensor_records_failed_runs(memory: Client, service: Any) -> None:
    """Once, however often it looks; the run is tagged with the advice."""
    with DagsterInstance.ephemeral() as instance:
        result, context = failed_run(instance, RESET)
        sensor = failure_sensor(memory)
        sensor(context)
        sensor(context)
        tags = instance.get_run_by_id(result.run_id).tags

    [incident] = service.incidents(pipeline="fraud", step="export", run=result.run_id)
    assert "ConnectionResetError" in incident["template"]
    assert (incident["id"], "transient", "retry") == (
        tags["seenbefore/incident"],
        tags["seenbefore/verdict"],
        tags["seenbefore/decision"],
    )


def test_a_sensor_without_a_service_is_silent(lost: Client) -> None:
    """Nothing is tagged, nothing is raised."""
    with DagsterInstance.ephemeral() as instance:
        result, context = failed_run(instance, RESET)
        failure_sensor(lost)(context)

        assert not [tag for tag in instance.get_run_by_id(result.run_id).tags if tag.startswith("seenbefore")]


def test_the_pages_program_runs(page: Page, tmp_path: Path) -> None:
    """As it is there; and the page names the version that is tested."""
    assert "exporting" in page.run(tmp_path)
    assert f"Tested with Dagster {version('dagster')}" in page.text
