"""Value types and vocabularies shared by the whole service (the words of the design)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

#: Results that a search shows at most.
MOST_RESULTS = 100


class Verdict(StrEnum):
    """Whether the same work, run again unchanged, is likely to succeed."""

    TRANSIENT = "transient"
    GENUINE = "genuine"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a failure happened, as coarsely as a strategy needs to know."""

    PREEMPTION = "preemption"
    RATE_LIMIT = "rate_limit"
    NETWORK = "network"
    SERVICE_UNAVAILABLE = "service_unavailable"
    CONTENTION = "contention"
    HARDWARE = "hardware"
    DATA_QUALITY = "data_quality"
    CODE_DEFECT = "code_defect"
    CONFIGURATION = "configuration"
    PERMISSION = "permission"
    RESOURCE_LIMIT = "resource_limit"
    MODEL_QUALITY = "model_quality"
    DEPENDENCY = "dependency"


class Action(StrEnum):
    """What to do about a failure."""

    RETRY_NOW = "retry_now"
    RETRY_WITH_BACKOFF = "retry_with_backoff"
    RETRY_AFTER_DELAY = "retry_after_delay"
    RETRY_ELSEWHERE = "retry_elsewhere"
    RETRY_WITH_MORE_RESOURCES = "retry_with_more_resources"
    FIX_THEN_RERUN = "fix_then_rerun"
    ESCALATE = "escalate"


class DecisionAction(StrEnum):
    """What the caller is told to do now; `default` means: keep your own retry policy."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


class Source(StrEnum):
    """Where a precedent comes from."""

    INCIDENT = "incident"
    STARTER = "starter"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception as a pipeline reports it; any part may be missing."""

    type: str | None = None
    message: str | None = None
    stacktrace: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What fixed a failure, in an engineer's or agent's words.

    `fixed_in` says where the fix is: `{"image": "repo/train:1.8", "torch": "2.13"}`, keys as in an `environment`.
    """

    summary: str
    action: Action | None = None
    author: str | None = None
    fixed_in: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong once, as a pipeline tells it, with what is known about it already.

    `attempt` counts from 1. `spent` maps a unit (`gpu_hours`) to an amount. `verdict`, `cause` and `resolution` are
    given only when a person or an earlier system already judged the failure.
    """

    error: ErrorInfo | None = None
    text: str | None = None
    pipeline: str | None = None
    step: str | None = None
    run_id: str | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    occurred_at: datetime | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    external_id: str | None = None
    verdict: Verdict | None = None
    cause: Cause | None = None
    resolution: Resolution | None = None
