"""What the store gives and takes: frozen values, times in UTC, embeddings as float32 little endian bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

from knowledge.failures import Action, Cause, Resolution, Source, Verdict
from knowledge.fixes import Fix
from knowledge.retries import RetryHistory
from knowledge.signature.signature import Signature
from knowledge.starter.catalogue import StarterPrecedent


class Keep(Enum):
    """Stands for "as it is" where nothing (`None`) means "take it away"."""

    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """A stored signature: what people and explanations need of it."""

    id: UUID
    fingerprint: str
    template: str
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrecedentRecord:
    """All that an evidence entry needs. `signature` is the one it was reached by, else its first.

    `version` is the ETag: only people's changes move it.
    """

    id: UUID
    workspace_id: int
    source: Source
    starter_key: str | None
    component: str | None
    title: str | None
    sources: tuple[str, ...]
    verdict: Verdict
    cause: Cause | None
    action: Action | None
    verdict_override: Verdict | None
    cause_override: Cause | None
    action_override: Action | None
    stated_transient: int
    stated_genuine: int
    retries_succeeded: int
    retries_failed: int
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None
    pipelines: tuple[str, ...]
    resolution: Resolution | None
    resolution_at: datetime | None
    latest_incident_id: UUID | None
    latest_external_id: str | None
    version: int
    created_at: datetime
    signature: SignatureRecord
    history: RetryHistory = field(default_factory=RetryHistory)
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class EndingRecord:
    """An incident whose end is known: what was stated of it, how its retries went, and where it happened."""

    verdict: Verdict | None
    succeeded: int
    failed: int
    attempt: int | None
    step: str | None
    pipeline: str | None
    environment: Mapping[str, Any]
    fingerprint: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a fingerprint: the workspace's own precedent, else the starter's.

    `starter` is the starter's precedent of the same fingerprint where `precedent` is the workspace's own.
    `storm_ends_at` is the end, reached or expected, of the latest storm of `precedent`.
    """

    signature_id: UUID
    precedent: PrecedentRecord
    starter: PrecedentRecord | None
    embedding: bytes | None
    model_id: str | None
    storm_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewIncident:
    """A failure to record. `id` is a UUID of version 7, or of `incident_id_of`; `occurred_at` carries its time zone."""

    workspace_id: int
    id: UUID
    signature: Signature
    occurred_at: datetime
    pipeline: str | None = None
    step: str | None = None
    run_id: str | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    text: str | None = None
    external_id: str | None = None
    verdict: Verdict | None = None
    cause: Cause | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where an incident went; a duplicate carries the ids of the one that was there before."""

    incident_id: UUID
    precedent_id: UUID
    signature_id: UUID
    duplicate: bool
    new_signature: bool


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """A stored incident; `verdict` and `cause` are those stated of it, else its precedent's.

    `advised` is the verdict that was last told of it; None where nobody asked.
    """

    id: UUID
    workspace_id: int
    precedent_id: UUID
    signature_id: UUID
    fingerprint: str
    template: str
    occurred_at: datetime
    recorded_at: datetime
    pipeline: str | None
    step: str | None
    run_id: str | None
    attempt: int | None
    max_attempts: int | None
    environment: Mapping[str, Any]
    spent: Mapping[str, float]
    error: Mapping[str, Any] | None
    text: str | None
    external_id: str | None
    verdict: Verdict
    cause: Cause | None
    storm_id: UUID | None = None
    advised: Verdict | None = None


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What happened after the advice; `waited_s` in seconds. With a `storm_id` the precedent learns nothing from it."""

    id: UUID
    precedent_id: UUID
    incident_id: UUID
    result: str
    attempt: int | None
    waited_s: float | None
    created_at: datetime
    storm_id: UUID | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class ResolutionRecord:
    """What fixed a failure; without an incident it was said of the precedent as a whole."""

    id: UUID
    precedent_id: UUID
    incident_id: UUID | None
    summary: str
    action: Action | None
    verdict: Verdict | None
    cause: Cause | None
    author: str | None
    created_at: datetime
    fixed_in: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AdviceRecord:
    """An answer as it was given."""

    id: UUID
    incident_id: UUID
    answer: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The answer to an earlier request with the same idempotency key."""

    status: int
    response: Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what, when and why."""

    id: UUID
    at: datetime
    actor: str | None
    action: str
    subject_id: UUID | None
    reason: str | None
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of a precedent's history; `precedents` are all that it touched, the one that it is about first.

    `undone_by` is the undo that took it back. `undoable` says that nothing has, and that all that it needs is kept; a
    later change may still stand in the way.
    """

    id: UUID
    at: datetime
    actor: str | None
    action: str
    reason: str | None
    before: Any
    after: Any
    precedents: tuple[UUID, ...]
    undone_by: UUID | None
    undoable: bool


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key to a workspace, without its secret."""

    id: UUID
    workspace_id: int
    workspace: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class EmbeddingKind(StrEnum):
    """Which text of a row is embedded."""

    SIGNATURE = "signature"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class MissingEmbedding:
    """A text that has no vector of the current model; `id` is a signature's or, for a resolution, a precedent's."""

    kind: EmbeddingKind
    id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class MadeEmbedding:
    """A vector for a `MissingEmbedding`."""

    of: MissingEmbedding
    embedding: bytes


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A signature and all that its point in the index carries; times in seconds since 1970.

    `retired` means: take the point out of the index.
    """

    signature_id: UUID
    precedent_id: UUID
    workspace_id: int
    version: int
    retired: bool
    embedding: bytes | None
    resolution_embedding: bytes | None
    fingerprint: str
    template: str
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    operations: tuple[str, ...]
    terms: tuple[str, ...]
    source: Source
    starter_key: str | None
    title: str | None
    verdict: Verdict
    cause: Cause | None
    action: Action | None
    pipelines: tuple[str, ...]
    occurrences: int
    retries_succeeded: int
    retries_failed: int
    first_seen: float | None
    last_seen: float | None
    resolution_summary: str | None
    resolution_action: Action | None
    latest_incident_id: UUID | None
    external_id: str | None

    @property
    def resolved(self) -> bool:
        """Whether anybody said what fixed it."""
        return self.resolution_summary is not None


@dataclass(frozen=True, slots=True)
class StarterRow:
    """A starter precedent with the signatures of its wordings."""

    precedent: StarterPrecedent
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class StarterWording:
    """One loaded wording of a starter precedent, with what its precedent says."""

    precedent_id: UUID
    template: str
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    operations: tuple[str, ...]
    terms: tuple[str, ...]
    embedding: bytes
    title: str | None
    verdict: Verdict
    cause: Cause | None
    action: Action | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class StarterLoaded:
    """What a load left; `shared` fingerprints belong to more than one precedent, of which the first has them."""

    precedents: int
    signatures: int
    shared: tuple[str, ...]
