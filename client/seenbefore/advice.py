"""Advice: what the service says of a failure, read so strictly that any doubt is `default`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from seenbefore.wire import Answer, Document

Action = Literal["retry", "fail", "default"]
Verdict = Literal["transient", "genuine", "unknown"]
ACTIONS = ("retry", "fail", "default")
VERDICTS = ("transient", "genuine", "unknown")
#: A wait beyond this is no advice: ten days, longer than any reset that a service announces.
LONGEST_DELAY_S = 864_000.0
MOST_ATTEMPTS = 1_000_000
LONGEST_LINE = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now; `default` means: keep your own retry policy. `max_attempts` counts the first one too."""

    action: Action = "default"
    retry_delay_s: float | None = None
    max_attempts: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to go on; `resume` names the resume point (`run_id`, `step`, `sub_task`, `artifacts`) where there is one."""

    action: str
    multiplier: float | None = None
    max_delay_s: float | None = None
    jitter: str | None = None
    resume: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer to one failure; `evidence`, `precedent`, `storm`, `regression` are as the HTTP contract has them."""

    decision: Decision = field(default_factory=Decision)
    verdict: Verdict = "unknown"
    confidence: float = 0.0
    cause: str | None = None
    strategy: Strategy | None = None
    advice_id: str | None = None
    incident_id: str | None = None
    seen_before: bool = False
    precedent: Mapping[str, Any] | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    storm: Mapping[str, Any] | None = None
    regression: Mapping[str, Any] | None = None
    degraded: tuple[str, ...] = ()

    @property
    def resume(self) -> Mapping[str, Any] | None:
        """Where to go on, if anything is done already."""
        return self.strategy.resume if self.strategy else None

    @property
    def resume_point(self) -> str | None:
        """The same as `step/sub-task`, for people to read: one bounded line."""
        return resume_point(self.resume)

    @property
    def told(self) -> str:
        """Why, and where to go on, for people to read: one bounded line; empty where nothing is said."""
        point = f" It can resume behind {self.resume_point}." if self.resume_point else ""
        return one_line(self.decision.reason) + point if self.decision.reason else point.strip()


def resume_point(resume: Mapping[str, Any] | None) -> str | None:
    """A resume point as `step/sub-task`, in one bounded line; None where nothing is done."""
    step, sub_task = ((resume or {}).get(name) for name in ("step", "sub_task"))
    return one_line(f"{step}/{sub_task}") if step and sub_task else None


def one_line(said: object) -> str:
    """What can be printed of it, in one line of at most `LONGEST_LINE` characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(said)).split())[:LONGEST_LINE]


class _Doubt(ValueError):
    """Something in the answer is not what the contract says."""


def default_advice(reason: str) -> Advice:
    """What is answered when there is nothing to go by."""
    return Advice(decision=Decision(reason=reason))


def read_advice(answer: Answer | None) -> Advice:
    """The advice in an answer; `default` for no answer, a refusal and whatever is not as the contract says."""
    if answer is None:
        return default_advice("Seen Before has not answered in time.")
    document = answer.document
    if answer.status != 200 or document is None:
        told = answer.detail if answer.problem else f"it answers {answer.status}, and not as it should"
        return default_advice(f"Seen Before has no advice: {told}")
    try:
        return _advice(document)
    except _Doubt as doubt:
        return default_advice(f"Seen Before's answer cannot be understood: {doubt}")


def _advice(said: Document) -> Advice:
    return Advice(
        decision=_decision(_object(said, "decision")),
        verdict=cast(Verdict, _word(said, "verdict", VERDICTS)),
        confidence=_number(said, "confidence", most=1.0) or 0.0,
        cause=_text(said, "cause"),
        strategy=_strategy(_object(said, "strategy")),
        advice_id=_text(said, "advice_id"),
        incident_id=_text(said, "incident_id"),
        seen_before=said.get("seen_before") is True,
        precedent=_maybe(said, "precedent"),
        evidence=tuple(each for each in _list(said, "evidence") if isinstance(each, dict)),
        storm=_maybe(said, "storm"),
        regression=_maybe(said, "regression"),
        degraded=tuple(each for each in _list(said, "degraded") if isinstance(each, str)),
    )


def _decision(said: Document) -> Decision:
    return Decision(
        action=cast(Action, _word(said, "action", ACTIONS)),
        retry_delay_s=_number(said, "retry_delay_s", most=LONGEST_DELAY_S),
        max_attempts=_count(said, "max_attempts"),
        reason=_text(said, "reason") or "",
    )


def _strategy(said: Document) -> Strategy:
    return Strategy(
        action=_text(said, "action") or "",
        multiplier=_number(said, "multiplier", most=1e6),
        max_delay_s=_number(said, "max_delay_s", most=LONGEST_DELAY_S),
        jitter=_text(said, "jitter"),
        resume=_maybe(said, "resume"),
    )


def _word(said: Document, name: str, words: tuple[str, ...]) -> str:
    value = said.get(name)
    if not isinstance(value, str) or value not in words:
        raise _Doubt(f"{name} is none of {', '.join(words)}")
    return value


def _text(said: Document, name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise _Doubt(f"{name} is no text")
    return value


def _number(said: Document, name: str, *, most: float) -> float | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Doubt(f"{name} is no number")
    if not 0 <= value <= most:
        raise _Doubt(f"{name} is out of range")
    return float(value)


def _count(said: Document, name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ATTEMPTS:
        raise _Doubt(f"{name} is no count")
    return value


def _object(said: Document, name: str) -> Document:
    value = said.get(name)
    if not isinstance(value, dict):
        raise _Doubt(f"{name} is missing")
    return value


def _maybe(said: Document, name: str) -> Document | None:
    return None if said.get(name) is None else _object(said, name)


def _list(said: Document, name: str) -> list[Any]:
    value = said.get(name, [])
    if not isinstance(value, list):
        raise _Doubt(f"{name} is no list")
    return value
