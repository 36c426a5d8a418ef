"""How a storm is told: the decision while it goes on and after it, and a sentence that says so in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from knowledge.advisor.advice import Advice, Decision, StormNotice, Strategy
from knowledge.advisor.storms import LONGEST_WAIT_S, Asker, Meeting, Role, Storm, StormState
from knowledge.failures import Action, DecisionAction, Failure, Verdict


def asker_of(failure: Failure, *, advice: Advice, incident_id: UUID, now: datetime) -> Asker:
    """The failure as one that asks; it has a `run_id`. A time that lies ahead is now."""
    decision = advice.decision
    used_up = failure.max_attempts is not None and (failure.attempt or 1) >= failure.max_attempts
    return Asker(
        incident_id=incident_id,
        run_id=failure.run_id or "",
        at=min(failure.occurred_at or now, now),
        attempt=failure.attempt,
        external_id=failure.external_id,
        floor_s=_own_delay(decision),
        may_try=decision.action is not DecisionAction.FAIL and not used_up,
        pipeline=failure.pipeline,
    )


def tell(advice: Advice, meeting: Meeting, *, asker: Asker, max_attempts: int | None, now: datetime) -> Advice:
    """The advice with the storm in it. The vocabulary stays: who holds retries later, and who must stop still stops."""
    meeting = _as_judged(meeting, verdict=advice.verdict)
    storm, state = meeting.storm, meeting.storm.state_at(now)
    delay = _delay(meeting, asker=asker, now=now)
    sentence = _sentence(meeting, verdict=advice.verdict, delay=delay, now=now)
    told = replace(advice, storm=_notice(meeting, state=state))
    if delay is None:
        return replace(told, decision=replace(advice.decision, reason=f"{advice.decision.reason} {sentence}"))
    retried = advice.decision.action is DecisionAction.RETRY
    # Where a transient failure was left to the caller's own policy the reason says so, which is no longer true.
    still_true = retried or advice.verdict is not Verdict.TRANSIENT
    decision = Decision(
        action=DecisionAction.RETRY,
        reason=f"{advice.decision.reason} {sentence}" if still_true else sentence,
        retry_delay_s=round(delay, 3),
        max_attempts=_attempts(advice.decision, asker=asker, most=max_attempts),
    )
    return replace(told, decision=decision, strategy=advice.strategy if retried else _strategy(advice, storm))


def _as_judged(meeting: Meeting, *, verdict: Verdict) -> Meeting:
    """What is judged genuine (a bad deploy, say) holds nobody: one run puts that to the test, the others go by it."""
    if meeting.role is Role.HOLD and verdict is Verdict.GENUINE:
        return replace(meeting, role=Role.NONE)
    return meeting


def _notice(meeting: Meeting, *, state: StormState) -> StormNotice:
    storm = meeting.storm
    return StormNotice(
        id=storm.id,
        state=state.value,
        role=meeting.role.value,
        since=storm.since,
        runs=storm.runs,
        incidents=storm.incidents,
        next_try_at=storm.next_try_at if state is StormState.ACTIVE else None,
    )


def _own_delay(decision: Decision) -> float:
    return decision.retry_delay_s or 0.0 if decision.action is DecisionAction.RETRY else 0.0


def _delay(meeting: Meeting, *, asker: Asker, now: datetime) -> float | None:
    """Seconds until the retry; None where the storm changes nothing."""
    storm = meeting.storm
    match meeting.role:
        case Role.CANARY:
            return max(asker.floor_s, (storm.next_try_at - now).total_seconds())
        case Role.HOLD:
            told = max((storm.told_by - now).total_seconds(), asker.floor_s)
            return told + _jitter(asker.incident_id, most=storm.spread_s)
        case Role.NONE if storm.state is StormState.RECOVERED and asker.may_try and asker.at < storm.ends_at:
            # It need not wait any longer, but for the others. What failed after the end is no failure of the storm.
            return _jitter(asker.incident_id, most=storm.spread_s)
    return None


def _jitter(id: UUID, *, most: float) -> float:
    """Evenly between 0 and `most` seconds, from the random bits of a UUID (RFC 9562: the last 62)."""
    return most * (id.int & ((1 << 53) - 1)) / (1 << 53)


def _attempts(decision: Decision, *, asker: Asker, most: int | None) -> int:
    """One more is worth making, whatever was spent on the outage so far."""
    wanted = max(decision.max_attempts or 0, (asker.attempt or 1) + 1)
    return min(wanted, most) if most is not None else wanted


def _strategy(advice: Advice, storm: Storm) -> Strategy:
    longest = max(storm.wait_s, LONGEST_WAIT_S)
    return replace(advice.strategy, action=Action.RETRY_AFTER_DELAY, multiplier=2.0, max_delay_s=longest, jitter="full")


def _sentence(meeting: Meeting, *, verdict: Verdict, delay: float | None, now: datetime) -> str:
    storm, hit = meeting.storm, _hit(meeting.storm)
    match storm.state_at(now):
        case StormState.RECOVERED:
            passed = f"The storm of this over {hit} has ended: a retry passed at {_clock(storm.ends_at)}."
            return passed if delay is None else f"{passed} Retries are spread so that not all come at once."
        case StormState.EXPIRED:
            return (
                f"A storm of this over {hit} ended by itself at {_clock(storm.ends_at)}, when nobody was hit any more."
            )
    match meeting.role:
        case Role.CANARY:
            others = "keep what they are told" if verdict is Verdict.GENUINE else "hold until it has told"
            return f"This is a storm: it has hit {hit}. This run tries first, for all; the others {others}."
        case Role.HOLD:
            return f"This is a storm: it has hit {hit}. {_who_tries(storm, now=now)}; this run holds until after that."
    return f"This is a storm: it has hit {hit}."


def _who_tries(storm: Storm, *, now: datetime) -> str:
    if storm.canary is None:
        return f"The next try is due at {_clock(storm.next_try_at)}"
    return f"One run {'tries' if storm.next_try_at > now else 'has tried'} for all at {_clock(storm.next_try_at)}"


def _hit(storm: Storm) -> str:
    return f"{storm.runs} {'run' if storm.runs == 1 else 'runs'} since {_clock(storm.since)}"


def _clock(moment: datetime) -> str:
    rounded = moment.astimezone(UTC) + timedelta(milliseconds=500)
    return f"{rounded:%H:%M:%S} UTC"
