"""Prefect 3: a task is retried as advised, and the outcome of every retry is told back.

    advised = Advised(seenbefore.AsyncClient())

    @task(retries=5, retry_delay_seconds=10, **advised.hooks)
    def export() -> None: ...

`retries` stays the bound, and `retry_delay_seconds` the shortest wait: Prefect fixes it when the task is made, so what
is advised beyond it is waited for in the condition. While the advice is `default`, which it is whenever the service is
away, Prefect retries as it would without us.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from prefect.context import FlowRunContext
from prefect.logging.loggers import task_run_logger

from seenbefore.adapters.guard import Bounds, ask_async, harmless, harmless_async
from seenbefore.adapters.ids import id_of
from seenbefore.adapters.portable import Portable
from seenbefore.advice import Advice

if TYPE_CHECKING:
    from uuid import UUID

    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

    from seenbefore import AsyncClient

    Condition = Callable[[Task[..., Any], TaskRun, State[Any]], bool | Awaitable[bool]]

#: Task runs whose advice is remembered at once; one whose hooks are not used is forgotten behind so many others.
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """The advice for the failure of one attempt of a task run."""

    attempt: int
    advice: Advice


class Remembered:
    """Which advice each task run follows. Safe to use from several threads."""

    def __init__(self) -> None:
        self._asked: OrderedDict[UUID, Asked] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, run: TaskRun, advice: Advice) -> None:
        """Remember it, and forget the oldest where they are too many."""
        with self._lock:
            self._asked[run.id] = Asked(run.run_count, advice)
            while len(self._asked) > MOST_REMEMBERED:
                self._asked.popitem(last=False)

    def covers(self, run: TaskRun) -> bool:
        """Whether this very attempt was asked about."""
        asked = self._asked.get(run.id)
        return asked is not None and asked.attempt >= run.run_count

    def take(self, run: TaskRun) -> Asked | None:
        """What was advised last, once."""
        with self._lock:
            return self._asked.pop(run.id, None)


class Advised(Portable):
    """What a `@task` takes: `retry_condition`, `on_failure` and `on_completion`, or all of them as `hooks`.

    `condition` is your own `retry_condition_fn`, plain or a coroutine function, which decides while the advice is
    `default`. Any number of tasks may share it, coroutines or not: Prefect awaits these hooks for both.
    """

    LEFT = ("_remembered",)

    def __init__(
        self, memory: AsyncClient, *, condition: Condition | None = None, bounds: Bounds | None = None
    ) -> None:
        self.memory = memory
        self.bounds = bounds or Bounds()
        self._own = condition
        self.unpack()

        # Functions and no methods: a bound method is no condition to Prefect, and with what is none it never retries.
        async def seenbefore_advises(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
            return await self._decide(task, task_run, state)

        async def seenbefore_records(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> None:
            await harmless_async(lambda: self._record(task, task_run, state), otherwise=None)

        async def seenbefore_learns(_: Task[..., Any], task_run: TaskRun, __: State[Any]) -> None:
            await harmless_async(lambda: self._tell(task_run, "succeeded"), otherwise=None)

        self.retry_condition = seenbefore_advises
        self.on_failure = seenbefore_records
        self.on_completion = seenbefore_learns

    def unpack(self) -> None:
        """Forget what was advised: it is of task runs in this process."""
        self._remembered = Remembered()

    @property
    def hooks(self) -> dict[str, Any]:
        """All three, as the arguments of `@task`."""
        return {
            "retry_condition_fn": self.retry_condition,
            "on_failure": [self.on_failure],
            "on_completion": [self.on_completion],
        }

    async def _decide(self, task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
        await harmless_async(lambda: self._tell(run, "failed"), otherwise=None)
        advice = await self._ask(task, run, state)
        self._remembered.keep(run, advice)
        harmless(lambda: tell(advice, task, run), otherwise=None)
        if advice.decision.action == "default":
            said = True if self._own is None else self._own(task, run, state)
            return bool(await said) if inspect.isawaitable(said) else bool(said)
        if advice.decision.action == "retry":
            await asyncio.sleep(harmless(lambda: seconds_more(advice, task, run), otherwise=0.0))
        return advice.decision.action == "retry"

    async def _record(self, task: Task[..., Any], run: TaskRun, state: State[Any]) -> None:
        """Tell of the last attempt, about which Prefect asks no condition."""
        if not self._remembered.covers(run):
            await self._tell(run, "failed")
            await self._ask(task, run, state)
        self._remembered.take(run)

    async def _ask(self, task: Task[..., Any], run: TaskRun, state: State[Any]) -> Advice:
        unsaid: object = "The task has failed."
        failure = harmless(lambda: failure_of(state), otherwise=unsaid)
        return await ask_async(self.memory, failure, bounds=self.bounds, about=lambda: about(task, run))

    async def _tell(self, run: TaskRun, result: Literal["succeeded", "failed"]) -> None:
        asked = self._remembered.take(run)
        if asked is not None:
            await self.memory.outcome(asked.advice, result, attempt=run.run_count)


def about(task: Task[..., Any], run: TaskRun) -> dict[str, Any]:
    """What is told of the failure beside itself: the flow is the pipeline, the task the step."""
    flow = FlowRunContext.get()
    return {
        "pipeline": flow.flow.name if flow is not None and flow.flow is not None else None,
        "step": task.name,
        "run_id": str(run.flow_run_id or run.id),
        "attempt": run.run_count,
        "max_attempts": task.retries + 1,
        "external_id": id_of("prefect", run.id, run.run_count),
    }


def tell(advice: Advice, task: Task[..., Any], run: TaskRun) -> None:
    """What is advised, why, and where the run can go on, in the task run's log."""
    wait = f" after {advice.decision.retry_delay_s:g} s" if advice.decision.retry_delay_s else ""
    task_run_logger(run, task).info("Seen Before: %s%s. %s", advice.decision.action, wait, advice.told)


def failure_of(state: State[Any]) -> object:
    """What the task has raised, else what its state says."""
    raised = state.data if isinstance(state.data, BaseException) else getattr(state.data, "result", None)
    return raised if isinstance(raised, BaseException) else state.message or state.name or "failed"


def seconds_more(advice: Advice, task: Task[..., Any], run: TaskRun) -> float:
    """How much longer the advised wait is than the one that Prefect makes itself."""
    own = task.retry_delay_seconds
    if isinstance(own, Sequence):
        own = own[min(run.run_count, len(own)) - 1] if own else 0.0
    return max(0.0, (advice.decision.retry_delay_s or 0.0) - (own or 0.0))
