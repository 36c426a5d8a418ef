"""What an agent is told: the documents of the HTTP contract, less what only people need, text from failures marked.

A field is a number, an id, a time, a word of ours, or `Data`; a test walks these models and finds no other text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from api.agents.marking import Data, Marks, Named
from knowledge.failures import Action, Cause, DecisionAction, Source, Verdict
from knowledge.proposals import ProposalState
from knowledge.state.states import Status

#: Of a list that only grows, so many entries, the first of it; of mere names more.
MOST_LISTED = 20
MOST_NAMED = 200

Document = dict[str, Any]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,128}$")]
#: What an answer lacks: `index`, `store`.
Part = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")]
_first = BeforeValidator(lambda value: value[:MOST_LISTED] if isinstance(value, list) else value)
Names = Annotated[list[Data], BeforeValidator(lambda value: value[:MOST_NAMED] if isinstance(value, list) else value)]
#: Words as one text; null without any.
Words = Annotated[
    Data | None, BeforeValidator(lambda value: (", ".join(value) or None) if isinstance(value, list) else value)
]


class Told(BaseModel):
    """A part of an answer."""


class Answer(Told):
    """An answer: how its texts are marked, then what it says."""

    note: str = Field(description="How text from failures is marked in this answer. Read it first.")


class Retries(Told):
    """How retries of it fared."""

    succeeded: int
    failed: int


class Evidence(Told):
    """A precedent near to what was asked, and why it is near."""

    precedent_id: UUID
    similarity: float
    verdict: Verdict
    cause: Cause | None
    title: Data | None
    template: Data
    resolution: Data | None
    retries: Retries
    same_because: Words = Field(description="Telling words that both have.")
    differs_in: Words
    source: Source = Field(description="`incident`: it happened here. `starter`: it is documented elsewhere.")


class Decision(Told):
    """What to do now."""

    action: DecisionAction = Field(
        description="`retry`: run the same work again after `retry_delay_s`, at most `max_attempts` in all. `fail`: do "
        "not retry; it fails again until something is changed. `default`: not sure; do what you would do without this "
        "answer."
    )
    retry_delay_s: float | None
    max_attempts: int | None
    reason: Data


class Resume(Told):
    """The last checkpoint of the run: go on behind it instead of from the start."""

    run_id: Data
    step: Data
    sub_task: Data | None
    artifacts: Named = Field(description="Of that sub-task: names, and `sha256:` with the hash. Check it before use.")


class Strategy(Told):
    """How to go on."""

    action: Action
    multiplier: float | None
    max_delay_s: float | None
    resume: Resume | None


class Summary(Told):
    """The precedent that the failure belongs to."""

    id: UUID
    fingerprint: Fingerprint
    template: Data
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None


class Storm(Told):
    """An outage that hits many runs just now."""

    id: UUID
    state: Literal["active", "recovered", "expired"]
    role: Literal["canary", "hold", "none"] = Field(
        description="`canary`: this run tries for all. `hold`: wait until `next_try_at`, another run tries meanwhile."
    )
    since: datetime
    runs: int
    incidents: int
    next_try_at: datetime | None


class Regression(Told):
    """It was fixed, and is back where the fix is."""

    fixed_in: Named
    seen_in: Named
    resolved_at: datetime


class Advice(Answer):
    """The answer to one failure."""

    verdict: Verdict = Field(description="`transient`: likely to succeed when run again unchanged. `genuine`: not.")
    confidence: float = Field(description="0.9 means right 9 times in 10.")
    cause: Cause | None
    decision: Decision
    strategy: Strategy
    seen_before: bool
    precedent: Summary | None
    evidence: list[Evidence]
    storm: Storm | None
    regression: Regression | None
    advice_id: UUID | None
    incident_id: UUID | None = Field(description="What `report_outcome` needs; null where nothing was recorded.")
    degraded: list[Part]


class Found(Answer):
    """Precedents, best first."""

    results: list[Evidence]
    degraded: list[Part]


class Fix(Told):
    """What somebody said fixed it."""

    id: UUID
    summary: Data
    action: Action | None
    verdict: Verdict | None
    cause: Cause | None
    author: Data | None
    fixed_in: Named | None
    created_at: datetime


class Signature(Told):
    """A wording of the failure, less what belongs to one occurrence."""

    fingerprint: Fingerprint
    template: Data


class Precedent(Answer):
    """A precedent with what is known of it; of signatures and resolutions the first 20."""

    id: UUID
    source: Source
    title: Data | None
    verdict: Verdict
    verdict_overridden: bool = Field(description="Whether a person said so.")
    cause: Cause | None
    action: Action | None
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None
    pipelines: Names
    retries: Retries
    signatures: Annotated[list[Signature], _first]
    resolutions: Annotated[list[Fix], _first] = Field(description="The latest first.")
    fixed_in: Named | None
    regressed_at: datetime | None


class Artifact(Told):
    """What a sub-task has made."""

    name: Data
    sha256: Data
    uri: Data | None


def _artifacts(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return [{"name": name, "sha256": each["sha256"], "uri": each.get("uri")} for name, each in value.items()]


class Work(Told):
    """What a step has done."""

    step: Data
    status: Status
    completed: Names
    remaining: Names


class ResumePoint(Answer):
    """Where a run can go on; null fields where nothing of it is done. Of names the first 200 of a list."""

    run_id: Data
    step: Data | None
    sub_task: Data | None
    artifacts: Annotated[list[Artifact], BeforeValidator(_artifacts)] | None
    completed: Names
    remaining: Names
    steps: list[Work]


class Outcome(Answer):
    """The outcome that was recorded."""

    id: UUID
    incident_id: UUID
    precedent_id: UUID
    result: Literal["succeeded", "failed"]
    attempt: int | None
    waited_s: float | None


class Proposal(Answer):
    """The resolution that was proposed: advice shows it once a person has accepted it."""

    id: UUID
    state: ProposalState
    incident_id: UUID
    precedent_id: UUID
    summary: Data
    action: Action | None
    verdict: Verdict | None
    cause: Cause | None
    fixed_in: Named | None
    proposed_by: Data | None


def told(model: type[Answer], document: Document) -> Document:
    """An answer as JSON, all data in it marked; fields that the model has not are left out."""
    marks = Marks()
    made = model.model_validate({**document, "note": marks.note}, context=marks)
    return made.model_dump(mode="json")
