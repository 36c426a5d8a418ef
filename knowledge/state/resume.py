"""Where a run can go on, how far it is, and when it will be done: pure, from what its steps have done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from knowledge.state.states import PastRun, Run, Status, StepCounts, StepWork

#: Fewer runs of the past tell nothing of the next one.
LEAST_PAST = 3


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The last checkpoint from which a run can go on. `sub_task` is nothing where the first of the plan is not done.

    `completed` and `remaining` are the sub-tasks of that step, in order of its plan.
    """

    step: str
    sub_task: str | None
    completed: tuple[str, ...]
    remaining: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How far a run is (0 to 1), and when it will be done where that can be told."""

    progress: float
    expected_completed_at: datetime | None


def resume_point(steps: Sequence[StepWork], *, failed_step: str | None = None) -> ResumePoint | None:
    """Where to go on, of steps in order of first write: the last one that has completed something.

    The step that failed comes first, where it has. Nothing when no step has.
    """
    begun = [step for step in steps if step.completed]
    if not begun:
        return None
    step = next((each for each in begun if each.name == failed_step), begun[-1])
    completed, remaining = parted(step)
    return ResumePoint(step.name, _last_checkpoint(step), completed, remaining)


def parted(step: StepWork) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Completed and remaining sub-tasks: in order of the plan; without one in order of completion, of first write."""
    done = set(step.completed)
    named = step.plan if step.plan is not None else step.sub_tasks
    remaining = tuple(name for name in named if name not in done)
    return tuple(name for name in step.plan if name in done) if step.plan is not None else step.completed, remaining


def _last_checkpoint(step: StepWork) -> str | None:
    """Of the plan, the end of the longest completed beginning; without a plan, what was completed last."""
    if step.plan is None:
        return step.completed[-1]
    done, last = set(step.completed), None
    for name in step.plan:
        if name not in done:
            break
        last = name
    return last


def saved_share(steps: Sequence[StepWork]) -> float:
    """The share (0 to 1) of what was spent that going on saves: what is completed, beside what was under way.

    Sub-tasks count alike, and of a step that has not ended one is taken to have been under way.
    """
    completed = sum(len(step.completed) for step in steps)
    under_way = sum(not _is_done(step) for step in steps)
    return completed / (completed + under_way) if completed else 0.0


def _is_done(step: StepWork) -> bool:
    return step.status is Status.SUCCEEDED or (step.plan is not None and set(step.plan) <= set(step.completed))


def step_progress(step: StepCounts) -> float:
    """0 to 1: 1 once it has succeeded, else what its owner told, else completed by planned, else 0."""
    if step.status is Status.SUCCEEDED:
        return 1.0
    if step.progress is not None:
        return step.progress
    return step.completed / step.planned if step.planned else 0.0


def course_of(run: Run, steps: Sequence[StepCounts], *, past: Sequence[PastRun], now: datetime) -> Course:
    """The course of a run with these steps; `past`: runs of its pipeline that succeeded, of late."""
    return Course(
        run_progress(run.status, steps, past=past),
        expected_completion(run.status, started_at=run.started_at, now=now, past=past),
    )


def run_progress(status: Status, steps: Sequence[StepCounts], *, past: Sequence[PastRun]) -> float:
    """0 to 1: the mean over the run's steps; of as many as runs of its pipeline usually have, where that is more."""
    if status is Status.SUCCEEDED:
        return 1.0
    usual = median(each.steps for each in past) if len(past) >= LEAST_PAST else 0.0
    count = max(len(steps), usual)
    return min(1.0, sum(map(step_progress, steps)) / count) if count else 0.0


def expected_completion(
    status: Status, *, started_at: datetime, now: datetime, past: Sequence[PastRun]
) -> datetime | None:
    """When a running run will be done: after the median of how long those past ones took that took longer than it has.

    Nothing with fewer than three past runs, and once it has taken longer than all of them.
    """
    if status is not Status.RUNNING or len(past) < LEAST_PAST:
        return None
    elapsed = (now - started_at).total_seconds()
    longer = [each.duration_s for each in past if each.duration_s > elapsed]
    return started_at + timedelta(seconds=median(longer)) if longer else None
