"""The answer to one failure, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from knowledge.failures import Action, Cause, DecisionAction, Source, Verdict
from knowledge.fixes import Regression
from knowledge.index.port import Vector
from knowledge.retries import RetryHistory


@dataclass(frozen=True, slots=True)
class Retries:
    """How retries after a failure of this kind went."""

    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How one incident of a precedent turned out, and its context by the names of `contexts.describe`.

    `weight`: 1 where a person said so, less where only an outcome did.
    """

    transient: bool
    weight: float
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InContext:
    """What the incidents say that share one part of a failure's context: `seen` of them, `seen_transient` transient.

    `transient` and `genuine` are counts to believe, drawn towards the precedent as a whole.
    """

    part: str
    value: str
    transient: float
    genuine: float
    seen_transient: int
    seen: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A precedent near to a failure, with its similarity (0 to 1) and all that weighing it needs.

    `template`, `exceptions`, `codes`, `operations` and `terms` are those of its nearest signature.
    `stated_transient` and `stated_genuine` count what people said; they are 0 when only the verdict is known.
    `vector` is its nearest signature's; `redundancy` what of its similarity says nothing new beside nearer ones.
    `endings`: of a precedent that turned out both ways, its latest incidents; `in_context`: what they say of this
    failure's context.
    """

    precedent_id: UUID
    source: Source
    similarity: float
    verdict: Verdict
    template: str
    cause: Cause | None = None
    action: Action | None = None
    overridden: bool = False
    stated_transient: int = 0
    stated_genuine: int = 0
    retries: Retries = field(default_factory=Retries)
    history: RetryHistory = field(default_factory=RetryHistory)
    occurrences: int = 0
    last_seen: datetime | None = None
    exceptions: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    title: str | None = None
    resolution: str | None = None
    incident_id: UUID | None = None
    external_id: str | None = None
    redundancy: float = 0.0
    vector: Vector | None = field(default=None, compare=False, repr=False)
    endings: tuple[Ending, ...] = field(default=(), repr=False)
    in_context: InContext | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the neighbours say together. `confidence` is the chance that the verdict is right (0.5 when unknown).

    `nearest` is the similarity of the nearest neighbour that had a say; `odds` are the log odds of transient before
    the workspace's calibration, also where the answer is `unknown`, and nothing where nobody had a say.
    """

    verdict: Verdict
    confidence: float
    cause: Cause | None
    action: Action | None
    decided_by: Neighbour | None
    nearest: float = 0.0
    odds: float | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """The last checkpoint of a failed run; `sub_task` is nothing where the first one of the step's plan is not done.

    `artifacts`: names to `sha256:` and 64 hexadecimal digits. `saves`: the share (0 to 1) of what was spent that going
    on from there saves.
    """

    run_id: str
    step: str
    sub_task: str | None
    artifacts: Mapping[str, str]
    saves: float


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to go on. Delays are in seconds; `resume` is filled where pipeline memory knows a resume point."""

    action: Action
    multiplier: float | None = None
    max_delay_s: float | None = None
    jitter: str | None = None
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the caller is told to do now."""

    action: DecisionAction
    reason: str
    retry_delay_s: float | None = None
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One neighbour as the answer shows it."""

    precedent_id: UUID
    similarity: float
    verdict: Verdict
    source: Source
    template: str
    incident_id: UUID | None = None
    external_id: str | None = None
    cause: Cause | None = None
    title: str | None = None
    resolution: str | None = None
    retries: Retries = field(default_factory=Retries)
    same_because: tuple[str, ...] = ()
    differs_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PrecedentSummary:
    """The precedent that the failure belongs to."""

    id: UUID
    fingerprint: str
    template: str
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class StormNotice:
    """The storm that the failure belongs to, and the part of its run in it.

    `state` is `active`, `recovered` or `expired`; `role` is `canary`, `hold` or `none`. `next_try_at`: when the canary
    tries; nothing once the storm is over.
    """

    id: UUID
    state: str
    role: str
    since: datetime
    runs: int
    incidents: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer to one failure. `advice_id` and `incident_id` are empty when nothing was recorded.

    `odds` and `nearest` are those of the judgement: what came out is held against them.
    """

    verdict: Verdict
    confidence: float
    cause: Cause | None
    decision: Decision
    strategy: Strategy
    precedent: PrecedentSummary | None
    seen_before: bool
    evidence: tuple[Evidence, ...]
    advice_id: UUID | None = None
    incident_id: UUID | None = None
    storm: StormNotice | None = None
    regression: Regression | None = None
    degraded: tuple[str, ...] = ()
    odds: float | None = None
    nearest: float = 0.0
