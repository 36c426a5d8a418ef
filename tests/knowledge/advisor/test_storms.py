"""Storms, the pure part: the test, who tries and who holds, and the wait they share."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.storms import (
    FIRST_WAIT_S,
    LEAST_RUNS,
    LONGEST,
    LONGEST_WAIT_S,
    MOST_CHANCE,
    QUIET,
    TELL_S,
    TOLD_FOR,
    WINDOW,
    Asker,
    Canary,
    Meeting,
    RetryTold,
    Role,
    Sight,
    Storm,
    StormState,
    Usual,
    Write,
    after_retry,
    is_storm,
    look_on,
    meet,
    upper_tail,
    worth_asking,
)
from tests.knowledge.advisor.making import NOW, numbered

NEW, PRECEDENT = numbered(900), numbered(901)
QUIET_PAST = Usual(hits=0, windows=4_000)


def after(seconds: float) -> datetime:
    """So long after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def asker(number: int = 1, **said: object) -> Asker:
    """A failure of the run of that number, now."""
    return replace(Asker(numbered(number), run_id=f"r-{number}", at=NOW, attempt=1), **said)  # type: ignore[arg-type]


def told(sight: Sight, by: Asker, now: datetime = NOW) -> Meeting | None:
    """What is told."""
    return meet(sight, by, now=now, new_id=NEW, precedent_id=PRECEDENT)


def begun(by: Asker | None = None) -> Storm:
    """A storm of three runs, just begun by the first."""
    meeting = told(Sight(None, runs=3, since=after(-60), usual=QUIET_PAST), by or asker())
    assert meeting is not None
    return meeting.storm


def joined(storm: Storm, by: Asker, now: datetime) -> Meeting:
    """What a failure meets in a storm."""
    meeting = told(Sight(storm), by, now)
    assert meeting is not None
    return meeting


@given(n=st.integers(0, 60), tenths=st.integers(1, 400))
def test_tail_is_exact(n: int, tenths: int) -> None:
    """Against the sum in fractions, to ten digits."""
    mean = Fraction(tenths, 10)
    terms = (mean**k / math.factorial(k) for k in range(n, n + 250))
    expected = float(sum(terms)) * math.exp(-float(mean))

    assert expected == pytest.approx(upper_tail(n, float(mean)), rel=1e-10)


@given(n=st.integers(0, 20_000), mean=st.floats(1e-6, 20_000))
def test_tail_is_a_chance_and_falls_with_the_number(n: int, mean: float) -> None:
    """However large both are."""
    assert 0 <= upper_tail(n + 1, mean) <= upper_tail(n, mean) + 1e-12 <= 1 + 2e-12


@pytest.mark.parametrize(
    ("runs", "usual", "expected"),
    [
        (2, QUIET_PAST, False),  # however rare it is
        (3, QUIET_PAST, True),
        (3, Usual(0, 0), True),  # nothing is known of the past
        (3, Usual(2, 6), False),  # twice in the last half hour
        (4, Usual(2, 6), True),
        (50, Usual(1_200, 24), False),
        (79, Usual(50 * 100_000, 100_000), True),
        (78, Usual(50 * 100_000, 100_000), False),
    ],
)
def test_storm_is_more_than_usual(runs: int, usual: Usual, *, expected: bool) -> None:
    """The test of the module's docstring."""
    assert expected is is_storm(runs, usual=usual)


@given(runs=st.integers(0, 300), hits=st.integers(0, 10_000), windows=st.floats(0, 4_032))
def test_more_runs_are_no_less_a_storm(runs: int, hits: int, windows: float) -> None:
    """And what is usual makes no storm."""
    usual = Usual(hits, windows)

    assert is_storm(runs, usual=usual) <= is_storm(runs + 1, usual=usual)
    assert not is_storm(min(runs, math.floor(usual.runs)), usual=usual)
    assert not is_storm(min(runs, LEAST_RUNS - 1), usual=usual)


def test_first_to_see_it_is_the_canary() -> None:
    """It tries after the first wait; the storm began when its first failure occurred."""
    meeting = told(Sight(None, runs=3, since=after(-60), usual=QUIET_PAST), asker(7))

    assert meeting is not None
    assert (Role.CANARY, Write.OPEN, NEW) == (meeting.role, meeting.write, meeting.storm.id)
    assert (after(-60), after(FIRST_WAIT_S)) == (meeting.storm.since, meeting.storm.next_try_at)
    assert Canary(numbered(7), "r-7", 1) == meeting.storm.canary


def test_failure_without_a_storm() -> None:
    """Too few runs, too usual, or too old a failure."""
    assert told(Sight(None, runs=2), asker()) is None
    assert told(Sight(None, runs=3, usual=Usual(50, 10)), asker()) is None
    assert told(Sight(None, runs=0), asker(at=after(-3600))) is None


def test_others_hold() -> None:
    """The storm stays as it is."""
    storm = begun()

    assert Meeting(storm, Role.HOLD) == joined(storm, asker(2), after(1))
    assert Meeting(storm, Role.HOLD) == joined(storm, asker(2, run_id="r-1"), after(1))


def test_run_of_that_name_in_another_pipeline_is_another() -> None:
    """It is not the canary that comes back, passes for it, or has failed as it."""
    storm = begun(asker(1, pipeline="fraud"))
    other = asker(50, run_id="r-1", attempt=2, pipeline="churn")
    passed = RetryTold(succeeded=True, incident_id=numbered(8), run_id="r-1", attempt=2, pipeline="churn")
    failed = after_retry(storm, replace(passed, succeeded=False, pipeline="fraud"), now=NOW)
    assert failed is not None

    assert Meeting(storm, Role.HOLD) == joined(storm, other, after(1))
    assert after_retry(storm, passed, now=after(70)) is None
    assert [Role.CANARY, Role.HOLD] == [
        joined(failed, each, after(1)).role for each in (other, replace(other, pipeline="fraud"))
    ]


@pytest.mark.parametrize("again", [{"incident_id": numbered(1)}, {"external_id": "x"}])
def test_canary_told_twice_is_one(again: dict[str, object]) -> None:
    """The same report, at the same moment by another way."""
    storm = begun(asker(1, external_id="x"))

    assert Meeting(storm, Role.CANARY) == joined(storm, asker(50, **again), after(1))


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ({"attempt": 2}, True),
        ({"attempt": 1}, False),
        ({"attempt": None, "at": after(FIRST_WAIT_S)}, True),
        ({"attempt": None, "at": after(FIRST_WAIT_S - 1)}, False),
    ],
)
def test_canary_that_comes_back_has_failed(back: dict[str, object], *, expected: bool) -> None:
    """Then the wait doubles, and its place is free: for another run."""
    now = after(FIRST_WAIT_S + 1)
    meeting = joined(begun(), asker(50, run_id="r-1", **back), now)

    assert (Role.HOLD, expected) == (meeting.role, meeting.write is Write.MOVE)
    assert (FIRST_WAIT_S * (2 if expected else 1)) == meeting.storm.wait_s
    if expected:
        assert (None, now + timedelta(seconds=2 * FIRST_WAIT_S)) == (meeting.storm.canary, meeting.storm.next_try_at)
        assert Role.HOLD is joined(meeting.storm, asker(51, run_id="r-1"), now).role
        assert Role.CANARY is joined(meeting.storm, asker(2), now).role


def test_next_canary_shares_the_wait() -> None:
    """It tries when the wait that runs already is over, or when its own is."""
    storm = after_retry(begun(), RetryTold(succeeded=False, incident_id=numbered(1), run_id="r-1"), now=NOW)
    assert storm is not None
    later = after(30)

    assert storm.next_try_at == joined(storm, asker(2), later).storm.next_try_at
    assert later + timedelta(hours=2) == joined(storm, asker(2, floor_s=7_200), later).storm.next_try_at


def test_failed_canary_tries_again_when_nobody_else_asks() -> None:
    """Somebody must."""
    failed = after_retry(begun(), RetryTold(succeeded=False, incident_id=numbered(1), run_id="r-1"), now=NOW)
    assert failed is not None

    assert Role.HOLD is joined(failed, asker(50, run_id="r-1", attempt=2), after(1)).role
    assert Role.CANARY is joined(failed, asker(50, run_id="r-1", attempt=2), failed.told_by).role


def test_silent_canary_loses_its_place() -> None:
    """When its wait and the time to tell are over, and not before."""
    storm = begun()
    over = FIRST_WAIT_S + TELL_S
    meeting = joined(storm, asker(2), after(over))

    assert Role.HOLD is joined(storm, asker(2), after(over - 0.001)).role
    assert (Role.CANARY, Write.MOVE, "r-2") == (
        meeting.role,
        meeting.write,
        meeting.storm.canary and meeting.storm.canary.run_id,
    )
    assert after(over + FIRST_WAIT_S) == meeting.storm.next_try_at


def test_own_wait_is_the_least() -> None:
    """What the text asks for goes before the shared wait, and beyond the longest."""
    hour = begun(asker(1, floor_s=3_600))
    failed = after_retry(hour, RetryTold(succeeded=False, incident_id=numbered(1), run_id="r-1"), now=after(3_700))

    assert (3_600, after(3_600)) == (hour.wait_s, hour.next_try_at)
    assert failed is not None
    assert 3_600 == failed.wait_s


def test_who_must_not_try() -> None:
    """It counts, and makes way for others."""
    sight = Sight(None, runs=3, usual=QUIET_PAST)
    meeting = told(sight, asker(1, may_try=False))

    assert meeting is not None
    assert (Role.NONE, Write.OPEN, None) == (meeting.role, meeting.write, meeting.storm.canary)
    assert Role.NONE is joined(meeting.storm, asker(2, may_try=False), after(1)).role
    assert Role.CANARY is joined(meeting.storm, asker(3), after(1)).role


@pytest.mark.parametrize(
    ("told_of", "seconds", "expected"),
    [
        (RetryTold(succeeded=True, incident_id=numbered(1), run_id="r-1"), 70, StormState.RECOVERED),
        (RetryTold(succeeded=True, incident_id=numbered(8), run_id="r-1", attempt=2), 70, StormState.RECOVERED),
        (RetryTold(succeeded=True, incident_id=numbered(8), run_id="r-1", attempt=1), 70, None),
        (RetryTold(succeeded=True, incident_id=numbered(8), run_id="r-8", attempt=2), 70, None),
        (RetryTold(succeeded=True, incident_id=numbered(8), run_id="r-8"), 180, StormState.RECOVERED),
        (RetryTold(succeeded=False, incident_id=numbered(1), run_id="r-1"), 70, StormState.ACTIVE),
        (RetryTold(succeeded=False, incident_id=numbered(8), run_id="r-8"), 180, None),
        (RetryTold(succeeded=False, incident_id=numbered(8), run_id="r-1", attempt=1), 70, None),
        (RetryTold(succeeded=True, incident_id=numbered(1), run_id="r-1"), 10**6, None),
    ],
)
def test_what_retries_tell(told_of: RetryTold, seconds: float, expected: StormState | None) -> None:
    """The canary's counts; that of others only when it passes after the canary's time."""
    storm = after_retry(begun(), told_of, now=after(seconds))

    assert expected == (storm and storm.state)
    assert storm is None or storm.state is StormState.ACTIVE or after(seconds) == storm.ends_at


def test_recovery_is_told_for_a_while() -> None:
    """And then forgotten."""
    storm = after_retry(begun(), RetryTold(succeeded=True, incident_id=numbered(1), run_id="r-1"), now=after(70))
    assert storm is not None

    assert Meeting(storm, Role.NONE) == told(Sight(storm), asker(2), after(71))
    assert told(Sight(storm), asker(2), after(70) + TOLD_FOR) is None


def test_storm_that_comes_again_is_another() -> None:
    """With runs that failed after the end of the one before."""
    storm = after_retry(begun(), RetryTold(succeeded=True, incident_id=numbered(1), run_id="r-1"), now=after(70))
    again = told(Sight(storm, runs=3, since=after(80), usual=QUIET_PAST), asker(2, at=after(90)), after(90))

    assert again is not None
    assert (Write.OPEN, NEW, after(80)) == (again.write, again.storm.id, again.storm.since)


def test_storm_that_nobody_joins_expires() -> None:
    """Some time after those who hold would have come back."""
    storm = begun()
    over = storm.told_by + timedelta(seconds=storm.spread_s) + QUIET

    assert (over, StormState.ACTIVE, StormState.EXPIRED) == (
        storm.ends_at,
        storm.state_at(over - timedelta(seconds=1)),
        storm.state_at(over),
    )
    assert Meeting(storm, Role.NONE) == told(Sight(storm), asker(2), over)


def test_dry_run_claims_nothing() -> None:
    """Also where the canary's place is free."""
    storm = begun()

    assert Meeting(storm, Role.HOLD) == look_on(Sight(storm), asker(2), now=storm.told_by)
    assert Meeting(storm, Role.NONE) == look_on(Sight(storm), asker(2, may_try=False), now=NOW)
    assert look_on(Sight(None, runs=10, usual=QUIET_PAST), asker(2), now=NOW) is None
    assert look_on(Sight(storm), asker(2), now=storm.ends_at + TOLD_FOR) is None


@pytest.mark.parametrize(
    ("last_seen", "ends_at", "expected"),
    [
        (None, None, False),
        (NOW - WINDOW, None, False),
        (NOW - WINDOW / 2, None, True),
        (NOW - timedelta(days=1), NOW + QUIET, True),
        (NOW - timedelta(days=1), NOW - TOLD_FOR / 2, True),
        (NOW - timedelta(days=1), NOW - TOLD_FOR, False),
    ],
)
def test_looking_is_rarely_worth_it(last_seen: datetime | None, ends_at: datetime | None, *, expected: bool) -> None:
    """Seen just now, or stormed just now."""
    assert expected is worth_asking(last_seen=last_seen, storm_ends_at=ends_at, now=NOW)


events = st.lists(
    st.tuples(
        st.integers(0, 5),  # whose run
        st.sampled_from(["ask", "ask", "come back", "pass", "fail"]),
        st.floats(0, 400),  # seconds since the event before
        st.sampled_from([0.0, 0.0, 45.0, 4_000.0]),  # the wait that the failure asks for
    ),
    max_size=60,
)


@given(events=events)
def test_one_canary_at_a_time(events: list[tuple[int, str, float, float]]) -> None:
    """Whatever happens: a place is taken only when it is free, waits stay in bounds, and the end moves on."""
    storm, now, incidents, floors = begun(), NOW, 100, [FIRST_WAIT_S]
    attempts = dict.fromkeys(range(6), 1)
    latest: dict[int, UUID] = {1: numbered(1)}
    for run, event, seconds, floor in events:
        now, before, incidents = now + timedelta(seconds=seconds), storm, incidents + 1
        if not storm.is_active(now):
            break
        if event in {"pass", "fail"}:
            told_of = RetryTold(
                succeeded=event == "pass", incident_id=latest.get(run, numbered(1)), run_id=f"r-{run}", attempt=9
            )
            storm = after_retry(storm, told_of, now=now) or storm
        else:
            attempts[run] += event == "come back"
            floors.append(floor)
            latest[run] = numbered(incidents)
            by = asker(incidents, run_id=f"r-{run}", attempt=attempts[run], at=now, floor_s=floor)
            meeting = joined(storm, by, now)
            storm = meeting.storm
            if meeting.role is Role.CANARY:
                assert before.canary is None or now >= before.told_by
                assert storm.next_try_at >= now + timedelta(seconds=floor)
        assert FIRST_WAIT_S <= storm.wait_s <= max(LONGEST_WAIT_S, *floors)
        assert storm.ends_at <= storm.since + LONGEST
        if storm.is_active(now):
            assert storm.ends_at >= min(before.ends_at, storm.latest_end)
            assert storm.next_try_at >= before.next_try_at or now >= before.next_try_at or storm.canary is None


def test_chance_of_a_false_storm_is_below_the_bound() -> None:
    """For every usual number, the fewest runs that make a storm have less chance than that, and one fewer have more."""
    for hits in range(0, 3_000, 37):
        usual = Usual(hits, 24)
        fewest = next(n for n in range(1, 1_000) if is_storm(n, usual=usual))

        assert upper_tail(fewest, usual.runs) < MOST_CHANCE
        assert fewest == LEAST_RUNS or upper_tail(fewest - 1, usual.runs) >= MOST_CHANCE
