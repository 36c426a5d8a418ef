"""Prefect 3: task and flow runs that failed or crashed, by the API of its server.

A task run that passed after a retry tells of the attempt before the last: it failed, and what followed succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ingest.backfill.asking import HistoryTrouble, Paced
from ingest.backfill.prefect_text import raised_before, text_in
from ingest.backfill.spans import in_utc
from ingest.foreign import environment_of, moment_of, name_of, object_of, objects_of, text_of
from ingest.items import Item, Outcome, filled, id_of

PAGE = 200
FAILED, PASSED = ("FAILED", "CRASHED"), ("COMPLETED",)
#: Python's numbers of levels.
INFO, WARNING = 20, 30
#: Flow runs whose names are remembered.
MOST_KNOWN = 10_000
LAST_MESSAGES = 50
ADDRESS = "is this Prefect 3, and does the address end in /api?"


class Prefect:
    """The history of a Prefect server, or of a workspace of Prefect Cloud."""

    def __init__(self, paced: Paced) -> None:
        self._paced = paced
        self._flows: dict[str, str | None] = {}
        self._runs: dict[str, str | None] = {}
        self.silent = 0

    def count(self, since: datetime, until: datetime) -> int:
        """Task and flow runs that failed. (How many passed after a retry only the runs themselves tell.)"""
        total = 0
        for kind in ("task_runs", "flow_runs"):
            number = self._paced.post(f"{kind}/count", {kind: _ended(FAILED, since, until)})
            if not isinstance(number, int) or isinstance(number, bool):
                raise HistoryTrouble(f"the answer is no number of {kind}: {ADDRESS}")
            total += number
        return total

    def failures(self, since: datetime, until: datetime) -> Iterator[Item]:
        """Task runs that failed, flow runs that failed by themselves, and retries that helped."""
        for task in self._filtered("task_runs", {"task_runs": _ended(FAILED, since, until)}):
            yield from self._of_task(task)
        for flow in self._filtered("flow_runs", {"flow_runs": _ended(FAILED, since, until)}):
            if not self._has_failed_tasks(flow):
                yield from self._of_flow(flow)
        for task in self._filtered("task_runs", {"task_runs": _ended(PASSED, since, until)}):
            if _count(task) > 1:
                yield from self._of_saved(task)

    def _filtered(
        self, kind: str, wanted: Mapping[str, Any], *, most: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while True:
            size = min(PAGE, most or PAGE)
            page = self._paced.post(f"{kind}/filter", {**wanted, "sort": "ID_DESC", "limit": size, "offset": offset})
            if not isinstance(page, list):
                raise HistoryTrouble(f"the answer is no list of {kind}: {ADDRESS}")
            yield from objects_of(page)
            offset += len(page)
            if len(page) < size or (most is not None and offset >= most):
                return

    def _has_failed_tasks(self, flow: Mapping[str, Any]) -> bool:
        """Then it failed because they did."""
        wanted = {
            "flow_runs": {"id": {"any_": [str(flow.get("id"))]}},
            "task_runs": {"state": {"type": {"any_": list(FAILED)}}},
        }
        return any(True for _ in self._filtered("task_runs", wanted, most=1))

    def _of_task(self, task: Mapping[str, Any]) -> Iterator[Item]:
        messages = self._messages({"task_run_id": {"any_": [str(task.get("id"))]}}, level=WARNING)
        text = _text(messages, run=task)
        if text is None:
            self.silent += 1
            return
        yield Item(1, value={"text": text} | self._fields(task, attempt=max(1, _count(task))))

    def _of_flow(self, flow: Mapping[str, Any]) -> Iterator[Item]:
        wanted = {"flow_run_id": {"any_": [str(flow.get("id"))]}, "task_run_id": {"is_null_": True}}
        text = _text(self._messages(wanted, level=WARNING), run=flow)
        if text is None:
            self.silent += 1
            return
        names = filled(pipeline=self._flow_name(flow), run_id=name_of(flow.get("id")))
        yield Item(1, value={"text": text} | names | _told(flow, attempt=max(1, _count(flow))))

    def _of_saved(self, task: Mapping[str, Any]) -> Iterator[Item]:
        """The attempt before the one that passed."""
        messages = self._messages({"task_run_id": {"any_": [str(task.get("id"))]}}, level=INFO)
        if (raised := raised_before(messages)) is None:
            self.silent += 1
            return
        count = _count(task)
        fields = self._fields(task, attempt=count - 1)
        yield Item(1, value=raised | fields, outcome=Outcome("succeeded", attempt=count))

    def _messages(self, wanted: Mapping[str, Any], *, level: int) -> list[str]:
        """The last messages of a log, oldest first."""
        body = {
            "logs": {**wanted, "level": {"ge_": level}},
            "sort": "TIMESTAMP_DESC",
            "limit": LAST_MESSAGES,
            "offset": 0,
        }
        found = objects_of(self._paced.post("logs/filter", body))
        return [text for each in reversed(found) if (text := text_of(each.get("message"), most=100_000))]

    def _fields(self, task: Mapping[str, Any], *, attempt: int) -> dict[str, Any]:
        run = name_of(task.get("flow_run_id"))
        names = filled(pipeline=self._flow_name_of(run), step=step_of(task), run_id=run)
        return names | _told(task, attempt=attempt)

    def _flow_name_of(self, run: str | None) -> str | None:
        """The flow of a flow run."""
        if run is None:
            return None
        if run not in self._runs:
            self._make_room(self._runs)
            self._runs[run] = self._flow_name(object_of(self._paced.get(f"flow_runs/{quote(run, safe='')}")))
        return self._runs[run]

    def _flow_name(self, flow_run: Mapping[str, Any]) -> str | None:
        flow = name_of(flow_run.get("flow_id"))
        if flow is None:
            return None
        if flow not in self._flows:
            self._make_room(self._flows)
            self._flows[flow] = name_of(object_of(self._paced.get(f"flows/{quote(flow, safe='')}")).get("name"))
        return self._flows[flow]

    def _make_room(self, known: dict[str, str | None]) -> None:
        if len(known) >= MOST_KNOWN:
            known.clear()


def _ended(states: tuple[str, ...], since: datetime, until: datetime) -> dict[str, Any]:
    """Runs in these states that ended in this time. Both ends of Prefect's own filter are included."""
    return {
        "state": {"type": {"any_": list(states)}},
        "end_time": {"after_": in_utc(since), "before_": in_utc(until)},
    }


def step_of(task: Mapping[str, Any]) -> str | None:
    """The task's name, without what Prefect adds: the number of the call, or a part of its key's hash."""
    name = name_of(task.get("name")) or name_of(task.get("task_key"))
    stem, _, added = (name or "").rpartition("-")
    return stem if stem and len(added) <= 8 and added.isalnum() and any(each.isdigit() for each in added) else name


def _count(run: Mapping[str, Any]) -> int:
    count = run.get("run_count")
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 1_000_000 else 0


def _told(run: Mapping[str, Any], *, attempt: int) -> dict[str, Any]:
    ended = moment_of(run.get("end_time"))
    return filled(
        attempt=attempt,
        occurred_at=ended.isoformat() if ended else None,
        environment=environment_of({"state": object_of(run.get("state")).get("name"), "run": run.get("name")}),
        external_id=id_of("prefect", name_of(run.get("id")), attempt),
    )


def _text(messages: list[str], *, run: Mapping[str, Any]) -> str | None:
    return text_in(messages, state=object_of(run.get("state")).get("message"))
