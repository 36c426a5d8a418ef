"""A tracking server of its own, over HTTP, as a process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException

from seenbefore import Client
from seenbefore.adapters.mlflow import LONGEST_TAG, PAGE, error_text, failure_noted, note_failed_runs
from tests.adapters.conftest import Backfill, Page

RESET = ConnectionResetError(104, "Connection reset by peer")
TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 7, in <module>
    upload()
ConnectionResetError: [Errno 104] Connection reset by peer
"""


@pytest.fixture(scope="module")
def tracking_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", str(folder / "artifacts")]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command + store, stdout=output, stderr=output, cwd=folder, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_health(url, process, log)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its workers are processes of their own
        process.wait(timeout=60)


def _wait_for_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture
def tracked(tracking_url: str, request: pytest.FixtureRequest) -> MlflowClient:
    """The server, with an experiment of the test's own that is the active one."""
    mlflow.set_tracking_uri(tracking_url)
    mlflow.set_experiment(request.node.name)
    return MlflowClient()


def failing(memory: Client, **about: Any) -> Run:
    """A run that loses its connection; as it is on the server afterwards."""
    with pytest.raises(ConnectionResetError) as raised, mlflow.start_run() as run, failure_noted(memory, **about):
        raise RESET.with_traceback(None)
    assert raised.value is RESET
    return mlflow.get_run(run.info.run_id)


def page(run: Run) -> str:
    """The page of text on a run."""
    text: str = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{PAGE}")
    return text


def ours(run: Run) -> dict[str, str]:
    """Our tags."""
    return {name: value for name, value in run.data.tags.items() if name.startswith("seenbefore.")}


def test_a_failed_run_becomes_an_incident(tracked: MlflowClient, memory: Client, service: Any) -> None:
    """With the run's id, under the experiment's name; the advice is on the run."""
    run = failing(memory)

    [incident] = service.incidents(pipeline=tracked.get_experiment(run.info.experiment_id).name)
    assert "FAILED" == run.info.status
    assert (run.info.run_id, "ConnectionResetError") == (incident["run_id"], incident["error"]["type"])
    tags = ours(run)
    assert (incident["id"], "transient", "retry") == (
        tags["seenbefore.incident_id"],
        tags["seenbefore.verdict"],
        tags["seenbefore.decision"],
    )
    assert "Connection reset by peer" in page(run)
    assert "Seen before:" in page(run)


def test_history_is_read_from_outside(
    tracked: MlflowClient, tracking_url: str, service: Any, backfill: Backfill, request: pytest.FixtureRequest
) -> None:
    """`seenbefore backfill mlflow` finds failed runs by the server's API alone, with what their artifacts say."""
    for artifact in ("logs/stderr.log", "model.txt"):
        with pytest.raises(ConnectionResetError), mlflow.start_run():
            mlflow.log_text(TRACEBACK, artifact)
            raise RESET.with_traceback(None)
    told = backfill("mlflow", tracking_url)
    again = backfill("mlflow", tracking_url)

    [incident] = service.incidents(pipeline=request.node.name)
    assert (True, 0) == (told["accepted"] >= 1, again["accepted"])
    assert TRACEBACK.strip() == incident["text"].strip()


def test_what_was_noted_is_not_read_again(
    tracked: MlflowClient, tracking_url: str, memory: Client, service: Any, backfill: Backfill, request: Any
) -> None:
    """Of a run that failed the history knows as well; what a run fails of after it went on is another failure."""
    with pytest.raises(ConnectionResetError), mlflow.start_run() as run:
        mlflow.log_text(TRACEBACK, "stderr.log")
        with contextlib.suppress(KeyError), failure_noted(memory):
            raise KeyError("another")
        with failure_noted(memory):
            raise RESET.with_traceback(None)
    backfill("mlflow", tracking_url)

    told = service.incidents(pipeline=request.node.name)
    assert ["ConnectionResetError", "KeyError"] == sorted(each["error"]["type"] for each in told)
    assert 1 == [each["external_id"] for each in told].count(f"mlflow:{run.info.run_id}")


def test_resume_point_and_decisions_are_on_the_run(
    tracked: MlflowClient, memory: Client, service: Any, tmp_path: Path
) -> None:
    """Where the run's memory has them, under whatever id."""
    artifact = tmp_path / "scaled.bin"
    with memory.run("fraud", run_id="r-118") as run:
        run.decide("tuner", "hyperparameters", choice={"lr": 0.01}, rationale="above 0.1 it diverged " * 900)
        with run.step("preprocess", owner="agent", plan=["scaling", "encoding"]) as step:
            step.sub_task("scaling", inputs=[1], artifact=artifact, produce=lambda path: Path(path).write_bytes(b"7"))
    assert memory.flush(20.0)

    failed = failing(memory, pipeline="fraud", step="preprocess", run_id="r-118")

    tags = ours(failed)
    assert "preprocess/scaling" == tags["seenbefore.resume"]
    assert tags["seenbefore.decisions"].startswith("tuner (hyperparameters): above 0.1 it diverged")
    assert all(len(value) <= LONGEST_TAG for value in tags.values())
    assert "Resume point: preprocess/scaling\n  remaining: encoding" in page(failed)
    assert "tuner (hyperparameters)" in page(failed)


def test_a_run_that_passes_is_left_alone(tracked: MlflowClient, memory: Client) -> None:
    """No tag, no page."""
    with mlflow.start_run() as run, failure_noted(memory):
        mlflow.log_metric("auc", 0.9)

    assert {} == ours(mlflow.get_run(run.info.run_id))
    assert [] == tracked.list_artifacts(run.info.run_id)


def test_an_interrupted_run_is_no_failure(tracked: MlflowClient, memory: Client, service: Any) -> None:
    """Nobody is asked about Ctrl-C."""
    with pytest.raises(KeyboardInterrupt), mlflow.start_run() as run, failure_noted(memory, pipeline="stopped"):
        raise KeyboardInterrupt

    assert {} == ours(mlflow.get_run(run.info.run_id))
    assert [] == service.incidents(pipeline="stopped")


def test_failed_runs_are_found_later(tracked: MlflowClient, memory: Client, service: Any) -> None:
    """By what they left in their artifacts; once; and those that say nothing are left alone."""
    experiment = mlflow.get_experiment_by_name("test_failed_runs_are_found_later").experiment_id
    for name in ("logs/stderr.log", None):
        with pytest.raises(ValueError, match="ours"), mlflow.start_run(run_name=str(name)) as run:
            if name:
                mlflow.log_text(TRACEBACK, name)
                told = run.info.run_id
            raise ValueError("ours")

    assert [told] == note_failed_runs(memory, experiment_ids=[experiment])
    assert [] == note_failed_runs(memory, experiment_ids=[experiment])
    [incident] = service.incidents(run=told)
    assert "ConnectionResetError" in incident["template"]
    assert "transient" == ours(mlflow.get_run(told))["seenbefore.verdict"]


def silent(tracked: MlflowClient, experiment: str, *, count: int) -> list[str]:
    """Failed runs that say nothing of their failure; newest last."""
    made = [tracked.create_run(experiment).info.run_id for _ in range(count)]
    for run_id in made:
        tracked.set_terminated(run_id, status="FAILED")
    return made


def old_server(self: MlflowClient, *given: Any, filter_string: str = "", **more: Any) -> Any:
    """As a tracking server answers that does not know `IS NULL`."""
    if "IS NULL" in filter_string:
        raise MlflowException("Invalid clause", error_code=INVALID_PARAMETER_VALUE)
    return search_runs(self, *given, filter_string=filter_string, **more)


search_runs = MlflowClient.search_runs


@pytest.mark.parametrize("search", [search_runs, old_server])
def test_silent_runs_hold_up_no_other(
    tracked: MlflowClient, memory: Client, search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn looks at so many and no more, and the next one goes on behind them; later words are found too."""
    monkeypatch.setattr(MlflowClient, "search_runs", search)
    experiment = tracked.create_experiment(f"silent {search.__name__}")
    [told] = silent(tracked, experiment, count=1)
    tracked.log_text(told, TRACEBACK, "error.txt")
    others = silent(tracked, experiment, count=7)
    looked_at: list[list[str]] = []

    def text_of(client: MlflowClient, run: Run) -> str | None:
        looked_at[-1].append(run.info.run_id)
        return error_text(client, run)

    def turn() -> list[str]:
        looked_at.append([])
        return note_failed_runs(memory, experiment_ids=[experiment], text_of=text_of, most=3)

    assert [[], [], [told]] == [turn(), turn(), turn()]
    assert [*others[::-1], told, others[6]] == list(chain(*looked_at))
    assert "transient" == ours(mlflow.get_run(told))["seenbefore.verdict"]
    tracked.log_text(others[0], TRACEBACK, "logs/stderr.log")
    assert [[], [others[0]], []] == [turn(), turn(), turn()]


def test_runs_that_cannot_be_read_hold_up_no_other(tracked: MlflowClient, memory: Client) -> None:
    """Whatever `text_of` raises."""
    experiment = tracked.create_experiment("unreadable")
    [told] = silent(tracked, experiment, count=1)
    silent(tracked, experiment, count=2)

    def text_of(_: MlflowClient, run: Run) -> str:
        if run.info.run_id != told:
            raise OSError("no such bucket")
        return TRACEBACK

    turns = [note_failed_runs(memory, experiment_ids=[experiment], text_of=text_of, most=2) for _ in range(2)]

    assert [[], [told]] == turns


def test_no_service_is_as_without_us(tracked: MlflowClient, lost: Client) -> None:
    """Dead, hanging, stumbling or talking nonsense: the error is raised on, the run is failed, nothing is on it."""
    begun = time.monotonic()

    run = failing(lost)

    assert ("FAILED", {}) == (run.info.status, ours(run))
    assert time.monotonic() - begun < 10


def test_no_tracking_server_holds_nothing_up(tracked: MlflowClient, memory: Client, monkeypatch: Any) -> None:
    """MLflow would try for minutes to reach one; what we add to that is bounded."""
    run = mlflow.start_run()
    begun = time.monotonic()
    try:
        mlflow.set_tracking_uri("http://127.0.0.1:9")
        with pytest.raises(ConnectionResetError), failure_noted(memory, longest_s=1.5):
            raise RESET.with_traceback(None)
        assert time.monotonic() - begun < 5
    finally:
        mlflow.set_tracking_uri(tracked.tracking_uri)
        mlflow.end_run()
    assert {} == ours(mlflow.get_run(run.info.run_id))


def test_no_run_is_no_matter(memory: Client, tracked: MlflowClient) -> None:
    """Outside of a run there is nothing to write on, and the error is raised on."""
    with pytest.raises(ConnectionResetError), failure_noted(memory):
        raise RESET.with_traceback(None)


def test_a_poll_without_a_service_notes_nothing(tracked: MlflowClient, lost: Client) -> None:
    """The runs are found again when it is back."""
    experiment = mlflow.set_experiment("poll")
    with pytest.raises(ValueError, match="ours"), mlflow.start_run():
        mlflow.log_text(TRACEBACK, "error.txt")
        raise ValueError("ours")

    assert [] == note_failed_runs(lost, experiment_ids=[experiment.experiment_id], most=1)


def test_the_pages_program_runs(page: Page, tmp_path: Path, tracking_url: str) -> None:
    """As it is there; and the page names the version that is tested."""
    assert "training" in page.run(tmp_path, MLFLOW_TRACKING_URI=tracking_url)
    assert f"Tested with MLflow {version('mlflow')}" in page.text
