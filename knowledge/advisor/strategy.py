"""How to go on after a failure, by action and cause, and what the caller is told to do now."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.advisor.advice import Decision, Judgement, Strategy
from knowledge.failures import Action, Cause, DecisionAction, Verdict

#: What to do about a cause when no precedent names an action.
USUAL_ACTION: dict[Cause, Action] = {
    Cause.PREEMPTION: Action.RETRY_NOW,
    Cause.RATE_LIMIT: Action.RETRY_WITH_BACKOFF,
    Cause.NETWORK: Action.RETRY_WITH_BACKOFF,
    Cause.SERVICE_UNAVAILABLE: Action.RETRY_WITH_BACKOFF,
    Cause.CONTENTION: Action.RETRY_WITH_BACKOFF,
    Cause.HARDWARE: Action.RETRY_ELSEWHERE,
    Cause.RESOURCE_LIMIT: Action.RETRY_WITH_MORE_RESOURCES,
    Cause.MODEL_QUALITY: Action.ESCALATE,
}


#: However sure the neighbours are: what none of them is near to is not stopped.
FAIL_FROM_SIMILARITY = 0.6


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits in seconds: the first, how they grow, the longest; and how many attempts in all are worth making."""

    first_s: float
    multiplier: float
    longest_s: float
    attempts: int


NOW = Schedule(first_s=0.0, multiplier=1.0, longest_s=60.0, attempts=3)
#: By cause, from the documented practice of the services: locks clear in seconds, per-minute quotas in a minute,
#: restarts and failovers in some minutes (AWS Architecture Blog, "Exponential backoff and jitter"; Google API
#: "Retry strategy"). What a workspace measures replaces them as outcomes come in.
BACKOFF: dict[Cause | None, Schedule] = {
    Cause.CONTENTION: Schedule(first_s=5.0, multiplier=2.0, longest_s=120.0, attempts=6),
    Cause.NETWORK: Schedule(first_s=10.0, multiplier=2.0, longest_s=300.0, attempts=5),
    Cause.RATE_LIMIT: Schedule(first_s=30.0, multiplier=2.0, longest_s=600.0, attempts=5),
    Cause.SERVICE_UNAVAILABLE: Schedule(first_s=30.0, multiplier=2.0, longest_s=900.0, attempts=5),
    None: Schedule(first_s=20.0, multiplier=2.0, longest_s=600.0, attempts=4),
}
AFTER_DELAY: dict[Cause | None, Schedule] = {
    Cause.RATE_LIMIT: Schedule(first_s=120.0, multiplier=2.0, longest_s=3600.0, attempts=4),
    None: Schedule(first_s=300.0, multiplier=1.0, longest_s=1800.0, attempts=3),
}
ELSEWHERE = Schedule(first_s=5.0, multiplier=1.0, longest_s=60.0, attempts=3)


def plan(judgement: Judgement) -> Strategy:
    """The strategy that fits the judgement."""
    action = _action(judgement)
    schedule = schedule_of(action, judgement.cause)
    if schedule is None:
        return Strategy(action=action)
    jitter = "full" if schedule.multiplier > 1 else None
    return Strategy(action=action, multiplier=schedule.multiplier, max_delay_s=schedule.longest_s, jitter=jitter)


def _action(judgement: Judgement) -> Action:
    action = judgement.action or (USUAL_ACTION.get(judgement.cause) if judgement.cause else None)
    match judgement.verdict:
        case Verdict.TRANSIENT if action in {None, Action.FIX_THEN_RERUN, Action.ESCALATE}:
            return Action.RETRY_WITH_BACKOFF
        case Verdict.GENUINE if action not in {Action.ESCALATE, Action.RETRY_WITH_MORE_RESOURCES}:
            return Action.FIX_THEN_RERUN
        case Verdict.UNKNOWN:
            return Action.ESCALATE
    return action or Action.ESCALATE


def schedule_of(action: Action, cause: Cause | None) -> Schedule | None:
    """The waits of an action; None when it is no retry."""
    match action:
        case Action.RETRY_NOW:
            return NOW
        case Action.RETRY_WITH_BACKOFF:
            return BACKOFF.get(cause, BACKOFF[None])
        case Action.RETRY_AFTER_DELAY:
            return AFTER_DELAY.get(cause, AFTER_DELAY[None])
        case Action.RETRY_ELSEWHERE:
            return ELSEWHERE
        case _:
            return None


def decide(
    judgement: Judgement, *, strategy: Strategy, fail_from: float, attempt: int, max_attempts: int | None, reason: str
) -> Decision:
    """Retry what is transient, stop what is surely genuine (`fail_from`: the least confidence), else `default`."""
    match judgement.verdict:
        case Verdict.GENUINE if judgement.confidence >= fail_from and judgement.nearest >= FAIL_FROM_SIMILARITY:
            return Decision(action=DecisionAction.FAIL, reason=reason)
        case Verdict.TRANSIENT:
            return _retry(judgement, strategy=strategy, attempt=attempt, max_attempts=max_attempts, reason=reason)
        case _:
            return Decision(action=DecisionAction.DEFAULT, reason=reason)


def _retry(
    judgement: Judgement, *, strategy: Strategy, attempt: int, max_attempts: int | None, reason: str
) -> Decision:
    schedule = schedule_of(strategy.action, judgement.cause) or NOW
    attempts = min(schedule.attempts, max_attempts) if max_attempts else schedule.attempts
    if attempt >= attempts:
        worn = f"{reason} Attempt {attempt} of {attempts} worth making has been used: your own policy decides."
        return Decision(action=DecisionAction.DEFAULT, reason=worn, max_attempts=attempts)
    # The exponent is bounded: attempts come from callers.
    delay = min(schedule.longest_s, schedule.first_s * schedule.multiplier ** min(attempt - 1, 30))
    return Decision(action=DecisionAction.RETRY, reason=reason, retry_delay_s=delay, max_attempts=attempts)
