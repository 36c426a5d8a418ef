"""Requests and answers of pipeline memory, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from api.context import OLDEST_S
from api.models import Answer, ProblemAnswer
from ingest.records import LONGEST_NAME, Name, Request
from knowledge.state.states import Artifacts, RunSaid, Status, StepSaid, SubTaskSaid, SubTaskStatus, SubTaskWrite

#: Bytes of the JSON of attributes.
MOST_ATTRIBUTES = 64_000
MOST_PLANNED = 1_000
MOST_ARTIFACTS = 1_000
#: Sub-tasks of one request.
MOST_AT_ONCE = 100
#: A lease beyond a day would outlive whoever died with it.
LONGEST_LEASE_S = 86_400.0
LEASE_S = 60.0

#: Sub-tasks have addresses, in which a slash would part them.
SubTaskName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^/]*$")]
Hash = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True),
    Field(
        description="SHA-256 in hexadecimal.",
        examples=["9f86d081" * 8],
    ),
]
SchemaVersion = Annotated[int, Field(ge=1, le=1_000_000)]


def short(attributes: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The attributes as they are; raises `ValueError` for more than 64 kB, and for numbers that cannot be kept."""
    try:
        size = len(orjson.dumps(attributes))
    except TypeError as error:
        raise ValueError(f"cannot be kept: {error}") from None
    if size > MOST_ATTRIBUTES:
        raise ValueError(f"has {size:,} bytes; at most {MOST_ATTRIBUTES:,} are kept")
    return attributes


def distinct(plan: list[str]) -> list[str]:
    """The plan as it is; raises `ValueError` when a name comes twice."""
    if len(set(plan)) < len(plan):
        raise ValueError("names a sub-task twice")
    return plan


Attributes = Annotated[
    dict[str, JsonValue],
    AfterValidator(short),
    Field(description="At most 64 kB. Where the run has a domain they keep to its schema."),
]


OfPipeline = Annotated[
    Name | None,
    Field(description="The run's; where it is another's, nothing is written. Left out, the name of the run is enough."),
]


class RunBody(Request):
    """What is said of a run. What is left out stays as it is."""

    pipeline: Name
    status: Status
    domain: Name | None = Field(default=None, description="Names the schema of its attributes; fixed, like `pipeline`.")
    schema_version: SchemaVersion | None = Field(default=None, description="Of the attributes given; else the latest.")
    attributes: Attributes | None = None

    def said(self, *, age_s: float | None = None) -> RunSaid:
        """The values that the memory takes, said so many seconds ago."""
        return RunSaid(self.pipeline, self.status, self.domain, self.schema_version, self.attributes, age_s)


class StepBody(Request):
    """What its owner says of a step. What is left out stays as it is."""

    pipeline: OfPipeline = None
    owner: Name = Field(description="Who writes the step; fixed by the first write, and handed over on purpose only.")
    status: Status
    progress: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    plan: Annotated[list[SubTaskName], Field(max_length=MOST_PLANNED), AfterValidator(distinct)] | None = Field(
        default=None, description="Its sub-tasks in order; none other can be written then. An empty one says nothing."
    )
    schema_version: SchemaVersion | None = None
    attributes: Attributes | None = None

    def said(self, *, age_s: float | None = None) -> StepSaid:
        """The values that the memory takes, said so many seconds ago."""
        return StepSaid(
            owner=self.owner,
            status=self.status,
            progress=self.progress,
            plan=tuple(self.plan) if self.plan else None,
            schema_version=self.schema_version,
            attributes=self.attributes,
            pipeline=self.pipeline,
            age_s=age_s,
        )


class ArtifactBody(Request):
    """What a sub-task has made: its hash, and where it is."""

    sha256: Hash
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] | None = None


class SubTaskBody(Request):
    """What the step's owner says of a sub-task."""

    pipeline: OfPipeline = None
    owner: Name
    status: SubTaskStatus = Field(description="`started` claims it, or renews the claim; `completed` is a checkpoint.")
    inputs_hash: Hash | None = None
    artifacts: Annotated[dict[Name, ArtifactBody], Field(max_length=MOST_ARTIFACTS)] | None = Field(
        default=None, description="Of a completion. Begun anew, a sub-task has none until it is completed again."
    )
    holder: Name | None = Field(
        default=None,
        description="The process that does the work. A claim without one is given a name of its own in the answer, "
        "which renews it; without that another claim is refused while the lease runs.",
    )
    lease_s: Annotated[float, Field(gt=0, le=LONGEST_LEASE_S, allow_inf_nan=False)] = Field(
        default=LEASE_S, description="While it is started: nobody else may claim it for so many seconds."
    )

    @model_validator(mode="after")
    def _artifacts_are_of_a_completion(self) -> SubTaskBody:
        if self.artifacts and self.status is not SubTaskStatus.COMPLETED:
            raise ValueError("`artifacts` are those of a completion")
        return self

    def said(self, *, age_s: float | None = None) -> SubTaskSaid:
        """The values that the memory takes, said so many seconds ago."""
        artifacts: Artifacts | None = None
        if self.artifacts is not None and self.status is SubTaskStatus.COMPLETED:
            artifacts = {name: each.model_dump(exclude_none=True) for name, each in self.artifacts.items()}
        return SubTaskSaid(
            owner=self.owner,
            status=self.status,
            holder=self.holder,
            lease_s=self.lease_s,
            inputs_hash=self.inputs_hash,
            artifacts=artifacts,
            pipeline=self.pipeline,
            age_s=age_s,
        )


class SubTaskOfMany(SubTaskBody):
    """What is said of one of several sub-tasks, with what a request of its own would say beside it."""

    sub_task: SubTaskName
    version: Annotated[int, Field(ge=0, lt=10**18, strict=True)] | None = Field(
        default=None, description="That of the row that was read, as `If-Match` names it; a first write has none."
    )
    age_s: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] | None = Field(
        default=None, description="Seconds since this was said, where it is delivered late, as in `Seenbefore-Age`."
    )

    def write(self) -> SubTaskWrite:
        """What the memory takes."""
        age_s = None if self.age_s is None else min(self.age_s, OLDEST_S)
        return SubTaskWrite(self.sub_task, self.said(age_s=age_s), expected_version=self.version)


class SubTasksBody(Request):
    """What the step's owner says of several sub-tasks, in order."""

    sub_tasks: Annotated[list[SubTaskOfMany], Field(min_length=1, max_length=MOST_AT_ONCE)]


class HandOverBody(Request):
    """A step gets another owner."""

    pipeline: OfPipeline = None
    owner: Name = Field(description="The present one, who hands it over.")
    to: Name
    reason: Annotated[str, StringConstraints(max_length=2_000)] | None = None


class ArtifactAnswer(Answer):
    """What a sub-task has made."""

    sha256: str
    uri: str | None


class RunAnswer(Answer):
    """A run as it was written; `version` is its ETag. Times are the service's, less the age of what came late."""

    id: UUID
    run_id: str
    pipeline: str
    status: Status
    domain: str | None
    schema_version: int | None = Field(description="That of the attributes shown.")
    attributes: dict[str, Any]
    version: int
    started_at: datetime = Field(description="When it was first written.")
    updated_at: datetime
    ended_at: datetime | None = Field(description="Null while it is running.")


class StepAnswer(Answer):
    """A step as it was written; `version` is its ETag."""

    run_id: str
    step: str
    owner: str
    status: Status
    progress: float | None = Field(description="0 to 1, as its owner has told.")
    plan: list[str] | None
    schema_version: int | None
    attributes: dict[str, Any]
    version: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class SubTaskAnswer(Answer):
    """A sub-task; `version` is its ETag."""

    run_id: str
    step: str
    sub_task: str
    status: SubTaskStatus
    holder: str = Field(description="Who wrote it last; while it is started, who holds it.")
    lease_expires_at: datetime | None = Field(description="Null unless it is started.")
    inputs_hash: str | None
    artifacts: dict[str, ArtifactAnswer] = Field(description="Empty unless it is completed.")
    version: int
    started_at: datetime = Field(description="Of its latest claim; of its first write where it was never claimed.")
    updated_at: datetime
    completed_at: datetime | None = Field(description="Null unless it is completed.")


class StepWithSubTasks(StepAnswer):
    """A step and its sub-tasks, in order of first write, as far as they are among the run's first 5,000."""

    sub_tasks: list[SubTaskAnswer]
    sub_tasks_next: str | None = Field(
        description="Null where these are all; else what `after` takes for the rest, in the step's list of them."
    )


class SubTaskPage(Answer):
    """A page of a step's sub-tasks, in order of first write; `next` is the `after` of the next, null on the last."""

    sub_tasks: list[SubTaskAnswer]
    next: str | None


class SubTaskTold(Answer):
    """A sub-task that was written."""

    sub_task: str
    version: int
    created: bool = Field(description="Whether this was its first write.")


class SubTasksAnswer(Answer):
    """The sub-tasks that were written, and why the one after them was not; none behind that one was tried."""

    written: list[SubTaskTold]
    refused: ProblemAnswer | None


class WholeRunAnswer(RunAnswer):
    """A run with its steps, in order of first write, and how far it is."""

    progress: float = Field(description="0 to 1: the mean over its steps, each by its own word or by its plan.")
    expected_completed_at: datetime | None = Field(
        description="By how long the latest runs of the pipeline took that succeeded; null with fewer than three."
    )
    steps: list[StepWithSubTasks]


class ListedRun(Answer):
    """A run in a list, without its attributes."""

    id: UUID
    run_id: str
    pipeline: str
    status: Status
    domain: str | None
    schema_version: int | None
    version: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    progress: float
    expected_completed_at: datetime | None


class RunPage(Answer):
    """A page of runs, newest first; `next` is the cursor of the next page, null on the last."""

    runs: list[ListedRun]
    next: str | None


class StepDone(Answer):
    """What a step has done, in order of its plan."""

    step: str
    status: Status
    completed: list[str]
    remaining: list[str]


class ResumePointAnswer(Answer):
    """The last checkpoint from which a run can go on, in the last step with one; null fields where there is none."""

    run_id: str
    step: str | None
    sub_task: str | None = Field(description="Where the longest completed beginning of the step's plan ends.")
    artifacts: dict[str, ArtifactAnswer] | None = Field(description="Of that sub-task.")
    completed: list[str] = Field(description="Sub-tasks of that step.")
    remaining: list[str]
    steps: list[StepDone]


class ReusableAnswer(Answer):
    """The same work, done before by whichever run; null fields where there is none."""

    run_id: str | None
    step: str | None
    sub_task: str | None
    inputs_hash: str | None
    artifacts: dict[str, ArtifactAnswer] | None
    completed_at: datetime | None
