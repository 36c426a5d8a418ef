"""Requests and answers of the HTTP contract, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

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


class SignedBody(Request):
    """Who changes something, and why; kept in the audit trail."""

    author: Name | None = None
    reason: Annotated[str, StringConstraints(max_length=5_000)] | None = None


class PrecedentPatch(SignedBody):
    """What a person says of a precedent; a field left out stays, `null` takes it away."""

    verdict: Verdict | None = None
    cause: Cause | None = None
    action: Action | None = None
    resolution: StatedResolution | None = None

    @model_validator(mode="after")
    def _resolution_is_said(self) -> PrecedentPatch:
        if "resolution" in self.model_fields_set and self.resolution is None:
            raise ValueError("a resolution cannot be taken away; say a better one")
        return self


class MergeBody(SignedBody):
    """Precedents that are the same as this one."""

    precedents: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class SplitBody(SignedBody):
    """Signatures that are something else than this precedent."""

    fingerprints: Annotated[list[Name], Field(min_length=1, max_length=1_000)]


class RetriesAnswer(Answer):
    """How retries fared."""

    succeeded: int
    failed: int


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


class StrategyAnswer(Answer):
    """How to go on."""

    action: Action
    multiplier: float | None
    max_delay_s: float | None
    jitter: str | None
    resume: dict[str, Any] | None


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
        "is over, or this run is not to retry."
    )
    since: datetime = Field(description="When its first failure occurred.")
    runs: int = Field(description="Distinct runs that it has hit, this one among them.")
    incidents: int = Field(description="Failures that it has brought, this one among them.")
    next_try_at: datetime | None = Field(description="When the canary tries; null once the storm is over.")


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
    degraded: list[str]


class IncidentAnswer(Answer):
    """A recorded failure."""

    id: UUID
    precedent_id: UUID
    fingerprint: str
    template: str
    verdict: Verdict
    cause: Cause | None
    occurred_at: datetime
    recorded_at: datetime
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
    retries: RetriesAnswer
    signatures: list[SignatureAnswer]
    resolutions: list[ResolutionAnswer]
    sources: list[str]
    version: int


class SearchAnswer(Answer):
    """Precedents, best first."""

    results: list[EvidenceAnswer]


class HealthAnswer(Answer):
    """Whether the service answers, and with what."""

    status: Literal["ok", "degraded", "down"]
    parts: dict[str, str] = Field(description="Each part: `ok`, or what is wrong with it; of the model, how it runs.")
    precedents_indexed: int | None = Field(default=None, description="Signatures that the index holds.")
    index_pending: int | None = Field(
        default=None,
        description="Signatures that wait to be indexed: stored, and not yet found as neighbours. Any number is `ok`.",
    )
    spooled: int | None = Field(default=None, description="Failures that wait for PostgreSQL to be written.")


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
