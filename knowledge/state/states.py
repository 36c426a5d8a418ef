"""What is kept of runs, steps and sub-tasks, as values; and what callers say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Status(StrEnum):
    """How far a run or a step is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SubTaskStatus(StrEnum):
    """`started` is a claim with a lease; `completed` is a checkpoint."""

    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


#: Artifacts by name: `{"sha256": 64 hexadecimal digits, "uri": where it is, may be left out}`.
Artifacts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is stored; `run_id` is the caller's own name, `schema_version` that of the stored attributes."""

    id: UUID
    run_id: str
    pipeline: str
    status: Status
    domain: str | None
    schema_version: int | None
    attributes: Mapping[str, Any]
    version: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is stored; `progress` (0 to 1) as its owner has told, `plan` the names of its sub-tasks in order."""

    id: UUID
    run_id: str
    name: str
    owner: str
    status: Status
    progress: float | None
    plan: tuple[str, ...] | None
    schema_version: int | None
    attributes: Mapping[str, Any]
    version: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubTask:
    """A sub-task as it is stored; `inputs_hash` in hexadecimal. Only while it is completed there are `artifacts`
    and `completed_at`."""

    run_id: str
    step: str
    name: str
    status: SubTaskStatus
    holder: str
    lease_expires_at: datetime | None
    inputs_hash: str | None
    artifacts: Artifacts
    version: int
    started_at: datetime
    updated_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepWork:
    """What a step has done: the names of its sub-tasks in order of first write, of the completed ones in order of
    completion."""

    name: str
    status: Status
    plan: tuple[str, ...] | None = None
    sub_tasks: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepCounts:
    """How much of a step is done: as its owner told, and by count (`planned` is nothing without a plan)."""

    status: Status
    progress: float | None = None
    planned: int | None = None
    completed: int = 0


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run of the past that succeeded: seconds from its first write to its end, and its number of steps."""

    duration_s: float
    steps: int


@dataclass(frozen=True, slots=True)
class RunSaid:
    """What is said of a run, and seconds since then where it is told late. What is not said (None) stays as it is."""

    pipeline: str
    status: Status
    domain: str | None = None
    schema_version: int | None = None
    attributes: Mapping[str, Any] | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class StepSaid:
    """What its owner says of a step, as `RunSaid`; of a run of this `pipeline`, where one is named."""

    owner: str
    status: Status
    progress: float | None = None
    plan: tuple[str, ...] | None = None
    schema_version: int | None = None
    attributes: Mapping[str, Any] | None = None
    pipeline: str | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class SubTaskSaid:
    """What the step's owner says of a sub-task, as `StepSaid`; `holder` is the process that does the work, where it has
    a name of its own."""

    owner: str
    status: SubTaskStatus
    holder: str | None
    lease_s: float
    inputs_hash: str | None = None
    artifacts: Artifacts | None = None
    pipeline: str | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class SubTaskWrite:
    """One of several sub-tasks that are written together; `expected_version` as `If-Match` names it."""

    name: str
    said: SubTaskSaid
    expected_version: int | None = None
