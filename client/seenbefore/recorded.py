"""What the service and the spool say of a run's sub-tasks, read without trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from seenbefore.spool import Spooled
from seenbefore.wire import Answer, Document

#: A sub-task of a run: its step and its name.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A completed sub-task as it was recorded; `artifacts` is `{name: {"sha256", "uri"}}`.

    `only_here`: this machine has kept it, and whether the service knows it too cannot be told.
    """

    inputs_hash: str | None
    artifacts: Mapping[str, Any]
    only_here: bool = False


def of_run(answer: Answer | None, *, pipeline: str) -> dict[Place, Recorded] | None:
    """The completed sub-tasks in an answer of `GET /runs/{run_id}`; None where that is no run of this pipeline."""
    if answer is None or not answer.ok or answer.document is None or answer.document.get("pipeline") != pipeline:
        return None
    found: dict[Place, Recorded] = {}
    for step in _objects(answer.document.get("steps")):
        found |= _completed(step, step=str(step.get("step")))
    return found


def cut_steps(answer: Answer | None) -> list[tuple[str, str]]:
    """The steps of which an answer of `GET /runs/{run_id}` shows the beginning only, and after what the rest begins."""
    steps = _objects((answer.document or {}).get("steps")) if answer is not None and answer.ok else []
    return [(str(step.get("step")), after) for step in steps if isinstance(after := step.get("sub_tasks_next"), str)]


def of_page(answer: Answer | None, *, step: str) -> dict[Place, Recorded]:
    """The completed sub-tasks in a page of a step's."""
    return _completed(answer.document or {}, step=step) if answer is not None and answer.ok else {}


def next_of(answer: Answer | None) -> str | None:
    """After which sub-task the next page begins."""
    following = (answer.document or {}).get("next") if answer is not None and answer.ok else None
    return following if isinstance(following, str) else None


def _completed(document: Document, *, step: str) -> dict[Place, Recorded]:
    shown = {(step, str(each.get("sub_task"))): of_document(each) for each in _objects(document.get("sub_tasks"))}
    return {place: done for place, done in shown.items() if done is not None}


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


def of_spool(rows: Iterable[Spooled], *, pipeline: str) -> dict[Place, Recorded | None]:
    """What waits to be written, the latest of each sub-task of this pipeline; None where that is no completion."""
    found: dict[Place, Recorded | None] = {}
    for row in rows:
        if row.kind == "sub_task" and row.document.get("pipeline", pipeline) == pipeline:
            found[_place(row.path)] = of_document(row.document)
    return found


def of_machine(kept: Iterable[tuple[str, Document]], *, pipeline: str) -> dict[Place, Recorded]:
    """The completed sub-tasks of this pipeline among what this machine has kept of a run, as path and body."""
    ours = {_place(path): of_document(body) for path, body in kept if body.get("pipeline") == pipeline}
    return {place: replace(done, only_here=True) for place, done in ours.items() if done is not None}


def _place(path: str) -> Place:
    """From `/runs/{run_id}/steps/{step}/sub-tasks/{name}`."""
    parts = [unquote(part) for part in path.split("/")]
    return parts[4], parts[6]


def _objects(value: object) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
