"""Requests and answers of the HTTP contract, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from ingest.records import Attempt, ErrorBody, Name, Request, StatedResolution
from knowledge.failures import Action, Cause, Source, Verdict


class Answer(BaseModel):
    """What the service answers; documented here, made by `knowledge.documents`."""


class OutcomeBody(Request):
    """What happened after the advice."""

    result: Literal["succeeded", "failed"]
    attempt: Attempt | None = None
    waited_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None


class ResolutionBody(StatedResolution):
    """What fixed a failure, and what it thereby turned out to be."""

    verdict: Literal["transient", "genuine"] | None = None
    cause: Cause | None = None
    author: Name | None = None


class RetriesAnswer(Answer):
    """How retries fared."""

    succeeded: int
    failed: int


class WaitRetriesAnswer(RetriesAnswer):
    """How the latest retries fared after a wait of so many seconds; without `to_s` it is the longest bucket."""

    from_s: float
    to_s: float | None


class AttemptRetriesAnswer(RetriesAnswer):
    """How the latest retries fared at an attempt; 5 stands for all later ones."""

    attempt: int


class PrecedentRetriesAnswer(RetriesAnswer):
    """How retries fared in all, and the latest 200 by wait and by attempt."""

    by_wait: list[WaitRetriesAnswer]
    by_attempt: list[AttemptRetriesAnswer]


class EvidenceAnswer(Answer):
    """A neighbour, and why it is one."""

    precedent_id: UUID
    incident_id: UUID | None
    external_id: str | None
    similarity: float
    verdict: Verdict
    cause: Cause | None
    title: str | None
    template: str
    resolution: str | None
    retries: RetriesAnswer
    same_because: list[str]
    differs_in: list[str]
    source: Source


class DecisionAnswer(Answer):
    """What to do now; `default` means: keep your own retry policy."""

    action: Literal["retry", "fail", "default"]
    retry_delay_s: float | None
    max_attempts: int | None
    reason: str


class ResumeAnswer(Answer):
    """The last checkpoint of the failed run: where it can go on."""

    run_id: str
    step: str
    sub_task: str | None = Field(description="Null: the step's first sub-task is not done, others are.")
    artifacts: dict[str, str] = Field(description="Of the sub-task: names to `sha256:` and the hash.")


class StrategyAnswer(Answer):
    """How to go on."""

    action: Action
    multiplier: float | None
    max_delay_s: float | None
    jitter: str | None
    resume: ResumeAnswer | None = Field(description="Null where pipeline memory knows no checkpoint of the run.")


class PrecedentSummaryAnswer(Answer):
    """The precedent that the failure belongs to."""

    id: UUID
    fingerprint: str
    template: str
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None


class StormNoticeAnswer(Answer):
    """The storm that the failure belongs to: one precedent hitting many runs within minutes."""

    id: UUID
    state: Literal["active", "recovered", "expired"] = Field(
        description="`recovered`: a retry passed. `expired`: nobody was hit any more, or it lasted a day."
    )
    role: Literal["canary", "hold", "none"] = Field(
        description="`canary`: this run tries for all. `hold`: it retries after the canary has told. `none`: the storm "
        "is over, or this run holds for nobody: it is not to retry, or the verdict is `genuine`."
    )
    since: datetime = Field(description="When its first failure occurred.")
    runs: int = Field(description="Distinct runs that it has hit, this one among them.")
    incidents: int = Field(description="Failures that it has brought, this one among them.")
    next_try_at: datetime | None = Field(description="When the canary tries; null once the storm is over.")


class RegressionAnswer(Answer):
    """The precedent came back in an environment that has its fix."""

    fixed_in: dict[str, str]
    seen_in: dict[str, str] = Field(description="What the environment says under the same keys.")
    resolved_at: datetime


class AdviceAnswer(Answer):
    """The answer to one failure."""

    advice_id: UUID | None
    incident_id: UUID | None
    verdict: Verdict
    confidence: float
    cause: Cause | None
    decision: DecisionAnswer
    strategy: StrategyAnswer
    precedent: PrecedentSummaryAnswer | None
    seen_before: bool
    evidence: list[EvidenceAnswer]
    storm: StormNoticeAnswer | None
    regression: RegressionAnswer | None
    degraded: list[str]


class IncidentAnswer(Answer):
    """A recorded failure; `precedent_id` and `recorded_at` are null while it waits for PostgreSQL."""

    id: UUID
    precedent_id: UUID | None
    fingerprint: str
    template: str
    verdict: Verdict = Field(
        description="What was stated of it, else what is known of its precedent; `advised` is not part of it."
    )
    advised: Verdict | None = Field(
        default=None, description="The verdict that was last told of it by advice; null where nobody asked."
    )
    cause: Cause | None
    occurred_at: datetime
    recorded_at: datetime | None
    pipeline: str | None
    step: str | None
    run_id: str | None
    attempt: int | None
    max_attempts: int | None
    environment: dict[str, Any]
    spent: dict[str, float]
    error: ErrorBody | None
    text: str | None
    external_id: str | None
    storm_id: UUID | None = Field(
        default=None, description="The storm that it fell into: its outcomes teach nothing of the precedent."
    )
    duplicate: bool | None = None
    advice: AdviceAnswer | None = None
    degraded: list[str] | None = Field(
        default=None, description="`store`: PostgreSQL is away; the failure is kept and written under this `id` later."
    )


class IncidentPage(Answer):
    """A page of incidents, newest first; `next` is the cursor of the next page, null on the last."""

    incidents: list[IncidentAnswer]
    next: str | None


class ImportRejection(Answer):
    """A line that was not taken, counted from 1."""

    line: int
    problem: str


class ImportAnswer(Answer):
    """What became of the lines of an import; of the rejected ones at most 1,000 are listed."""

    accepted: int
    duplicates: int
    rejected: list[ImportRejection]
    rejected_total: int
    indexed: bool | None = None


class OutcomeAnswer(Answer):
    """A recorded outcome."""

    id: UUID
    incident_id: UUID
    precedent_id: UUID
    result: Literal["succeeded", "failed"]
    attempt: int | None
    waited_s: float | None
    created_at: datetime


class ResolutionAnswer(Answer):
    """A recorded resolution."""

    id: UUID
    incident_id: UUID | None
    precedent_id: UUID
    summary: str
    action: Action | None
    verdict: Verdict | None
    cause: Cause | None
    author: str | None
    fixed_in: dict[str, str] | None
    created_at: datetime


class SignatureAnswer(Answer):
    """One of a precedent's signatures."""

    fingerprint: str
    template: str
    exceptions: list[str]
    codes: list[str]
    operations: list[str]


class StatedAnswer(Answer):
    """What incidents and resolutions said."""

    transient: int
    genuine: int


class PrecedentAnswer(Answer):
    """A precedent with all that is known of it; `version` is its ETag."""

    id: UUID
    source: Source
    title: str | None
    verdict: Verdict
    verdict_overridden: bool
    cause: Cause | None
    action: Action | None
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None
    pipelines: list[str]
    stated: StatedAnswer
    retries: PrecedentRetriesAnswer
    signatures: list[SignatureAnswer]
    resolutions: list[ResolutionAnswer]
    fixed_in: dict[str, str] | None = Field(description="Where the latest fix is.")
    regressed_at: datetime | None = Field(description="When it first came back where that fix is.")
    sources: list[str]
    version: int


class SearchAnswer(Answer):
    """Precedents, best first."""

    results: list[EvidenceAnswer]
    degraded: list[str] = Field(description="`store`: PostgreSQL is away, and this is what the index shows.")


class HealthAnswer(Answer):
    """Whether the service answers, and with what."""

    status: Literal["ok", "degraded", "down"]
    parts: dict[str, str] = Field(description="Each part: `ok`, or what is wrong with it; of the model, how it runs.")
    precedents_indexed: int | None = Field(default=None, description="Signatures that the index holds.")
    index_pending: int | None = Field(
        default=None,
        description="Signatures that wait to be indexed: stored, and not yet found as neighbours. Any number is `ok`.",
    )
    spooled: int | None = Field(
        default=None, description="Failures that wait for PostgreSQL to be written; null when the spool cannot be read."
    )
    spool_refused: int | None = Field(
        default=None, description="Failures of the spool that cannot be written and were set apart."
    )


class FieldProblem(Answer):
    """A field and what is wrong with it."""

    field: str
    problem: str


class ProblemAnswer(Answer):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None
    version: int | None = Field(default=None, description="The row's: what `If-Match` should have named.")
    missing: str | None = Field(default=None, description="What is not there: `run`, `step` or `sub_task`.")
    owner: str | None = Field(default=None, description="Whose step it is.")
    pipeline: str | None = Field(default=None, description="Whose run it is.")
    domain: str | None = Field(default=None, description="That of the run, which is fixed.")
    superseded: bool | None = Field(default=None, description="Whether what is there was said later.")
    plan: list[str] | None = Field(default=None, description="Of the step: the sub-tasks that there can be.")
    completed: list[str] | None = Field(default=None, description="What would have left the plan.")
    holder: str | None = Field(default=None, description="Who has claimed the sub-task.")
    lease_expires_at: datetime | None = Field(default=None, description="Until when, unless the holder renews it.")
    service_time: datetime | None = Field(
        default=None, description="The service's clock, where `occurred_at` lies ahead of it: send it without."
    )
