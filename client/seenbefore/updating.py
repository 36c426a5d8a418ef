"""Optimistic locking: read a row, change it by a function, write it; again where somebody was faster."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from seenbefore import calls
from seenbefore.delivery import is_stale, jittered
from seenbefore.errors import Refused, Unavailable
from seenbefore.plain import name as fit_name
from seenbefore.plans import Ask, Pause, Plan
from seenbefore.wire import Answer, Document, Request

#: What a caller may write of each kind of row.
WRITABLE = {
    "run": ("pipeline", "status", "domain", "attributes"),
    "step": ("owner", "status", "progress", "plan", "attributes"),
    "sub_task": ("owner", "status", "holder", "inputs_hash", "artifacts"),
}
#: Those whose attributes keep to a versioned schema.
VERSIONED = ("run", "step")
ROUNDS = 50

Change = Callable[[dict[str, Any]], Mapping[str, Any] | None]


def update(
    change: Change,
    *,
    run_id: str,
    step: str | None = None,
    sub_task: str | None = None,
    schema_version: int | None = None,
) -> Plan[Document]:
    """The row as it is stored afterwards. `change` gets a copy of its fields (none when it is not there) and gives them
    changed, or None to leave it; it may be called several times. Attributes are read and written in the
    `schema_version`, else in that in which the service shows them (the latest). Raises `Unavailable`, `Refused`, and
    what `change` raises."""
    path, kind = _place(run_id, step, sub_task)
    for turn in range(ROUNDS):
        if turn:
            yield Pause(jittered(turn))
        there: Answer | None = yield Ask(_reading(path, kind, schema_version))
        row, etag = _row(there)
        changed = change(copy.deepcopy({name: row[name] for name in WRITABLE[kind] if row.get(name) is not None}))
        if changed is None or all(_same(value, row.get(name)) for name, value in changed.items()):
            return row
        body = _stated(changed, row, kind=kind, schema_version=schema_version)
        answer: Answer | None = yield Ask(calls.put(path, body).matching(etag))
        if not is_stale(answer):
            return _done(answer)
    raise Unavailable(f"{path} keeps changing.")


def _reading(path: str, kind: str, schema_version: int | None) -> Request:
    """The row, its attributes in that version."""
    versioned = schema_version is not None and kind in VERSIONED
    return calls.read(f"{path}?schema_version={schema_version}" if versioned else path)


def _stated(changed: Mapping[str, Any], row: Document, *, kind: str, schema_version: int | None) -> Mapping[str, Any]:
    """What is written: with the version of its attributes, and without artifacts that are those of an earlier end."""
    if kind in VERSIONED:
        stated = row.get("schema_version") if schema_version is None else schema_version
        return {"schema_version": stated, **changed}
    if changed.get("status") == "completed" or not _same(changed.get("artifacts"), row.get("artifacts")):
        return changed
    return {name: value for name, value in changed.items() if name != "artifacts"}


def _same(one: object, other: object) -> bool:
    """Whether they are the same JSON, in which true is not 1."""
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> str:
    return json.dumps(json.loads(json.dumps(value)), sort_keys=True)


def _place(run_id: str, step: str | None, sub_task: str | None) -> tuple[str, str]:
    """The row's address, by names as runs and steps fit them, and its kind."""
    if step is None:
        return calls.run_path(fit_name(run_id)), "run"
    if sub_task is None:
        return calls.step_path(fit_name(run_id), fit_name(step)), "step"
    return calls.sub_task_path(fit_name(run_id), fit_name(step), fit_name(sub_task)), "sub_task"


def _row(there: Answer | None) -> tuple[Document, str | None]:
    """The row and its version; nothing where there is none yet."""
    if there is not None and there.status == 404 and there.problem is not None:
        return {}, None
    return _done(there), there.version if there is not None else None


def _done(answer: Answer | None) -> Document:
    if answer is not None and answer.ok:
        return answer.document or {}
    if answer is not None and answer.problem is not None:
        raise Refused(answer.detail, status=answer.status)
    raise Unavailable("Seen Before does not answer." if answer is None else f"Seen Before answers {answer.status}.")
