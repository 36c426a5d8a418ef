"""A DAG whose one task fails as it is told to: run as a program it is run once, and says how it went.

The environment says how: `FAILURES` (names of exceptions, comma-separated, one an attempt), `RETRIES`, `DELAY` (seconds
that Airflow waits unless told otherwise) and `POLICY` (`advised`, `none`, or `otherwise`: advised, else never again).
"""

from __future__ import annotations

import builtins
import json
import os
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, dag, task

from seenbefore.adapters.airflow import AdvisedRetryPolicy

MESSAGES = {"ConnectionResetError": (104, "Connection reset by peer"), "KeyError": ("customer_id",)}
NEVER = ExceptionRetryPolicy(rules=[], default=RetryAction.FAIL)
failures = list(filter(None, os.environ.get("FAILURES", "").split(",")))
kind = os.environ.get("POLICY", "none")
policy = AdvisedRetryPolicy(
    url=os.environ.get("ASK"),
    workspace=os.environ.get("WORKSPACE"),
    timeout_s=float(os.environ.get("TIMEOUT", "30")),
    otherwise=NEVER if kind == "otherwise" else None,
)
options: dict[str, Any] = {} if kind == "none" else {"retry_policy": policy, "on_success_callback": policy.on_success}


@dag(schedule=None)
def fraud() -> None:
    """One task."""

    @task(
        retries=int(os.environ.get("RETRIES", "0")),
        retry_delay=timedelta(seconds=float(os.environ.get("DELAY", "0"))),
        **options,
    )
    def export(ti: Any = None) -> None:
        if ti.try_number <= len(failures):
            name = failures[ti.try_number - 1]
            raise getattr(builtins, name)(*MESSAGES[name])

    export()


made = fraud()

if __name__ == "__main__":
    run = made.test()
    [instance] = run.get_task_instances()
    print("RESULT", json.dumps([str(run.state), instance.try_number]))
