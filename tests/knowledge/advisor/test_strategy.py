"""From a judgement to a strategy and a decision."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.advice import Decision, Judgement, Strategy
from knowledge.advisor.circumstances import Circumstances
from knowledge.advisor.hints import Hint
from knowledge.advisor.retrying import MOST_ATTEMPTS, Course
from knowledge.advisor.strategy import course_of, decide, hinted, plan, still_believed
from knowledge.failures import Action, Cause, DecisionAction, Verdict
from tests.knowledge.advisor.making import judgement

FAIL_FROM = 0.9


def decided(made: Judgement, *, attempt: int = 1, max_attempts: int | None = None, **said: Any) -> Decision:
    """The decision on a judgement."""
    circumstances = Circumstances(
        attempt=attempt, max_attempts=max_attempts, failed_waits=(None,) * min(attempt - 1, MOST_ATTEMPTS), **said
    )
    course = course_of(made, circumstances)
    return decide(made, course=course, circumstances=circumstances, fail_from=FAIL_FROM, reason="Because.")


def planned(made: Judgement, **said: Any) -> Strategy:
    """The strategy at the first attempt."""
    circumstances = Circumstances(**said)
    asked_to_wait = hinted(made, circumstances) is not None
    return plan(made, course=course_of(made, circumstances), asked_to_wait=asked_to_wait)


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
    assert expected is planned(judgement(verdict, cause=cause, action=said)).action


def test_only_retries_have_waits() -> None:
    """With jitter where they grow."""
    backoff, fix = planned(judgement(cause=Cause.RATE_LIMIT)), planned(judgement("genuine", cause=Cause.CODE_DEFECT))

    assert ("full", True) == (backoff.jitter, (backoff.multiplier or 0) > 1)
    assert (None, None, None) == (fix.multiplier, fix.max_delay_s, fix.jitter)


@pytest.mark.parametrize(("confidence", "expected"), [(0.99, "fail"), (0.9, "fail"), (0.89, "default")])
def test_fail_only_when_sure(confidence: float, expected: str) -> None:
    """A wrong "fail" is worse than a wasted retry."""
    assert expected == decided(judgement("genuine", confidence=confidence)).action.value


@pytest.mark.parametrize(
    ("confidence", "nearest", "said"),
    [
        (0.8999, 0.9, "That is not sure enough to stop a pipeline for it: 89.9 %, and it takes 90 %."),
        (0.99, 0.59, "No precedent is near enough to stop a pipeline for it."),
    ],
)
def test_a_cautious_decision_says_why(confidence: float, nearest: float, said: str) -> None:
    """Who reads "genuine" and is not told to stop asks."""
    assert f"Because. {said}" == decided(judgement("genuine", confidence=confidence, nearest=nearest)).reason


def test_where_nobody_is_told_to_stop_it_says_so() -> None:
    """A workspace whose bound is too small for what was measured."""
    found = judgement("genuine", confidence=0.999)
    never = decide(found, course=Course(), circumstances=Circumstances(), fail_from=1.01, reason="Because.")

    assert "Because. Here no pipeline is stopped, however sure it is." == never.reason


def test_unknown_leaves_the_policy_to_the_caller() -> None:
    """With the reason, and nothing else."""
    assert Decision(action=DecisionAction.DEFAULT, reason="Because.") == decided(judgement("unknown", confidence=0.5))


@pytest.mark.parametrize(
    ("action", "cause", "expected"),
    [
        (Action.RETRY_NOW, Cause.PREEMPTION, 0.0),
        (Action.RETRY_ELSEWHERE, Cause.HARDWARE, 2.0),
        (None, Cause.CONTENTION, 10.0),
        (None, Cause.NETWORK, 20.0),
        (None, Cause.RATE_LIMIT, 30.0),
        (None, Cause.SERVICE_UNAVAILABLE, 45.0),
        (Action.RETRY_AFTER_DELAY, Cause.RATE_LIMIT, 120.0),
        (Action.RETRY_AFTER_DELAY, None, 180.0),
    ],
)
def test_first_waits_are_the_documented_ones(action: Action | None, cause: Cause | None, expected: float) -> None:
    """As long as nobody said how retries ended."""
    assert expected == decided(judgement(cause=cause, action=action)).retry_delay_s


def test_waits_grow_and_end() -> None:
    """Attempt by attempt, until another one costs more than it would gain."""
    made = judgement(cause=Cause.RATE_LIMIT)
    most = decided(made).max_attempts or 0
    decisions = [decided(made, attempt=attempt) for attempt in range(1, most + 2)]
    delays = [each.retry_delay_s or 0.0 for each in decisions[: most - 1]]

    assert (True, True) == (delays == sorted(delays), delays[-1] > delays[0])
    assert (4 <= most <= MOST_ATTEMPTS, ["default"] * 2) == (
        True,
        [each.action.value for each in decisions[most - 1 :]],
    )
    assert "costs more than it would gain: your own policy decides." in decisions[-1].reason


def test_callers_own_bound_counts() -> None:
    """The fewer attempts of the two."""
    made = judgement(cause=Cause.RATE_LIMIT)
    first, last = (decided(made, attempt=attempt, max_attempts=2) for attempt in (1, 2))

    assert ((DecisionAction.RETRY, 2), (DecisionAction.DEFAULT, 2)) == (
        (first.action, first.max_attempts),
        (last.action, last.max_attempts),
    )
    assert "Attempt 2 was the last of 2: your own policy decides." in last.reason
    assert decided(made).max_attempts == decided(made, max_attempts=1_000).max_attempts


def test_hint_is_the_wait() -> None:
    """It wins over what is documented, and nobody comes back earlier by jitter."""
    made, asked = judgement(cause=Cause.RATE_LIMIT), Hint(7_200.0, asked=True)
    advised = planned(made, hint=asked)

    assert 7_200.0 == decided(made, hint=asked).retry_delay_s
    assert (None, 7_200.0) == (advised.jitter, advised.max_delay_s)


@pytest.mark.parametrize(("cause", "expected"), [(Cause.RATE_LIMIT, 1.0), (Cause.NETWORK, 20.0)])
def test_reset_of_a_limit_counts_where_the_limit_failed(cause: Cause, expected: float) -> None:
    """Such headers come with every answer."""
    assert expected == decided(judgement(cause=cause), hint=Hint(1.0, asked=False)).retry_delay_s


def test_much_spent_makes_cautious() -> None:
    """One retry, after a longer wait; what a resume saves is not at stake."""
    made, spent = judgement(cause=Cause.RATE_LIMIT), {"gpu_hours": 360}
    lightly, dearly, resumed = (
        decided(made, **said) for said in ({}, {"spent": spent}, {"spent": spent, "resume_saves": 1.0})
    )

    assert (DecisionAction.RETRY, 2, True) == (
        dearly.action,
        dearly.max_attempts,
        (dearly.retry_delay_s or 0) > (lightly.retry_delay_s or 0),
    )
    assert ((lightly.max_attempts or 0) > 3, lightly) == (True, resumed)


def test_failed_retries_support_a_genuine_verdict() -> None:
    """They make a surer one of it; of a transient or unknown failure they never make one that is told to stop."""
    doubted = judgement("genuine", confidence=0.85)

    assert ["default", "fail"] == [decided(doubted, attempt=attempt).action.value for attempt in (1, 3)]
    assert {"default"} == {
        decided(judgement(verdict, confidence=0.7), attempt=attempt).action.value
        for verdict in ("transient", "unknown")
        for attempt in (6, 9, 10**6)
    }


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
        assert attempt < decision.max_attempts <= max_attempts if max_attempts else attempt < decision.max_attempts
    if decision.action is DecisionAction.FAIL:
        assert made.verdict is Verdict.GENUINE
        assert made.confidence >= FAIL_FROM or attempt > 1


def test_what_nothing_is_near_to_is_not_stopped() -> None:
    """However sure far neighbours are together."""
    assert "default" == decided(judgement("genuine", confidence=0.99, nearest=0.5)).action.value


@pytest.mark.parametrize(
    ("verdict", "confidence", "expected"),
    [("transient", 0.95, "transient"), ("transient", 0.76, "unknown"), ("genuine", 0.8, "genuine")],
)
def test_failed_retries_of_the_run_speak_against_transient(verdict: str, confidence: float, expected: str) -> None:
    """What is no longer believed to be transient is unknown; only precedents make a failure genuine."""
    made = judgement(verdict, confidence=confidence, cause=Cause.NETWORK)
    fresh, tried = Circumstances(), Circumstances(attempt=4, failed_waits=(60.0, 120.0, 300.0))
    before = still_believed(made, course=course_of(made, fresh), circumstances=fresh)
    after = still_believed(made, course=course_of(made, tried), circumstances=tried)

    assert (made.verdict, confidence) == before
    assert (expected, True) == (after[0].value, after[1] != confidence)
    assert after[1] >= 0.5
