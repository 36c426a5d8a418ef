"""Optimistic locking: read a row, change it by a function, write it; again where somebody was faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seenbefore import calls
from seenbefore.delivery import is_stale, jittered
from seenbefore.errors import Refused, Unavailable
from seenbefore.plans import Ask, Pause, Plan
from seenbefore.wire import Answer, Document

#: What a caller may write of each kind of row.
WRITABLE = {
    "run": ("pipeline", "status", "domain", "attributes"),
    "step": ("owner", "status", "progress", "plan", "attributes"),
    "sub_task": ("owner", "status", "holder", "inputs_hash", "artifacts"),
}
ROUNDS = 50

Change = Callable[[dict[str, Any]], Mapping[str, Any] | None]


def update(change: Change, *, run_id: str, step: str | None = None, sub_task: str | None = None) -> Plan[Document]:
    """The row as it is afterwards. `change` gets its fields (none when it is not there) and gives them changed, or None
    to leave it; it may be called several times. Raises `Unavailable`, `Refused`, and what `change` raises."""
    path, kind = _place(run_id, step, sub_task)
    for turn in range(ROUNDS):
        if turn:
            yield Pause(jittered(turn))
        there: Answer | None = yield Ask(calls.read(path))
        row, etag = _row(there)
        changed = change({name: row[name] for name in WRITABLE[kind] if row.get(name) is not None})
        if changed is None:
            return row
        answer: Answer | None = yield Ask(calls.put(path, changed).matching(etag))
        if not is_stale(answer):
            return _done(answer)
    raise Unavailable(f"{path} keeps changing.")


def _place(run_id: str, step: str | None, sub_task: str | None) -> tuple[str, str]:
    if step is None:
        return calls.run_path(run_id), "run"
    if sub_task is None:
        return calls.step_path(run_id, step), "step"
    return calls.sub_task_path(run_id, step, sub_task), "sub_task"


def _row(there: Answer | None) -> tuple[Document, str | None]:
    """The row and its version; nothing where there is none yet."""
    if there is not None and there.status == 404 and there.problem is not None:
        return {}, None
    return _done(there), there.etag if there is not None else None


def _done(answer: Answer | None) -> Document:
    if answer is not None and answer.ok:
        return answer.document or {}
    if answer is not None and answer.problem is not None:
        raise Refused(answer.detail, status=answer.status)
    raise Unavailable("Seen Before does not answer." if answer is None else f"Seen Before answers {answer.status}.")
