"""Airflow 3.3: a `RetryPolicy` that asks, and tells how every retry ended.

    policy = AdvisedRetryPolicy()                      # SEENBEFORE_URL

    @task(retries=5, retry_policy=policy, on_success_callback=policy.on_success)
    def export() -> None: ...

`retries` stays the bound: no policy can go past it. The run's memory, if the task keeps one, is found where it has the
names that `about(context)` gives. While the advice is `default`, which it is whenever the service is
away, Airflow decides as it would without us, or `otherwise` does. The policy asks in the worker's process alone; making
one while DAGs are parsed opens and starts nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryPolicy

from seenbefore.adapters.earlier import failure_of_attempt
from seenbefore.adapters.guard import Bounds, ask, harmless
from seenbefore.adapters.ids import id_of
from seenbefore.advice import Advice, default_advice
from seenbefore.client import Client
from seenbefore.settings import TIMEOUT_S

if TYPE_CHECKING:
    from airflow.sdk import Context

#: A task that waits in Airflow's database holds no worker, so it may wait for the reset of a daily limit.
LONGEST_WAIT_S = 172_800.0
#: The end of a program, and no failure of the task. (`SystemExit` is one to Airflow.)
INTERRUPTIONS = (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)


@dataclass
class AdvisedRetryPolicy(RetryPolicy):
    """Asks Seen Before about each failure.

    `url` and `workspace` are those of `Client`, where not given those of the worker's environment; the API key is never
    part of a DAG. `timeout_s` is the longest that a failure waits for an answer, `longest_wait_s` the longest advised
    wait that is followed, both in seconds. `otherwise` decides while the advice is `default`.
    """

    url: str | None = None
    workspace: str | None = None
    timeout_s: float = TIMEOUT_S
    longest_wait_s: float = LONGEST_WAIT_S
    otherwise: ExceptionRetryPolicy | None = None

    @cached_property
    def memory(self) -> Client:
        """This process's client."""
        return Client(self.url, workspace=self.workspace, timeout_s=self.timeout_s)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """What Airflow does about a failure. Never raises, unless `otherwise` does."""
        if isinstance(exception, INTERRUPTIONS):
            advice = default_advice("It was interrupted.")
        else:
            advice = harmless(lambda: self._ask(exception, try_number, max_tries, context), otherwise=Advice())
        harmless(lambda: self._tell("failed", context), otherwise=None)
        if advice.decision.action == "default" and self.otherwise is not None:
            return self.otherwise.evaluate(exception, try_number, max_tries, context)
        return decided(advice)

    def on_success(self, context: Context) -> None:
        """An `on_success_callback`: tell that the retry has passed, where there was one."""
        harmless(lambda: self._tell("succeeded", context), otherwise=None)

    def serialize(self) -> dict[str, Any]:
        """What makes the same policy again."""
        return {
            "__type": type(self).__name__,
            "url": self.url,
            "workspace": self.workspace,
            "timeout_s": self.timeout_s,
            "longest_wait_s": self.longest_wait_s,
            "otherwise": None if self.otherwise is None else self.otherwise.serialize(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AdvisedRetryPolicy:
        """The policy of `serialize`."""
        own = data.get("otherwise")
        said = {name: value for name, value in data.items() if name not in ("__type", "otherwise")}
        return cls(**said, otherwise=None if own is None else ExceptionRetryPolicy.deserialize(own))

    def __getstate__(self) -> dict[str, Any]:
        """Without the client: it belongs to its process."""
        return {name: value for name, value in self.__dict__.items() if name != "memory"}

    def _ask(self, exception: BaseException, try_number: int, max_tries: int, context: Context | None) -> Advice:
        attempts = {"attempt": try_number, "max_attempts": max_tries + 1}
        told = about(context) | attempts | {"external_id": external_id(context, try_number)}
        bounds = Bounds(longest_wait_s=self.longest_wait_s)
        return ask(self.memory, exception, bounds=bounds, about=lambda: told)

    def _tell(self, result: Literal["succeeded", "failed"], context: Context | None) -> None:
        """How this try has ended, where it was a retry; written before the process ends, within one timeout in all."""
        ti = _instance(context)
        if ti is None or ti.try_number < 2:
            return
        deadline = time.monotonic() + self.timeout_s
        earlier = failure_of_attempt(self.memory, **about(context), attempt=ti.try_number - 1, timeout_s=self.timeout_s)
        if earlier is not None:
            waited = earlier.waited_s(ti.start_date)
            self.memory.outcome(earlier.incident_id, result, attempt=ti.try_number, waited_s=waited)
            self.memory.flush(max(0.0, deadline - time.monotonic()))


def about(context: Context | None) -> dict[str, str]:
    """Where it has happened: the DAG is the pipeline, the task the step.

    The run is the DAG's own: DAGs of one schedule give their runs the same ids.
    """
    ti = _instance(context)
    if ti is None:
        return {}
    mapped = f"[{ti.map_index}]" if ti.map_index is not None and ti.map_index >= 0 else ""
    return {"pipeline": ti.dag_id, "step": f"{ti.task_id}{mapped}", "run_id": f"{ti.dag_id}:{ti.run_id}"}


def external_id(context: Context | None, try_number: int) -> str | None:
    """The try's id: a backfill of Airflow's history gives it the same."""
    ti = _instance(context)
    if ti is None:
        return None
    index = -1 if ti.map_index is None else ti.map_index
    return id_of("airflow", ti.dag_id, ti.run_id, ti.task_id, index, try_number)


def decided(advice: Advice) -> RetryDecision:
    """The same in Airflow's words."""
    decision = advice.decision
    delay = None if decision.retry_delay_s is None else timedelta(seconds=decision.retry_delay_s)
    if decision.action == "retry":
        return RetryDecision.retry(delay=delay, reason=advice.told or None)
    if decision.action == "fail":
        return RetryDecision.fail(reason=advice.told or None)
    return RetryDecision(action=RetryAction.DEFAULT, reason=advice.told or None)


def _instance(context: Context | None) -> Any:
    """The task instance."""
    return context.get("ti") if isinstance(context, Mapping) else None
