"""DAGs that run, in processes of their own over a database of their own."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.adapters.conftest import Page, misbehaving, scaled

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty Airflow, which this process uses as well."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    return home


Run = Callable[..., tuple[str, int]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the DAG; its state, and how often the task was tried."""

    def run(*failures: str, **settings: object) -> tuple[str, int]:
        said = {name.upper(): str(value) for name, value in settings.items() if value is not None}
        environment = os.environ | said | {"FAILURES": ",".join(failures), "SEENBEFORE_SPOOL": str(tmp_path / "spool")}
        program = [sys.executable, str(DAGS / "advised.py")]
        done = subprocess.run(program, check=False, env=environment, capture_output=True, text=True, timeout=240)
        assert "RESULT " in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
        state, tries = json.loads(done.stdout.rpartition("RESULT ")[2])
        return state, tries

    return run


@pytest.fixture
def asked(run: Run, service: Any) -> Run:
    """The same with the policy, over the service."""

    def asked(*failures: str, **settings: object) -> tuple[str, int]:
        return run(*failures, **{"policy": "advised", "ask": service.url, "workspace": service.workspace} | settings)

    return asked


def test_retries_as_advised_and_tells_how_it_went(asked: Run, service: Any) -> None:
    """The advised wait of none replaces Airflow's hour, and the outcomes of both retries are known afterwards."""
    service.knows(ConnectionResetError(104, "Connection reset by peer"), verdict="transient", action="retry_now")

    assert ("success", 3) == asked("ConnectionResetError", "ConnectionResetError", retries=5, delay=3600)
    assert {"succeeded": [3], "failed": [2]} == service.retries(count=2, pipeline="fraud")
    told = service.incidents(pipeline="fraud", step="export")
    assert [(1, 6), (2, 6)] == [(each["attempt"], each["max_attempts"]) for each in told]
    [run_id] = {each["run_id"] for each in told}
    assert [f"airflow:{run_id}:export:-1:{number}" for number in (1, 2)] == [each["external_id"] for each in told]


def test_fail_is_not_retried(asked: Run, service: Any) -> None:
    """A genuine failure ends the task at once, though Airflow has retries left."""
    service.knows(KeyError("customer_id"), verdict="genuine", action="fix_then_rerun")

    assert ("failed", 1) == asked("KeyError", retries=5)


def test_retries_stay_the_bound(asked: Run, service: Any) -> None:
    """No advice goes past what the task allows."""
    service.knows(ConnectionResetError(104, "Connection reset by peer"), verdict="transient", action="retry_now")

    assert ("failed", 2) == asked(*["ConnectionResetError"] * 5, retries=1)


def test_no_service_is_as_without_us(run: Run, trouble_url: str) -> None:
    """Dead, hanging, stumbling or talking nonsense: tried as often as Airflow tries it alone."""
    assert ("failed", 3) == run(*["KeyError"] * 9, policy="advised", ask=trouble_url, timeout=0.5, retries=2)


def test_alone(run: Run) -> None:
    """What the others are compared with."""
    assert ("failed", 3) == run(*["KeyError"] * 9, policy="none", retries=2)


def test_the_own_policy_decides_when_nobody_answers(run: Run) -> None:
    """`otherwise` is asked, as if it were alone."""
    dead = "http://127.0.0.1:9"

    assert ("failed", 1) == run("KeyError", policy="otherwise", ask=dead, timeout=0.5, retries=2)


def test_a_policy_can_be_written_down_and_read() -> None:
    """For DAGs that are serialized, and for those that are pickled."""
    from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

    from seenbefore.adapters.airflow import AdvisedRetryPolicy

    rule = RetryRule(exception="builtins.OSError", retry_delay=timedelta(seconds=7))
    policy = AdvisedRetryPolicy(
        url="http://127.0.0.1:9", workspace="a", otherwise=ExceptionRetryPolicy([rule], default=RetryAction.FAIL)
    )
    written = policy.serialize()

    assert written == json.loads(json.dumps(written))
    assert written == AdvisedRetryPolicy.deserialize(written).serialize()
    assert written == pickle.loads(pickle.dumps(policy)).serialize()


@pytest.mark.parametrize(("map_index", "step"), [(-1, "export"), (None, "export"), (0, "export[0]"), (7, "export[7]")])
def test_mapped_tasks_are_steps_of_their_own(map_index: int | None, step: str) -> None:
    """The first of them too."""
    from seenbefore.adapters.airflow import about, external_id

    ti = SimpleNamespace(dag_id="fraud", task_id="export", run_id="r-1", map_index=map_index)
    context: Any = {"ti": ti}

    assert {"pipeline": "fraud", "step": step, "run_id": "fraud:r-1"} == about(context)
    assert f"airflow:fraud:r-1:export:{-1 if map_index is None else map_index}:2" == external_id(context, 2)
    assert ({}, None) == (about(None), external_id(None, 2))


def test_the_reason_tells_where_the_run_can_go_on(memory: Any, service: Any, tmp_path: Path) -> None:
    """In the task's log and on its row, where the task keeps its run's memory under the names of `about`."""
    from airflow.sdk import RetryAction

    from seenbefore.adapters.airflow import AdvisedRetryPolicy, about

    error = ConnectionResetError(104, "Connection reset by peer")
    service.knows(error, verdict="transient", action="retry_now")
    ti = SimpleNamespace(dag_id="fraud", task_id="export", run_id="r-1", map_index=-1, try_number=1, start_date=None)
    context: Any = {"ti": ti}
    scaled(memory, about(context), tmp_path)

    decision = AdvisedRetryPolicy(url=service.url, workspace=service.workspace, timeout_s=30.0).evaluate(
        error, 1, 3, context
    )

    assert RetryAction.RETRY == decision.action
    assert (decision.reason or "").endswith("It can resume behind export/scaling.")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()])
def test_an_interruption_is_no_failure(service: Any, error: BaseException) -> None:
    """Nobody is asked, and Airflow does what it does."""
    from airflow.sdk import RetryAction

    from seenbefore.adapters.airflow import AdvisedRetryPolicy

    ti = SimpleNamespace(dag_id="stopped", task_id="export", run_id="r-1", map_index=-1, try_number=1, start_date=None)
    context: Any = {"ti": ti}
    policy = AdvisedRetryPolicy(url=service.url, workspace=service.workspace, timeout_s=30.0)

    assert RetryAction.DEFAULT == policy.evaluate(error, 1, 3, context).action
    assert [] == service.incidents(pipeline="stopped")


def test_a_failure_costs_two_timeouts_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is slow but alive: one to ask, and one to tell how the retry before went."""
    from seenbefore.adapters.airflow import AdvisedRetryPolicy

    monkeypatch.setenv("SEENBEFORE_SPOOL", str(tmp_path / "spool"))
    ti = SimpleNamespace(dag_id="slow", task_id="export", run_id="r-1", map_index=-1, try_number=2, start_date=None)
    context: Any = {"ti": ti}
    with misbehaving("is slow") as url:
        policy = AdvisedRetryPolicy(url=url, timeout_s=1.0)
        policy.memory.flush()
        begun = time.monotonic()
        policy.evaluate(KeyError("x"), 2, 3, context)
        assert time.monotonic() - begun < 2.6


def test_a_bug_of_ours_is_none_of_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails in here, Airflow hears `default`."""
    from airflow.sdk import RetryAction

    from seenbefore import Client
    from seenbefore.adapters.airflow import AdvisedRetryPolicy

    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(Client, "__init__", bug)
    context: Any = {"ti": object()}

    decision = AdvisedRetryPolicy().evaluate(KeyError("x"), 2, 3, context)

    assert RetryAction.DEFAULT == decision.action
    AdvisedRetryPolicy().on_success(context)


def test_the_pages_program_runs(page: Page, tmp_path: Path) -> None:
    """As it is there; and the page names the version that is tested."""
    assert "exporting" in page.run(tmp_path, AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path))
    assert f"Tested with Airflow {version('apache-airflow-core')}" in page.text
