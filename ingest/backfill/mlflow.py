"""MLflow: runs that failed, with what their artifacts say of it, by the REST API of its tracking server.

MLflow knows of no retries: whether a later run did the same work, and so whether it helped, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.backfill.asking import HistoryTrouble, Paced
from ingest.foreign import environment_of, name_of, object_of, objects_of, text_of
from ingest.items import Item, filled, id_of

PAGE = 500
#: Experiments that one search names.
MOST_EXPERIMENTS = 100
#: Artifacts in which programs leave what went wrong, at the top of a run or in `logs`, as in the client's adapter.
ERROR_WORDS = ("error", "exception", "traceback", "stderr")
ERROR_ENDINGS = (".txt", ".log", ".err")
SOURCE = ("mlflow.source.name", "mlflow.source.git.commit", "mlflow.user", "mlflow.runName")
API = "/api/2.0/mlflow"


class Mlflow:
    """The history of a tracking server."""

    def __init__(self, paced: Paced) -> None:
        self._paced = paced
        self._experiments: dict[str, str] | None = None
        self.silent = 0

    def count(self, since: datetime, until: datetime) -> int:
        """Runs that failed."""
        return sum(1 for _ in self._runs(since, until))

    def failures(self, since: datetime, until: datetime) -> Iterator[Item]:
        """A failure a run that says what went wrong."""
        for run in self._runs(since, until):
            info = object_of(run.get("info"))
            id = name_of(info.get("run_id"))
            text = self._said(id) if id else None
            if text is None:
                self.silent += 1
            else:
                yield Item(1, value={"text": text} | self._fields(run, info=info, id=str(id)))

    def _known(self) -> dict[str, str]:
        """Names of all experiments by id."""
        if self._experiments is None:
            pages = self._pages("experiments/search", {"max_results": 1_000}, "experiments")
            self._experiments = {
                id: name_of(each.get("name")) or id for each in pages if (id := name_of(each.get("experiment_id")))
            }
        return self._experiments

    def _runs(self, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
        ids = list(self._known())
        wanted = (
            "attributes.status = 'FAILED' "
            f"AND attributes.end_time >= {_milliseconds(since)} AND attributes.end_time < {_milliseconds(until)}"
        )
        for first in range(0, len(ids), MOST_EXPERIMENTS):
            body = {"experiment_ids": ids[first : first + MOST_EXPERIMENTS], "filter": wanted, "max_results": PAGE}
            yield from self._pages("runs/search", body, "runs")

    def _pages(self, call: str, body: Mapping[str, Any], items: str) -> Iterator[Mapping[str, Any]]:
        token: str | None = None
        while True:
            page = self._paced.post(f"{API}/{call}", {**body, **({"page_token": token} if token else {})})
            # An answer without items has no list of them, and nothing else either.
            if not isinstance(page, dict) or (page and not {items, "next_page_token"} & page.keys()):
                raise HistoryTrouble(f"{API}/{call} answers no {items}: is this a tracking server of MLflow?")
            yield from objects_of(page.get(items))
            token = text_of(page.get("next_page_token"))
            if token is None:
                return

    def _said(self, id: str) -> str | None:
        """The end of the first artifact that is named as if it told of a failure."""
        for folder in ("", "logs"):
            query = [("run_id", id), *([("path", folder)] if folder else [])]
            listed = object_of(self._paced.get(f"{API}/artifacts/list", query))
            for file in objects_of(listed.get("files")):
                path = text_of(file.get("path"), most=1_000)
                if path and not file.get("is_dir") and tells(path):
                    lines = self._paced.end("/get-artifact", [("run_id", id), ("path", path)])
                    return text_of(b"\n".join(lines).decode("utf-8", "replace"))
        return None

    def _fields(self, run: Mapping[str, Any], *, info: Mapping[str, Any], id: str) -> dict[str, Any]:
        tags = {str(each.get("key")): each.get("value") for each in objects_of(object_of(run.get("data")).get("tags"))}
        experiment = name_of(info.get("experiment_id"))
        return filled(
            pipeline=self._known().get(experiment or "", experiment),
            run_id=id,
            occurred_at=_moment(info.get("end_time")),
            environment=environment_of({name.removeprefix("mlflow."): tags.get(name) for name in SOURCE}),
            external_id=id_of("mlflow", id),
        )


def tells(path: str) -> bool:
    """Whether a file is named as if it told of a failure."""
    name = path.rpartition("/")[2].lower()
    return name.endswith(ERROR_ENDINGS) and any(word in name for word in ERROR_WORDS)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)


def _moment(value: Any) -> str | None:
    """A time from milliseconds, which some versions write as text."""
    try:
        return datetime.fromtimestamp(int(value) / 1_000, UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
