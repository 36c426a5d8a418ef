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
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from seenbefore.adapters.guard import Bounds, ask, harmless, log
from seenbefore.adapters.ids import id_of
from seenbefore.adapters.known import fields_of, look_up, page_of

if TYPE_CHECKING:
    from mlflow.entities import Run

    from seenbefore import Client

    FindText = Callable[[MlflowClient, Run], str | None]

#: Of MLflow, whose servers refuse a longer value or cut it.
LONGEST_TAG = 8_000
PREFIX = "seenbefore."
PAGE = "seenbefore.txt"
LONGEST_S = 20.0
#: Artifacts in which programs leave what went wrong, at the top of a run or in `logs`.
ERROR_WORDS = ("error", "exception", "traceback", "stderr")
ERROR_ENDINGS = (".txt", ".log", ".err")
MOST_BYTES = 5_000_000
INCIDENT_ID, LOOKED_AT = f"{PREFIX}incident_id", f"{PREFIX}looked_at"
FAILED = "attributes.status = 'FAILED'"
NEWEST_FIRST = "attributes.end_time DESC"
#: Runs that one turn reads of a server that cannot leave out by itself those that are noted.
MOST_READ, PAGE_SIZE = 10_000, 1_000
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
    text_of: FindText | None = None,
    most: int = 100,
    **about: Any,
) -> list[str]:
    """Ask about failed runs that nobody has asked about, `most` of them; the ids of those that are noted now.

    `text_of` finds what a run says of its failure (`error_text` by default). A run that says nothing, or whose incident
    could not be recorded, is marked as looked at: it comes again once those that were never looked at have had their
    turn, the newest of them first, and then what was looked at longest ago. Never raises.
    """
    none: list[str] = []
    noting, find = _Noting(memory, about), text_of or error_text
    return harmless(lambda: list(_noted(noting, find, experiment_ids, most=most)), otherwise=none)


def _noted(noting: _Noting, find: FindText, experiment_ids: Sequence[str], *, most: int) -> Iterator[str]:
    client = MlflowClient()
    for run in waiting_runs(client, experiment_ids, most=most):
        if harmless(partial(noting.of_failed_run, client, find, run), otherwise=False):
            yield run.info.run_id
        else:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            harmless(partial(client.set_tag, run.info.run_id, LOOKED_AT, now), otherwise=None)


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

    def of_failed_run(self, client: MlflowClient, find: FindText, run: Run) -> bool:
        """A run that failed earlier; whether it is noted."""
        said = find(client, run)
        return bool(said) and self.note(client, run, said)

    def note(self, client: MlflowClient, run: Run, failure: object) -> bool:
        """Whether the failure is recorded and the run says so."""
        told = self._told(client, run)
        advice = ask(self.memory, failure, bounds=UNBOUNDED, about=lambda: told)
        if advice.incident_id is None:
            return False
        run.data.tags[INCIDENT_ID] = advice.incident_id  # of the active run, which reads no tags again
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
        # What a run that goes on after a failure fails of next is another.
        id = None if INCIDENT_ID in run.data.tags else id_of("mlflow", run.info.run_id)
        return {"run_id": run.info.run_id, "external_id": id} | own


def waiting_runs(client: MlflowClient, experiment_ids: Sequence[str], *, most: int) -> list[Run]:
    """At most so many failed runs that are not noted: never looked at before looked at, newest before oldest look."""
    try:
        not_noted = f"{FAILED} AND tags.`{INCIDENT_ID}` IS NULL"
        fresh, again = f"{not_noted} AND tags.`{LOOKED_AT}` IS NULL", f"{not_noted} AND tags.`{LOOKED_AT}` IS NOT NULL"
        found = _search(client, experiment_ids, fresh, order=NEWEST_FIRST, most=most)
        return found + _search(client, experiment_ids, again, order=f"tags.`{LOOKED_AT}` ASC", most=most - len(found))
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
    # An older server (3.10 is one) does not know `IS NULL`.
    read = _search(client, experiment_ids, FAILED, order=NEWEST_FIRST, most=MOST_READ)
    waiting = [run for run in read if INCIDENT_ID not in run.data.tags]
    return sorted(waiting, key=lambda run: run.data.tags.get(LOOKED_AT, ""))[:most]


def _search(client: MlflowClient, experiment_ids: Sequence[str], wanted: str, *, order: str, most: int) -> list[Run]:
    found: list[Run] = []
    token: str | None = None
    while len(found) < most:
        size = min(most - len(found), PAGE_SIZE)
        page = client.search_runs(
            list(experiment_ids), filter_string=wanted, order_by=[order], page_token=token, max_results=size
        )
        found += page
        token = page.token
        if not token:
            break
    return found


def _within(seconds: float, work: Callable[[], object]) -> None:
    """Do it beside the program, and wait no longer than that."""
    thread = threading.Thread(target=harmless, args=(work,), kwargs={"otherwise": None}, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("The MLflow run could not be told within %.0f s; the program goes on.", seconds)
