"""How to go on after a failure, by action and cause, and what the caller is told to do now."""

from __future__ import annotations

import math

from knowledge.advisor import retrying
from knowledge.advisor.advice import Decision, Judgement, Strategy
from knowledge.advisor.circumstances import Circumstances
from knowledge.advisor.retrying import Course, Prior
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
MOST_GROWTH = 3.0

#: When half of the troubles of an action and cause have cleared, and the longest usual wait. `half_s` is such that, as
#: long as there are no outcomes, the waits are those of documented practice: locks clear in seconds, per-minute quotas
#: in a minute, restarts and failovers in some minutes (AWS Architecture Blog, "Exponential backoff and jitter"; Google
#: API "Retry strategy").
NOW = Prior(half_s=0.05, longest_s=60.0)
ELSEWHERE = Prior(half_s=0.12, longest_s=60.0)
BACKOFF: dict[Cause | None, Prior] = {
    Cause.CONTENTION: Prior(half_s=0.6, longest_s=120.0),
    Cause.NETWORK: Prior(half_s=2.0, longest_s=300.0),
    Cause.RATE_LIMIT: Prior(half_s=5.0, longest_s=600.0),
    Cause.SERVICE_UNAVAILABLE: Prior(half_s=7.0, longest_s=900.0),
    None: Prior(half_s=3.0, longest_s=600.0),
}
AFTER_DELAY: dict[Cause | None, Prior] = {
    Cause.RATE_LIMIT: Prior(half_s=50.0, longest_s=3600.0),
    None: Prior(half_s=150.0, longest_s=1800.0),
}


def course_of(judgement: Judgement, circumstances: Circumstances) -> Course:
    """The retries worth making; none of what is not transient."""
    if judgement.verdict is not Verdict.TRANSIENT:
        return Course()
    return retrying.course(
        prior_of(_action(judgement), judgement.cause) or NOW,
        belief=judgement.confidence,
        experience=circumstances.experience,
        failed_waits=circumstances.failed_waits,
        stake=retrying.stake_of(circumstances.spent, resume_saves=circumstances.resume_saves),
        hint_s=hinted(judgement, circumstances),
    )


def hinted(judgement: Judgement, circumstances: Circumstances) -> float | None:
    """The wait that the service asks for. A limit's reset time counts only where the limit was what failed."""
    hint = circumstances.hint
    return None if hint is None or not (hint.asked or judgement.cause is Cause.RATE_LIMIT) else hint.wait_s


def plan(judgement: Judgement, *, course: Course, asked_to_wait: bool = False) -> Strategy:
    """The strategy that fits the judgement: how waits grow from one attempt worth making to the next.

    Who was asked to wait does not come back earlier by jitter.
    """
    action = _action(judgement)
    if not course.tries:
        return Strategy(action=action)
    multiplier = _growth([each.wait_s for each in course.tries])
    jitter = "full" if multiplier > 1 and not asked_to_wait else None
    return Strategy(action=action, multiplier=multiplier, max_delay_s=course.longest_s, jitter=jitter)


def _growth(waits: list[float]) -> float:
    """The factor that leads from the first to the last."""
    if len(waits) < 2 or not waits[0]:
        return 1.0
    growth = float((waits[-1] / waits[0]) ** (1 / (len(waits) - 1)))
    return round(min(growth, MOST_GROWTH), 1)


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


def prior_of(action: Action, cause: Cause | None) -> Prior | None:
    """What is documented of an action; None when it is no retry."""
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
    judgement: Judgement, *, course: Course, circumstances: Circumstances, fail_from: float, reason: str
) -> Decision:
    """Retry what is transient, stop what is surely genuine (`fail_from`: the least confidence), else `default`."""
    match judgement.verdict:
        case Verdict.GENUINE if _sure(judgement, circumstances) >= fail_from:
            return Decision(action=DecisionAction.FAIL, reason=reason)
        case Verdict.GENUINE:
            doubt = _doubt(judgement, circumstances, fail_from=fail_from)
            return Decision(action=DecisionAction.DEFAULT, reason=f"{reason} {doubt}")
        case Verdict.TRANSIENT:
            return _retry(course, circumstances=circumstances, reason=reason)
        case _:
            return Decision(action=DecisionAction.DEFAULT, reason=reason)


def still_believed(judgement: Judgement, *, course: Course, circumstances: Circumstances) -> tuple[Verdict, float]:
    """Verdict and confidence after the retries of this run that failed: each speaks against transient.

    What is no longer believed to be transient is unknown: only precedents make a failure genuine.
    """
    failed = len(circumstances.failed_waits)
    if not failed or judgement.verdict is Verdict.UNKNOWN:
        return judgement.verdict, judgement.confidence
    if judgement.verdict is Verdict.GENUINE:
        return Verdict.GENUINE, retrying.still_genuine(judgement.confidence, failed_retries=failed)
    return (Verdict.TRANSIENT, course.belief) if course.belief >= 0.5 else (Verdict.UNKNOWN, 0.5)


def _sure(judgement: Judgement, circumstances: Circumstances) -> float:
    """Retries that failed make a genuine failure surer; they never turn another verdict into one."""
    if judgement.nearest < FAIL_FROM_SIMILARITY:
        return 0.0
    return retrying.still_genuine(judgement.confidence, failed_retries=len(circumstances.failed_waits))


def _doubt(judgement: Judgement, circumstances: Circumstances, *, fail_from: float) -> str:
    """Why a genuine failure is not stopped."""
    if judgement.nearest < FAIL_FROM_SIMILARITY:
        return "No precedent is near enough to stop a pipeline for it."
    if fail_from > 1:
        return "Here no pipeline is stopped, however sure it is."
    sure = _sure(judgement, circumstances)
    return f"That is not sure enough to stop a pipeline for it: {_percent(sure)}, and it takes {_percent(fail_from)}."


def _percent(share: float) -> str:
    """With a tenth, cut off: what is not enough must not look like it."""
    return f"{math.floor(1_000 * share + 1e-9) / 10:g} %"


def _retry(course: Course, *, circumstances: Circumstances, reason: str) -> Decision:
    attempt, bound = circumstances.attempt, circumstances.max_attempts
    worth = attempt + len(course.tries)
    attempts = min(worth, bound) if bound else worth
    if attempt < attempts:
        delay = course.tries[0].wait_s
        return Decision(action=DecisionAction.RETRY, reason=reason, retry_delay_s=delay, max_attempts=attempts)
    why = (
        f"Attempt {attempt} was the last of {bound}"
        if course.tries
        else "Another attempt costs more than it would gain"
    )
    return Decision(
        action=DecisionAction.DEFAULT, reason=f"{reason} {why}: your own policy decides.", max_attempts=attempts
    )
