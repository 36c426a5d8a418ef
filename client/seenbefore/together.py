"""Bringing several checkpoints of one step to the service at once. No I/O here.

One after another they take a request and a commit each, and a backlog of a fast step would never end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

from seenbefore import calls
from seenbefore.delivery import Written
from seenbefore.mending import TIMEOUT_S
from seenbefore.plans import Ask, Plan
from seenbefore.spooled import Spooled
from seenbefore.wire import Answer, Document

#: Writes and bytes of one request.
MOST, MOST_BYTES = 100, 500_000
#: An entity tag of the service's own, as it is told in a body.
VERSION = re.compile(r'"(\d{1,18})"')


def together(rows: Sequence[Spooled]) -> list[Spooled]:
    """The first of a step's rows that can go in one request: checkpoints, each of another sub-task."""
    taken: list[Spooled] = []
    paths: set[str] = set()
    size = 0
    for row in rows[:MOST]:
        size += len(row.body)
        if row.kind != "sub_task" or row.path in paths or size > MOST_BYTES:
            break
        taken.append(row)
        paths.add(row.path)
    return taken


def deliver_together(
    rows: Sequence[Spooled], *, etags: MutableMapping[str, str | None], clock: Callable[[], float] = time.time
) -> Plan[list[Written] | None]:
    """Send such rows in order; as many `Written` as the service has taken of the first of them.

    What the next one lacks is for `deliver` to see to. None where the service takes no several at once. `etags` and
    `clock` are those of `deliver`.
    """
    step = rows[0].path.rpartition("/")[0]
    body = {"sub_tasks": [_told(row, etags.get(row.path), now=clock()) for row in rows]}
    answer: Answer | None = yield Ask(calls.put(step, body), TIMEOUT_S)
    if answer is not None and answer.status in (404, 405) and "missing" not in (answer.problem or {}):
        return None
    if answer is None or not answer.ok:
        return []
    written = [each for each in _objects((answer.document or {}).get("written")) if "version" in each][: len(rows)]
    for row, told in zip(rows, written, strict=False):
        _learn(row, told, etags)
    return [Written()] * len(written)


def _told(row: Spooled, etag: str | None, *, now: float) -> Document:
    told = row.document | {"sub_task": unquote(row.path.rpartition("/")[2]), "age_s": round(row.age_s(now), 3)}
    version = VERSION.fullmatch(etag or "")
    return told | ({"version": int(version[1])} if version else {})


def _learn(row: Spooled, told: Document, etags: MutableMapping[str, str | None]) -> None:
    """Keep the version that is there, if it was written here and not by another who has said the same."""
    if told.get("created") is True or etags.get(row.path) is not None:
        etags[row.path] = f'"{told["version"]}"'


def _objects(value: Any) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
