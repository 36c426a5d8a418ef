"""Airflow 3: task instances that failed, try by try, by its REST API v2.

A try that failed and was followed by another has an outcome: how that one ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from ingest.backfill.asking import HistoryTrouble, Paced, Query
from ingest.backfill.spans import in_utc
from ingest.foreign import environment_of, moment_of, name_of, object_of, objects_of, text_of
from ingest.items import Item, Outcome, filled, id_of

PAGE = 100
#: Tries that an instance which has passed in the end may have had.
RETRIED = range(2, 31)
FAILED = ("failed", "up_for_retry")
#: What is looked for: what failed for good, and what passed after a retry.
LOST: Query = (("state", "failed"),)
SAVED: Query = (("state", "success"), *(("try_number", number) for number in RETRIED))
#: How Airflow parts a log; the first part tells where the log was found.
GROUP, END_OF_GROUP = "::group::", "::endgroup::"
SOURCES = "::group::Log message source details"
#: Lines of a log that are the text of a failure where no exception is told.
LAST_LINES = 200


def log_in(paced: Paced, *, username: str, password: str) -> str:
    """A token for these, as Airflow's auth managers give one; raises `HistoryTrouble`."""
    answer = object_of(paced.post("/auth/token", {"username": username, "password": password}))
    token = name_of(answer.get("access_token")) if len(str(answer.get("access_token"))) <= 500 else None
    token = token or text_of(answer.get("access_token"), most=20_000)
    if token is None:
        raise HistoryTrouble("/auth/token gives no token; set AIRFLOW_CLI_TOKEN to one")
    return token


class Airflow:
    """The history of an Airflow."""

    def __init__(self, paced: Paced) -> None:
        self._paced = paced
        self.silent = 0

    def count(self, since: datetime, until: datetime) -> int:
        """Task instances that would be looked at."""
        return sum(self._total(since, until, wanted) for wanted in (LOST, SAVED))

    def failures(self, since: datetime, until: datetime) -> Iterator[Item]:
        """A failure a try that failed."""
        for wanted in (LOST, SAVED):
            for instance in self._instances(since, until, wanted):
                yield from self._of_instance(instance)

    def _total(self, since: datetime, until: datetime, wanted: Query) -> int:
        total = object_of(self._page(since, until, wanted, offset=0, limit=1)).get("total_entries")
        return total if isinstance(total, int) else 0

    def _instances(self, since: datetime, until: datetime, wanted: Query) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while True:
            page = objects_of(self._page(since, until, wanted, offset=offset, limit=PAGE).get("task_instances"))
            yield from page
            offset += len(page)
            if len(page) < PAGE:
                return

    def _page(self, since: datetime, until: datetime, wanted: Query, *, offset: int, limit: int) -> Mapping[str, Any]:
        ended: Query = (("end_date_gte", in_utc(since)), ("end_date_lt", in_utc(until)))
        paging: Query = (("order_by", "id"), ("limit", limit), ("offset", offset))
        page = self._paced.get("/api/v2/dags/~/dagRuns/~/taskInstances", [*wanted, *ended, *paging])
        if not isinstance(object_of(page).get("task_instances"), list):
            raise HistoryTrouble("the answer is no list of task instances: is this Airflow 3?")
        return object_of(page)

    def _of_instance(self, instance: Mapping[str, Any]) -> Iterator[Item]:
        tries = self._tries(instance)
        following = {number: after for (number, _), (_, after) in pairwise(tries)}
        for number, each in tries:
            if each.get("state") not in FAILED:
                continue
            said = self._said(each, number)
            if said is None:
                self.silent += 1
                continue
            after = following.get(number)
            yield Item(1, value=said | _fields(each, number), outcome=_outcome(each, after) if after else None)

    def _tries(self, instance: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
        """All tries of an instance by number; itself, where it had one alone."""
        tries = [instance]
        if instance.get("try_number") != 1:
            index = instance.get("map_index")
            place = f"/{index}" if isinstance(index, int) and index >= 0 else ""
            answer = object_of(self._paced.get(f"{_path(instance)}{place}/tries"))
            tries = objects_of(answer.get("task_instances")) or tries
        numbered = {
            number: each
            for each in tries
            if isinstance(number := each.get("try_number"), int) and 1 <= number <= 1_000_000
        }
        return sorted(numbered.items())

    def _said(self, each: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        """What the end of a try's log says; None when it is not kept."""
        query: Query = [("full_content", "true"), ("map_index", str(each.get("map_index", -1)))]
        lines = self._paced.end(f"{_path(each)}/logs/{number}", query, accept="application/x-ndjson")
        return told_in(lines)


def _path(instance: Mapping[str, Any]) -> str:
    dag, run, task = (quote(str(instance.get(name)), safe="") for name in ("dag_id", "dag_run_id", "task_id"))
    return f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}"


def _fields(each: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The same names as the client's adapter for Airflow gives."""
    index = each.get("map_index")
    mapped = f"[{index}]" if isinstance(index, int) and index >= 0 else ""
    dag, run, task = (name_of(each.get(name)) or "" for name in ("dag_id", "dag_run_id", "task_id"))
    most, ended = each.get("max_tries"), moment_of(each.get("end_date"))
    shown = {name: each.get(name) for name in ("hostname", "operator", "queue", "pool")}
    return filled(
        pipeline=dag,
        step=name_of(f"{task}{mapped}"),
        run_id=name_of(f"{dag}:{run}"),
        attempt=number,
        max_attempts=max(number, most + 1) if isinstance(most, int) and 0 <= most < 1_000_000 else None,
        occurred_at=ended.isoformat() if ended else None,
        environment=environment_of(shown),
        external_id=id_of("airflow", dag, run, task, index if mapped else -1, number),
    )


def _outcome(each: Mapping[str, Any], after: Mapping[str, Any]) -> Outcome | None:
    """How the next try ended; None while it has not, or when nobody let it."""
    state = after.get("state")
    if state not in ("success", *FAILED):
        return None
    ended, begun = moment_of(each.get("end_date")), moment_of(after.get("start_date"))
    waited = (begun - ended).total_seconds() if ended and begun else None
    return Outcome(
        "succeeded" if state == "success" else "failed",
        attempt=int(after["try_number"]),
        waited_s=waited if waited is not None and waited >= 0 else None,
    )


def told_in(lines: Sequence[bytes]) -> dict[str, Any] | None:
    """The error that a log tells of in structure, or else the end of its text; None for an empty one."""
    messages = [message for line in lines for message in _messages(line)]
    detailed = next((each for each in reversed(messages) if objects_of(each.get("error_detail"))), None)
    if detailed is not None:
        return {"error": error_of(objects_of(detailed["error_detail"]))}
    text = text_of("\n".join(_events(messages)[-LAST_LINES:]))
    return {"text": text} if text else None


def _events(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was logged, less what Airflow says of the log itself and of its parts."""
    events, within_sources = [], False
    for message in messages:
        event = str(message.get("event", ""))
        if event.startswith(GROUP):
            within_sources = event == SOURCES
        elif event.startswith(END_OF_GROUP):
            within_sources = False
        elif not within_sources:
            events.append(event)
    return events


def _messages(line: bytes) -> list[Mapping[str, Any]]:
    """The messages of a line: one, or all of an answer that is no stream; a line that is no JSON is a text."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return [{"event": line.decode("utf-8", "replace")}]
    if isinstance(value, dict) and isinstance(value.get("content"), list):
        return [each if isinstance(each, dict) else {"event": each} for each in value["content"]]
    return [value if isinstance(value, dict) else {"event": value}]


def error_of(stacks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An error from exceptions as Airflow writes them: what was raised, then what it came from."""
    raised = stacks[0]
    trace = "\n\nDuring handling of the above exception, another exception occurred:\n\n".join(
        _trace(stack) for stack in reversed(stacks[:20])
    )
    return filled(
        type=text_of(raised.get("exc_type"), most=500) or "Exception",
        message=text_of(raised.get("exc_value"), most=200_000),
        stacktrace=text_of(trace, most=500_000),
    )


def _trace(stack: Mapping[str, Any]) -> str:
    frames = [
        f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
        for frame in objects_of(stack.get("frames"))[-50:]
    ]
    return "\n".join(
        ["Traceback (most recent call last):", *frames, f"{stack.get('exc_type')}: {stack.get('exc_value')}"]
    )
