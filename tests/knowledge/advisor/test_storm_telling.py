"""How a storm is told: delays, attempts, and a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.advice import Advice, Decision, Strategy
from knowledge.advisor.storm_telling import asker_of, tell
from knowledge.advisor.storms import Asker, Canary, Meeting, Role, Storm, StormState
from knowledge.failures import Action, DecisionAction, Failure, Verdict
from knowledge.store.ids import uuid7
from tests.knowledge.advisor.making import NOW, numbered

STORM = Storm(
    id=numbered(900),
    precedent_id=numbered(901),
    state=StormState.ACTIVE,
    since=NOW - timedelta(minutes=1),
    ends_at=NOW + timedelta(minutes=20),
    latest_end=NOW + timedelta(days=1),
    wait_s=60.0,
    next_try_at=NOW + timedelta(seconds=60),
    usual_runs=0.05,
    canary=Canary(numbered(1), "r-1", 1),
    runs=200,
    incidents=500,
)
RECOVERED = replace(STORM, state=StormState.RECOVERED, ends_at=NOW)
EXPIRED = replace(STORM, ends_at=NOW)


def advised(
    action: str = "retry", *, delay: float | None = 20.0, attempts: int | None = 5, verdict: str = "transient"
) -> Advice:
    """Advice with a decision."""
    return Advice(
        verdict=Verdict(verdict),
        confidence=0.9,
        cause=None,
        decision=Decision(DecisionAction(action), "Because.", delay if action == "retry" else None, attempts),
        strategy=Strategy(Action.RETRY_WITH_BACKOFF, multiplier=2.0, max_delay_s=600.0, jitter="full"),
        precedent=None,
        seen_before=True,
        evidence=(),
    )


def told(meeting: Meeting, advice: Advice | None = None, **failure: Any) -> Advice:
    """What the run `r-2` is told."""
    advice = advice or advised()
    failed = Failure(**{"text": "boom", "run_id": "r-2", "attempt": 1, "occurred_at": NOW, **failure})
    asker = asker_of(failed, advice=advice, incident_id=numbered(2), now=NOW)
    return tell(advice, meeting, asker=asker, max_attempts=failed.max_attempts, now=NOW)


def test_the_asker() -> None:
    """A clock that is ahead is now; the failure's own wait is the least."""
    failed = Failure(run_id="r", attempt=2, max_attempts=3, external_id="x", occurred_at=NOW + timedelta(hours=5))
    asker = asker_of(failed, advice=advised(), incident_id=numbered(2), now=NOW)

    assert Asker(numbered(2), "r", NOW, attempt=2, external_id="x", floor_s=20.0) == asker


@pytest.mark.parametrize(
    ("action", "attempt", "most", "expected"),
    [
        ("retry", 1, None, True),
        ("default", 9, None, True),
        ("fail", 1, None, False),
        ("retry", 3, 3, False),
        ("retry", 2, 3, True),
    ],
)
def test_who_may_try(action: str, attempt: int, most: int | None, *, expected: bool) -> None:
    """Not what must stop, and not who has no attempt left."""
    failed = Failure(run_id="r", attempt=attempt, max_attempts=most)

    assert expected is asker_of(failed, advice=advised(action), incident_id=numbered(2), now=NOW).may_try


def test_canary_tries_when_the_wait_is_over() -> None:
    """Or when its own is; the sentence says why."""
    advice = told(Meeting(STORM, Role.CANARY))
    later = told(Meeting(STORM, Role.CANARY), advised(delay=500.0))

    assert (60.0, 500.0) == (advice.decision.retry_delay_s, later.decision.retry_delay_s)
    assert (
        "Because. This is a storm: it has hit 200 runs since 11:59:00 UTC. "
        "This run tries first, for all; the others hold until it has told."
    ) == advice.decision.reason
    assert advice.storm is not None
    assert ("active", "canary", 200, 500, STORM.next_try_at) == (
        advice.storm.state,
        advice.storm.role,
        advice.storm.runs,
        advice.storm.incidents,
        advice.storm.next_try_at,
    )


@given(st.lists(st.builds(uuid7), min_size=50, max_size=50))
def test_others_come_back_one_by_one(ids: list[Any]) -> None:
    """After the canary is expected to have told, spread over a second for each run."""
    advice, failed = advised(), Failure(run_id="r", attempt=1)
    delays = []
    for id in ids:
        asker = asker_of(failed, advice=advice, incident_id=id, now=NOW)
        decision = tell(advice, Meeting(STORM, Role.HOLD), asker=asker, max_attempts=None, now=NOW).decision
        delays.append(decision.retry_delay_s or 0.0)

    assert all(180 <= delay <= 180 + 200 for delay in delays)
    assert 50 > max(delays) - 360 or max(delays) <= 380
    assert len(set(delays)) > 45


@pytest.mark.parametrize(
    ("decided", "attempt", "most", "expected"),
    [(5, 1, None, 5), (5, 5, None, 6), (None, 3, None, 4), (5, 5, 6, 6), (9, 1, 4, 4)],
)
def test_attempts_in_a_storm(decided: int | None, attempt: int, most: int | None, expected: int) -> None:
    """One more is worth making, within what the caller has."""
    advice = told(Meeting(STORM, Role.HOLD), advised(attempts=decided), attempt=attempt, max_attempts=most)

    assert expected == advice.decision.max_attempts


def test_unsure_advice_becomes_a_retry() -> None:
    """The caller's own policy would have retried: what said otherwise is left out."""
    advice = told(Meeting(STORM, Role.HOLD), advised("default"))

    assert (DecisionAction.RETRY, Action.RETRY_AFTER_DELAY) == (advice.decision.action, advice.strategy.action)
    assert (
        "This is a storm: it has hit 200 runs since 11:59:00 UTC. "
        "One run tries for all at 12:01:00 UTC; this run holds until after that."
    ) == advice.decision.reason


@pytest.mark.parametrize("storm", [STORM, RECOVERED, EXPIRED])
def test_whoever_must_stop_stops(storm: Storm) -> None:
    """And is told of the storm."""
    before = advised("fail")
    advice = told(Meeting(storm, Role.NONE), before)

    assert replace(before.decision, reason="") == replace(advice.decision, reason="")
    assert advice.decision.reason.startswith("Because. ")
    assert advice.storm is not None


@pytest.mark.parametrize("action", ["default", "fail"])
def test_genuine_failure_holds_for_nobody(action: str) -> None:
    """A bad deploy hits many: the others keep what they were told, and hear of the storm after it."""
    before = advised(action, verdict="genuine")
    advice = told(Meeting(STORM, Role.HOLD), before)

    said = "Because. This is a storm: it has hit 200 runs since 11:59:00 UTC."
    assert (replace(before.decision, reason=said), before.strategy) == (advice.decision, advice.strategy)
    assert ("active", "none") == (advice.storm and advice.storm.state, advice.storm and advice.storm.role)


@pytest.mark.parametrize(
    ("verdict", "others"), [("genuine", "keep what they are told"), ("unknown", "hold until it has told")]
)
def test_canary_keeps_the_reason(verdict: str, others: str) -> None:
    """One run puts the verdict to the test; what was known of the failure is still said."""
    advice = told(Meeting(STORM, Role.CANARY), advised("default", verdict=verdict))

    assert (DecisionAction.RETRY, 60.0) == (advice.decision.action, advice.decision.retry_delay_s)
    assert advice.decision.reason.startswith("Because. This is a storm: it has hit 200 runs")
    assert advice.decision.reason.endswith(f"This run tries first, for all; the others {others}.")
    assert ("canary", verdict) == (advice.storm and advice.storm.role, advice.verdict)


@pytest.mark.parametrize(
    ("action", "verdict"), [("retry", "transient"), ("default", "genuine"), ("default", "unknown")]
)
def test_recovery_spreads_retries_of_what_failed_before(action: str, verdict: str) -> None:
    """What failed after the end is no failure of the storm, and keeps its own decision."""
    before = told(
        Meeting(RECOVERED, Role.NONE), advised(action, verdict=verdict), occurred_at=NOW - timedelta(seconds=1)
    ).decision
    own = advised(action, delay=300.0, verdict=verdict)
    after = told(Meeting(RECOVERED, Role.NONE), own)

    ended = "Because. The storm of this over 200 runs since 11:59:00 UTC has ended: a retry passed at 12:00:00 UTC."
    assert (DecisionAction.RETRY, f"{ended} Retries are spread so that not all come at once.") == (
        before.action,
        before.reason,
    )
    assert 0 <= (before.retry_delay_s or 0) <= 200
    assert (replace(own.decision, reason=ended), own.strategy) == (after.decision, after.strategy)


def test_storm_that_ended_by_itself_changes_nothing() -> None:
    """But it is told."""
    advice = told(Meeting(EXPIRED, Role.NONE))

    assert 20.0 == advice.decision.retry_delay_s
    assert "ended by itself at 12:00:00 UTC" in advice.decision.reason
    assert advice.storm is not None
    assert ("expired", None) == (advice.storm.state, advice.storm.next_try_at)


def test_storm_without_a_canary_says_when() -> None:
    """Nobody tries just now."""
    advice = told(Meeting(replace(STORM, canary=None), Role.HOLD))

    assert "The next try is due at 12:01:00 UTC; this run holds until after that." in advice.decision.reason
