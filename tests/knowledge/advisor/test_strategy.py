"""From a judgement to a strategy and a decision."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.advice import Decision, Judgement
from knowledge.advisor.strategy import decide, plan, schedule_of
from knowledge.failures import Action, Cause, DecisionAction, Verdict
from tests.knowledge.advisor.making import judgement

FAIL_FROM = 0.9


def decided(made: Judgement, *, attempt: int = 1, max_attempts: int | None = None) -> Decision:
    """The decision on a judgement."""
    return decide(
        made, strategy=plan(made), fail_from=FAIL_FROM, attempt=attempt, max_attempts=max_attempts, reason="Because."
    )


@pytest.mark.parametrize(
    ("verdict", "cause", "said", "expected"),
    [
        ("transient", Cause.RATE_LIMIT, None, Action.RETRY_WITH_BACKOFF),
        ("transient", Cause.PREEMPTION, None, Action.RETRY_NOW),
        ("transient", Cause.HARDWARE, None, Action.RETRY_ELSEWHERE),
        ("transient", Cause.RATE_LIMIT, Action.RETRY_AFTER_DELAY, Action.RETRY_AFTER_DELAY),
        ("transient", None, None, Action.RETRY_WITH_BACKOFF),
        ("transient", None, Action.FIX_THEN_RERUN, Action.RETRY_WITH_BACKOFF),
        ("transient", Cause.MODEL_QUALITY, None, Action.RETRY_WITH_BACKOFF),
        ("genuine", Cause.CODE_DEFECT, None, Action.FIX_THEN_RERUN),
        ("genuine", Cause.RATE_LIMIT, Action.RETRY_WITH_BACKOFF, Action.FIX_THEN_RERUN),
        ("genuine", Cause.RESOURCE_LIMIT, None, Action.RETRY_WITH_MORE_RESOURCES),
        ("genuine", None, Action.ESCALATE, Action.ESCALATE),
        ("genuine", Cause.MODEL_QUALITY, None, Action.ESCALATE),
        ("unknown", None, None, Action.ESCALATE),
        ("unknown", None, Action.RETRY_NOW, Action.ESCALATE),
    ],
)
def test_action_fits_the_verdict(verdict: str, cause: Cause | None, said: Action | None, expected: Action) -> None:
    """What was said, where it fits; else what is usual for the cause."""
    assert expected is plan(judgement(verdict, cause=cause, action=said)).action


def test_only_retries_have_waits() -> None:
    """With jitter where they grow."""
    backoff, fix = plan(judgement(cause=Cause.RATE_LIMIT)), plan(judgement("genuine", cause=Cause.CODE_DEFECT))

    assert ("full", True) == (backoff.jitter, (backoff.multiplier or 0) > 1)
    assert (None, None, None) == (fix.multiplier, fix.max_delay_s, fix.jitter)


@pytest.mark.parametrize(("confidence", "expected"), [(0.99, "fail"), (0.9, "fail"), (0.89, "default")])
def test_fail_only_when_sure(confidence: float, expected: str) -> None:
    """A wrong "fail" is worse than a wasted retry."""
    assert expected == decided(judgement("genuine", confidence=confidence)).action.value


def test_unknown_leaves_the_policy_to_the_caller() -> None:
    """With the reason, and nothing else."""
    assert Decision(action=DecisionAction.DEFAULT, reason="Because.") == decided(judgement("unknown", confidence=0.5))


def test_delays_grow_to_a_bound() -> None:
    """Attempt by attempt, until no more are worth making."""
    made = judgement(cause=Cause.RATE_LIMIT)
    schedule = schedule_of(Action.RETRY_WITH_BACKOFF, Cause.RATE_LIMIT)
    assert schedule is not None
    decisions = [decided(made, attempt=attempt) for attempt in range(1, schedule.attempts + 2)]
    delays = [each.retry_delay_s or 0.0 for each in decisions[: schedule.attempts - 1]]

    assert sorted(delays) == delays
    assert (schedule.first_s, True) == (delays[0], max(delays) <= schedule.longest_s)
    assert ["default"] * 2 == [each.action.value for each in decisions[schedule.attempts - 1 :]]
    assert "own policy decides" in decisions[-1].reason


def test_callers_own_bound_counts() -> None:
    """The fewer attempts of the two."""
    made = judgement(cause=Cause.RATE_LIMIT)

    assert (DecisionAction.RETRY, 2) == (
        decided(made, attempt=1, max_attempts=2).action,
        decided(made, attempt=1, max_attempts=2).max_attempts,
    )
    assert DecisionAction.DEFAULT is decided(made, attempt=2, max_attempts=2).action
    assert decided(made).max_attempts == decided(made, max_attempts=1_000).max_attempts


@given(
    made=st.builds(
        judgement,
        st.sampled_from([each.value for each in Verdict]),
        confidence=st.floats(0.5, 1),
        cause=st.none() | st.sampled_from(Cause),
        action=st.none() | st.sampled_from(Action),
    ),
    attempt=st.integers(1, 10**6),
    max_attempts=st.none() | st.integers(1, 10**6),
)
def test_no_decision_is_absurd(made: Judgement, attempt: int, max_attempts: int | None) -> None:
    """Delays are finite and bounded, retries end, and only the genuine fail."""
    decision: Any = decided(made, attempt=attempt, max_attempts=max_attempts)

    if decision.action is DecisionAction.RETRY:
        assert made.verdict is Verdict.TRANSIENT
        assert 0 <= decision.retry_delay_s <= 3_600
        assert attempt < decision.max_attempts
    if decision.action is DecisionAction.FAIL:
        assert made.verdict is Verdict.GENUINE
        assert made.confidence >= FAIL_FROM


def test_what_nothing_is_near_to_is_not_stopped() -> None:
    """However sure far neighbours are together."""
    assert "default" == decided(judgement("genuine", confidence=0.99, nearest=0.5)).action.value
