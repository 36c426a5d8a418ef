"""What is kept of runs, as the JSON of the HTTP contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knowledge.documents import Document
from knowledge.state.resume import Course, ResumePoint, parted
from knowledge.state.states import Run, Step, StepWork, SubTask


def of_run(run: Run) -> Document:
    """A run without its steps; `id` is its place in lists."""
    return {
        "id": str(run.id),
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "status": run.status.value,
        "domain": run.domain,
        "schema_version": run.schema_version,
        "attributes": dict(run.attributes),
        "version": run.version,
        **_times(run),
    }


def of_listed_run(run: Run) -> Document:
    """A run in a list, without its attributes."""
    document = of_run(run)
    del document["attributes"]
    return document


def of_course(course: Course) -> Document:
    """How far a run is, beside its row."""
    return {
        "progress": round(course.progress, 4),
        "expected_completed_at": moment(course.expected_completed_at),
    }


def of_step(step: Step) -> Document:
    """A step without its sub-tasks."""
    return {
        "run_id": step.run_id,
        "step": step.name,
        "owner": step.owner,
        "status": step.status.value,
        "progress": step.progress,
        "plan": None if step.plan is None else list(step.plan),
        "schema_version": step.schema_version,
        "attributes": dict(step.attributes),
        "version": step.version,
        **_times(step),
    }


def of_sub_task(sub_task: SubTask) -> Document:
    """A sub-task."""
    return {
        "run_id": sub_task.run_id,
        "step": sub_task.step,
        "sub_task": sub_task.name,
        "status": sub_task.status.value,
        "holder": sub_task.holder,
        "lease_expires_at": moment(sub_task.lease_expires_at),
        "inputs_hash": sub_task.inputs_hash,
        "artifacts": _artifacts(sub_task.artifacts),
        "version": sub_task.version,
        "started_at": moment(sub_task.started_at),
        "updated_at": moment(sub_task.updated_at),
        "completed_at": moment(sub_task.completed_at),
    }


def of_sub_tasks(shown: Sequence[SubTask], *, of: int) -> Document:
    """The first sub-tasks of a step, beside it; where it has more, after which of them the rest begins."""
    last = shown[-1].name if shown else ""
    return {
        "sub_tasks": [of_sub_task(each) for each in shown],
        "sub_tasks_next": last if len(shown) < of else None,
    }


def of_resume_point(
    run_id: str, point: ResumePoint | None, *, steps: Sequence[StepWork], artifacts: Mapping[str, Mapping[str, str]]
) -> Document:
    """Where a run can go on, and what each of its steps has done; null fields and empty lists where nothing is done."""
    return {
        "run_id": run_id,
        "step": point.step if point else None,
        "sub_task": point.sub_task if point else None,
        "artifacts": _artifacts(artifacts) if point and point.sub_task is not None else None,
        "completed": list(point.completed) if point else [],
        "remaining": list(point.remaining) if point else [],
        "steps": [_of_work(step) for step in steps],
    }


def of_reusable(sub_task: SubTask | None) -> Document:
    """The same work done before; null fields where there is none."""
    names = ("run_id", "step", "sub_task", "inputs_hash", "artifacts", "completed_at")
    found = of_sub_task(sub_task) if sub_task is not None else {}
    return {name: found.get(name) for name in names}


def _of_work(step: StepWork) -> Document:
    completed, remaining = parted(step)
    return {
        "step": step.name,
        "status": step.status.value,
        "completed": list(completed),
        "remaining": list(remaining),
    }


def _times(row: Run | Step) -> dict[str, Any]:
    return {
        "started_at": moment(row.started_at),
        "updated_at": moment(row.updated_at),
        "ended_at": moment(row.ended_at),
    }


def _artifacts(artifacts: Mapping[str, Mapping[str, str]]) -> Document:
    return {name: {"sha256": each["sha256"], "uri": each.get("uri")} for name, each in artifacts.items()}


def moment(value: datetime | None) -> str | None:
    """A time as documents write it."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")
