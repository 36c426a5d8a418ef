"""Dagster: an op or asset is retried as advised, the outcome of every retry is told back, and failed runs are recorded.

    advised = Advised(memory)

    @op
    @advised
    def export() -> None: ...

    defs = Definitions(jobs=[...], sensors=[failure_sensor(memory)])

While the advice is `default`, which it is whenever the service is away, the exception goes on its way, and an op's own
`RetryPolicy` decides as it would without us. `RetryRequested`, `Failure` and Dagster's own errors are never touched.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from dagster import (
    DagsterError,
    Failure,
    OpExecutionContext,
    RetryRequested,
    RunFailureSensorContext,
    run_failure_sensor,
)

from seenbefore.adapters.earlier import any_failure, failure_of_attempt
from seenbefore.adapters.guard import Bounds, ask, harmless
from seenbefore.adapters.portable import Portable
from seenbefore.advice import Advice

if TYPE_CHECKING:
    from dagster import SensorDefinition

    from seenbefore import Client

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_TAG = 1_000
#: What is only shown is not waited for.
UNBOUNDED = Bounds(longest_wait_s=float("inf"))


class Advised(Portable):
    """A decorator below `@op` or `@asset`: of functions, generators and coroutine functions. Any number may share it.

    `attempt()` is the same as a context manager, for a part of an op's body.
    """

    def __init__(self, memory: Client, *, bounds: Bounds | None = None) -> None:
        self.memory = memory
        self.bounds = bounds or Bounds()

    def __call__(self, function: F) -> F:
        """The same function to Dagster: name, inputs, config and types are those of `function`."""
        if inspect.isasyncgenfunction(function):
            return function  # its failures are recorded by the sensor

        @wraps(function)
        def plain(*args: Any, **given: Any) -> Any:
            with self.attempt():
                return function(*args, **given)

        @wraps(function)
        def generator(*args: Any, **given: Any) -> Any:
            with self.attempt():
                return (yield from function(*args, **given))

        @wraps(function)
        async def coroutine(*args: Any, **given: Any) -> Any:
            with self.attempt():
                return await function(*args, **given)

        if inspect.iscoroutinefunction(function):
            return cast(F, coroutine)
        return cast(F, generator if inspect.isgeneratorfunction(function) else plain)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What fails in here is asked about. Raises `RetryRequested`, `Failure` without retries, or what was raised."""
        try:
            yield
        except (RetryRequested, Failure, DagsterError):
            raise
        except Exception as error:
            instead = harmless(partial(self._instead_of, error), otherwise=None)
            if instead is None:
                raise
            raise instead from error
        harmless(lambda: self._tell("succeeded", OpExecutionContext.get()), otherwise=None)

    def _instead_of(self, error: Exception) -> Exception | None:
        """What Dagster gets to see; None for the error itself, which hooks then see too."""
        context = OpExecutionContext.get()
        most = self.bounds.most_attempts
        advice = ask(self.memory, error, bounds=self.bounds, about=lambda: about(context) | {"max_attempts": most})
        harmless(lambda: context.log.info(f"Seen Before: {advice.decision.action}. {advice.told}"), otherwise=None)
        harmless(lambda: self._tell("failed", context), otherwise=None)
        if advice.decision.action == "retry" and not self.bounds.exhausted(advice, attempt=context.retry_number + 1):
            granted = min(advice.decision.max_attempts or most, most)
            again: Exception = RetryRequested(max_retries=granted - 1, seconds_to_wait=advice.decision.retry_delay_s)
            return again
        if advice.decision.action == "fail" and context.get_step_execution_context().op_retry_policy is not None:
            final: Exception = Failure(
                f"{type(error).__name__}: {error}. {advice.decision.reason}", allow_retries=False
            )
            return final
        return None

    def _tell(self, result: Literal["succeeded", "failed"], context: OpExecutionContext) -> None:
        """How this attempt has ended, where it was a retry."""
        if context.retry_number == 0:
            return
        place = {"pipeline": context.job_name, "run_id": context.run_id, "step": step_of(context)}
        earlier = failure_of_attempt(self.memory, **place, attempt=context.retry_number)
        if earlier is not None:
            self.memory.outcome(earlier.incident_id, result, attempt=context.retry_number + 1)


def about(context: OpExecutionContext) -> dict[str, Any]:
    """What is told of the failure beside itself: the job is the pipeline."""
    return {
        "pipeline": context.job_name,
        "step": step_of(context),
        "run_id": context.run_id,
        "attempt": context.retry_number + 1,
    }


def step_of(context: OpExecutionContext) -> str:
    """The step's key: where ops are nested or mapped their names are not enough."""
    return str(context.get_step_execution_context().step.key)


def failure_sensor(memory: Client, *, name: str = "seenbefore", **options: Any) -> SensorDefinition:
    """A sensor that has every failed run known and tagged with the advice. `options` are `run_failure_sensor`'s.

    It meets what no op can tell: steps that are not decorated, and runs whose process was killed.
    """

    @run_failure_sensor(name=name, **options)
    def sensor(context: RunFailureSensorContext) -> None:
        harmless(lambda: note_failed_run(memory, context), otherwise=None)

    return sensor


def note_failed_run(memory: Client, context: RunFailureSensorContext) -> None:
    """Ask about each step that has failed, unless it has asked itself, and tag the run with what is advised."""
    run = context.dagster_run
    place = {"pipeline": run.job_name, "run_id": run.run_id}
    failures = {event.step_key: _text_of(event) for event in context.get_step_failure_events()}
    for step, text in (failures or {None: context.failure_event.message or "the run has failed"}).items():
        if any_failure(memory, **place, step=step):
            continue
        advice = ask(memory, text, bounds=UNBOUNDED, about=partial(dict, place, step=step))
        if advice.incident_id:
            context.instance.add_run_tags(run.run_id, tags_of(advice))


def tags_of(advice: Advice) -> dict[str, str]:
    """What is seen of the advice beside the run."""
    told = {
        "incident": advice.incident_id,
        "verdict": advice.verdict,
        "cause": advice.cause,
        "decision": advice.decision.action,
        "reason": advice.decision.reason,
        "resume": advice.resume_point,
    }
    return {f"seenbefore/{key}": value[:LONGEST_TAG] for key, value in told.items() if value}


def _text_of(event: Any) -> str:
    """The step's error with its causes, as Dagster prints it."""
    error = event.event_specific_data.error
    return error.to_string() if error is not None else event.message or "the step has failed"
