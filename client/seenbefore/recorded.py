"""What the service and the spool say of a run's sub-tasks, read without trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from seenbefore.spool import Spooled
from seenbefore.wire import Answer, Document

#: Seconds by which two moments may seem apart though they are not: of two clocks, one of which tells whole seconds.
LATENCY_S = 2.0
#: A sub-task of a run: its step and its name.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A completed sub-task as it was recorded; `artifacts` is `{name: {"sha256", "uri"}}`.

    `only_here`: this machine has kept it, and whether the service knows it too cannot be told. `age_s`: seconds since
    it was completed, by the service's clock; None where that is not told.
    """

    inputs_hash: str | None
    artifacts: Mapping[str, Any]
    only_here: bool = False
    age_s: float | None = field(default=None, compare=False)


def of_run(answer: Answer | None, *, pipeline: str) -> dict[Place, Recorded] | None:
    """The completed sub-tasks in an answer of `GET /runs/{run_id}`; None where that is no run of this pipeline."""
    if answer is None or not answer.ok or answer.document is None or answer.document.get("pipeline") != pipeline:
        return None
    found: dict[Place, Recorded] = {}
    for step in _objects(answer.document.get("steps")):
        found |= _completed(step, step=str(step.get("step")), now=_moment(answer))
    return found


def cut_steps(answer: Answer | None) -> list[tuple[str, str]]:
    """The steps of which an answer of `GET /runs/{run_id}` shows the beginning only, and after what the rest begins."""
    steps = _objects((answer.document or {}).get("steps")) if answer is not None and answer.ok else []
    return [(str(step.get("step")), after) for step in steps if isinstance(after := step.get("sub_tasks_next"), str)]


def of_page(answer: Answer | None, *, step: str) -> dict[Place, Recorded]:
    """The completed sub-tasks in a page of a step's."""
    if answer is None or not answer.ok:
        return {}
    return _completed(answer.document or {}, step=step, now=_moment(answer))


def next_of(answer: Answer | None) -> str | None:
    """After which sub-task the next page begins."""
    following = (answer.document or {}).get("next") if answer is not None and answer.ok else None
    return following if isinstance(following, str) else None


def _completed(document: Document, *, step: str, now: float | None) -> dict[Place, Recorded]:
    found: dict[Place, Recorded] = {}
    for each in _objects(document.get("sub_tasks")):
        done = of_document(each)
        if done is not None:
            found[step, str(each.get("sub_task"))] = replace(done, age_s=_age(each.get("completed_at"), now=now))
    return found


def _moment(answer: Answer) -> float | None:
    """When the service has answered, in seconds of its own clock; None where it does not tell."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - takes its time to import

    try:
        return parsedate_to_datetime(answer.date or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _age(moment: object, *, now: float | None) -> float | None:
    try:
        return None if now is None else now - datetime.fromisoformat(str(moment)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


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


def brought_up(
    shown: Mapping[Place, Recorded], rows: Iterable[Spooled], *, pipeline: str, now: float
) -> dict[Place, Recorded]:
    """What the service shows, with what waits here to be written of the pipeline; not that after which, as it shows,
    the sub-task was completed. `now` is a time of the clock of `Spooled.added_at`."""
    done = dict(shown)
    for row in rows:
        if row.kind != "sub_task" or row.document.get("pipeline", pipeline) != pipeline:
            continue
        place, said = _place(row.path), of_document(row.document)
        there = shown.get(place)
        if there is not None and there.age_s is not None and row.age_s(now) > there.age_s + LATENCY_S:
            continue
        if said is None:
            done.pop(place, None)
        else:
            done[place] = said
    return done


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
