"""What the service and the spool say of a run's sub-tasks, read without trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from seenbefore.spool import Spooled
from seenbefore.wire import Answer, Document

#: A sub-task of a run: its step and its name.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A completed sub-task as it was recorded; `artifacts` is `{name: {"sha256", "uri"}}`."""

    inputs_hash: str | None
    artifacts: Mapping[str, Any]


def of_run(answer: Answer | None, *, pipeline: str) -> dict[Place, Recorded]:
    """The completed sub-tasks in an answer of `GET /runs/{run_id}` of this pipeline; none in any other."""
    if answer is None or not answer.ok or answer.document is None or answer.document.get("pipeline") != pipeline:
        return {}
    found = {}
    for step in _objects(answer.document.get("steps")):
        for sub_task in _objects(step.get("sub_tasks")):
            done = of_document(sub_task)
            if done is not None:
                found[str(step.get("step")), str(sub_task.get("sub_task"))] = done
    return found


def of_document(document: Document | None) -> Recorded | None:
    """One sub-task, if it is completed."""
    said = document or {}
    if said.get("status") != "completed" or not isinstance(said.get("artifacts"), dict):
        return None
    return Recorded(inputs_hash=said.get("inputs_hash"), artifacts=said["artifacts"])


def of_reusable(answer: Answer | None) -> Recorded | None:
    """The sub-task in an answer of `GET /sub-tasks/reusable`, if there is one."""
    said = answer.document if answer is not None and answer.ok else None
    if not said or not said.get("run_id") or not isinstance(said.get("artifacts"), dict):
        return None
    return Recorded(inputs_hash=said.get("inputs_hash"), artifacts=said["artifacts"])


def of_spool(rows: Iterable[Spooled]) -> dict[Place, Recorded | None]:
    """What waits to be written, the latest of each sub-task; None where that is no completion."""
    found: dict[Place, Recorded | None] = {}
    for row in rows:
        if row.kind == "sub_task":
            found[_place(row.path)] = of_document(row.document)
    return found


def _place(path: str) -> Place:
    """From `/runs/{run_id}/steps/{step}/sub-tasks/{name}`."""
    parts = [unquote(part) for part in path.split("/")]
    return parts[4], parts[6]


def _objects(value: object) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
