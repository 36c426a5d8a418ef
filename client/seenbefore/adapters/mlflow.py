"""MLflow 3: failed runs become incidents, and the advice is seen on the run, as tags and as a page of text.

    with mlflow.start_run(), failure_noted(memory, pipeline="fraud-training"):
        train()

    note_failed_runs(memory, experiment_ids=["1"])     # from a cron job: what failed without the line above

What was raised is raised on, whatever becomes of asking and writing; both together take `longest_s` seconds at most,
for a tracking server that is away is asked by MLflow for minutes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import RunTag

from seenbefore.adapters.guard import Bounds, ask, harmless, log
from seenbefore.adapters.known import fields_of, look_up, page_of

if TYPE_CHECKING:
    from mlflow.entities import Run

    from seenbefore import Client

#: Of MLflow, whose servers refuse a longer value or cut it.
LONGEST_TAG = 8_000
PREFIX = "seenbefore."
PAGE = "seenbefore.txt"
LONGEST_S = 20.0
#: Artifacts in which programs leave what went wrong, at the top of a run or in `logs`.
ERROR_WORDS = ("error", "exception", "traceback", "stderr")
ERROR_ENDINGS = (".txt", ".log", ".err")
MOST_BYTES = 5_000_000
UNBOUNDED = Bounds(longest_wait_s=float("inf"))


@contextmanager
def failure_noted(memory: Client, *, longest_s: float = LONGEST_S, **about: Any) -> Iterator[None]:
    """Note what is raised in here on the active run. `about` is what `Client.advise` takes.

    `pipeline` is the experiment's name, and `run_id` the MLflow run's id, unless they are given.
    """
    try:
        yield
    except Exception as error:
        noting, run = _Noting(memory, about), harmless(mlflow.active_run, otherwise=None)
        if run is not None:
            harmless(partial(_within, longest_s, partial(noting.of_open_run, run, error)), otherwise=None)
        raise


def note_failed_runs(
    memory: Client,
    *,
    experiment_ids: Sequence[str],
    text_of: Callable[[MlflowClient, Run], str | None] | None = None,
    most: int = 100,
    **about: Any,
) -> list[str]:
    """Ask about failed runs that nobody has asked about, the newest `most` first; the ids of those that are noted now.

    `text_of` finds what a run says of its failure (`error_text` by default); a run that says nothing is left alone. A
    run whose incident could not be recorded is asked about again the next time. Never raises.
    """
    noting, client = _Noting(memory, about), MlflowClient()
    find = text_of or error_text
    none: list[Run] = []
    runs = harmless(lambda: _failed(client, experiment_ids, most=most), otherwise=none)
    noted = partial(noting.of_failed_run, client, find)
    return [run.info.run_id for run in runs if harmless(partial(noted, run), otherwise=False)]


def error_text(client: MlflowClient, run: Run) -> str | None:
    """What a run's artifacts say of its failure; None when none of them is named as if it did."""
    for folder in (None, "logs"):
        for artifact in client.list_artifacts(run.info.run_id, folder):
            name = artifact.path.rpartition("/")[2].lower()
            named = name.endswith(ERROR_ENDINGS) and any(word in name for word in ERROR_WORDS)
            if named and not artifact.is_dir and 0 < (artifact.file_size or 1) <= MOST_BYTES:
                return str(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{artifact.path}"))
    return None


@dataclass(frozen=True, slots=True)
class _Noting:
    """Asks, and writes on the run."""

    memory: Client
    about: dict[str, Any]

    def of_open_run(self, run: Run, error: Exception) -> bool:
        """A run that is about to fail."""
        return self.note(MlflowClient(), run, error)

    def of_failed_run(self, client: MlflowClient, find: Callable[[MlflowClient, Run], str | None], run: Run) -> bool:
        """A run that failed earlier; whether it is noted."""
        said = find(client, run)
        return bool(said) and self.note(client, run, said)

    def note(self, client: MlflowClient, run: Run, failure: object) -> bool:
        """Whether the failure is recorded and the run says so."""
        told = self._told(client, run)
        advice = ask(self.memory, failure, bounds=UNBOUNDED, about=lambda: told)
        if advice.incident_id is None:
            return False
        known = look_up(self.memory, advice, run_id=str(told["run_id"]))
        tags = [RunTag(f"{PREFIX}{name}", value[:LONGEST_TAG]) for name, value in fields_of(known).items()]
        client.log_batch(run.info.run_id, tags=tags)
        # Later: a run with its tags is not asked about again, even where its artifacts cannot be written.
        harmless(lambda: client.log_text(run.info.run_id, page_of(known), PAGE), otherwise=None)
        return True

    def _told(self, client: MlflowClient, run: Run) -> dict[str, Any]:
        own = {name: value for name, value in self.about.items() if value is not None}
        if "pipeline" not in own:
            own["pipeline"] = client.get_experiment(run.info.experiment_id).name
        return {"run_id": run.info.run_id} | own


def _failed(client: MlflowClient, experiment_ids: Sequence[str], *, most: int) -> list[Run]:
    """Failed runs without our tag, newest first."""
    found: list[Run] = []
    token: str | None = None
    while len(found) < most:
        page = client.search_runs(
            list(experiment_ids),
            filter_string="attributes.status = 'FAILED'",
            order_by=["attributes.end_time DESC"],
            page_token=token,
        )
        found += [run for run in page if f"{PREFIX}incident_id" not in run.data.tags]
        token = page.token
        if not token:
            break
    return found[:most]


def _within(seconds: float, work: Callable[[], object]) -> None:
    """Do it beside the program, and wait no longer than that."""
    thread = threading.Thread(target=harmless, args=(work,), kwargs={"otherwise": None}, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("The MLflow run could not be told within %.0f s; the program goes on.", seconds)
