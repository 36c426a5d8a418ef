"""When to try again: chances, costs, and what outcomes change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.retrying import (
    CEILINGS,
    HALVES_S,
    MOST_ATTEMPTS,
    WAITS_S,
    Course,
    Experience,
    Prior,
    chances_by_wait,
    course,
    hours_of,
    monotone,
    stake_of,
    still_genuine,
)
from knowledge.retries import Fared

RATE_LIMIT = Prior(half_s=5.0, longest_s=600.0)
QUICK, SOON, MINUTES, LONG = 0, 1, 2, 3  # buckets: within 15 s, 1 min, 4 min, 15 min

fared = st.builds(
    Fared,
    st.none() | st.integers(0, 5),
    st.integers(2, 5),
    st.floats(0, 200),
    st.floats(0, 200),
)
experiences = st.builds(Experience, st.lists(fared, max_size=8).map(tuple), st.lists(fared, max_size=8).map(tuple))


def tries(
    own: Sequence[Fared] = (),
    *,
    cause: Sequence[Fared] = (),
    prior: Prior = RATE_LIMIT,
    belief: float = 0.95,
    failed: Sequence[float | None] = (),
    spent: dict[str, float] | None = None,
    **said: Any,
) -> Course:
    """The course after a rate limit that is most likely transient."""
    return course(
        prior,
        belief=belief,
        experience=Experience(tuple(own), tuple(cause)),
        failed_waits=failed,
        stake=stake_of(spent or {}),
        **said,
    )


def first_wait(*own: Fared, **said: Any) -> float:
    """The wait that is advised first."""
    return tries(own, **said).tries[0].wait_s


def test_outcomes_move_the_wait() -> None:
    """Ten of them: up past a minute where only long waits passed, and down where short ones did."""
    up = first_wait(Fared(QUICK, 2, 0, 5), Fared(LONG, 2, 5, 0))
    down = first_wait(Fared(QUICK, 2, 10, 0))

    assert (True, 30.0, True) == (up > 60, first_wait(), down <= 10)


@pytest.mark.parametrize("half_s", [0.05, 1.0, 80.0, 240.0])
def test_outcomes_outweigh_any_prior(half_s: float) -> None:
    """However far it is from them."""
    prior = Prior(half_s=half_s, longest_s=3_600.0)

    assert first_wait(Fared(QUICK, 2, 0, 5), Fared(LONG, 2, 5, 0), prior=prior) >= 60
    assert first_wait(Fared(QUICK, 2, 10, 0), prior=prior) <= 15


def test_thin_precedents_follow_their_cause() -> None:
    """And less so the more is known of themselves."""
    cause = [Fared(QUICK, 2, 0, 300), Fared(LONG, 2, 300, 0)]

    assert first_wait() < first_wait(cause=cause)
    assert first_wait(Fared(QUICK, 2, 30, 0), cause=cause) < first_wait(cause=cause)


def test_what_never_passed_is_not_retried() -> None:
    """Ten retries after minutes, all failed."""
    assert () == tries([Fared(MINUTES, 2, 0, 10)]).tries


def test_few_passes_may_be_false() -> None:
    """One in six passes when nothing has cleared: as good as none, while one in two is not."""
    assert () == tries([Fared(bucket, 2, 4, 21) for bucket in (SOON, MINUTES, LONG)]).tries
    assert tries([Fared(bucket, 2, 12, 13) for bucket in (SOON, MINUTES, LONG)]).tries


def test_longer_waits_count_beyond_what_is_usual() -> None:
    """Where retries passed after them."""
    contention = Prior(half_s=1.0, longest_s=120.0)

    assert (120.0, 480.0) == (
        tries(prior=contention).longest_s,
        tries([Fared(LONG, 2, 5, 0)], prior=contention).longest_s,
    )


def test_unsaid_waits_count_as_usual_ones() -> None:
    """The retries that passed or failed without saying after how long."""
    assert tries([Fared(SOON, 2, 0, 6)]) == tries([Fared(None, 2, 0, 6)])
    assert tries([Fared(QUICK, 2, 0, 6)]) != tries([Fared(None, 2, 0, 6)])


def test_later_attempts_are_judged_by_their_like() -> None:
    """First retries pass, second ones never did."""
    counted = [Fared(SOON, 2, 10, 10), Fared(MINUTES, 2, 5, 5)]
    hopeful = tries(counted)
    warned = tries([*counted, *(Fared(bucket, 3, 0, 20) for bucket in (SOON, MINUTES, LONG))])

    assert (True, True) == (len(hopeful.tries) > 2, 1 <= len(warned.tries) < len(hopeful.tries))


def test_hint_is_waited_for() -> None:
    """Each time, with no price on the wait, and an end."""
    waits = [each.wait_s for each in tries(hint_s=50_000.0).tries]

    assert ({50_000.0}, True) == (set(waits), 1 <= len(waits) < MOST_ATTEMPTS)


@given(experience=experiences, belief=st.floats(0, 1), hint_s=st.none() | st.floats(0, 86_400), hours=st.floats(0, 1e7))
def test_no_course_is_absurd(experience: Experience, belief: float, hint_s: float | None, hours: float) -> None:
    """Chances are chances, waits are bounded and never fall, every attempt gains, and there is a last one."""
    found = course(
        RATE_LIMIT,
        belief=belief,
        experience=experience,
        failed_waits=(),
        stake=stake_of({"hours": hours}),
        hint_s=hint_s,
    )
    waits = [each.wait_s for each in found.tries]

    assert all(0 <= each.passes <= 1 + 1e-9 and each.gain_s > 0 for each in found.tries)
    assert waits == sorted(waits)
    assert all(0 <= wait <= found.longest_s for wait in waits)
    assert len(waits) < MOST_ATTEMPTS


@given(experience=experiences, attempt=st.integers(2, MOST_ATTEMPTS))
def test_chances_never_fall_with_the_wait(experience: Experience, attempt: int) -> None:
    """Whatever was counted."""
    points = np.full(len(HALVES_S) * len(CEILINGS), 1 / (len(HALVES_S) * len(CEILINGS)))
    chances = chances_by_wait(points, attempt=attempt, experience=experience)

    assert len(WAITS_S) == len(chances)
    assert np.all(np.diff(chances) >= -1e-12)
    assert np.all((chances >= 0) & (chances <= 1 + 1e-12))


@given(experience=experiences, failed=st.lists(st.none() | st.floats(0, 1e9), max_size=MOST_ATTEMPTS))
def test_failed_retries_never_help(experience: Experience, failed: list[float | None]) -> None:
    """Each lowers the chance of the next, and the attempts that are left."""
    own = Experience(
        tuple(each for each in experience.own if each.attempt == 2)
    )  # the model alone, without later counts
    before, after = (
        course(RATE_LIMIT, belief=0.95, experience=own, failed_waits=waits, stake=stake_of({}), hint_s=20.0).tries
        for waits in (failed, [*failed, None])
    )

    assert len(after) <= len(before)
    if after:
        assert after[0].passes < before[0].passes


@given(values=st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=20))
def test_monotone_is_the_nearest(values: list[tuple[float, float]]) -> None:
    """It never falls, keeps the weighted mean, and leaves alone what does not fall."""
    given_, weights = (np.array(column) for column in zip(*values, strict=True))
    found = monotone(given_, weights=weights)
    ordered = np.sort(given_)

    assert np.all(np.diff(found) >= -1e-12)
    assert np.isclose((found * weights).sum(), (given_ * weights).sum())
    assert np.allclose(ordered, monotone(ordered, weights=weights))


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        ({}, 0.0),
        ({"gpu_hours": 360}, 360.0),
        ({"GPU-Hours": 2}, 2.0),
        ({"hours": 3, "gpu_hours": 24}, 24.0),
        ({"minutes": 30}, 0.5),
        ({"cpu_hours": 32}, 2.0),
        ({"wall_seconds": 7200}, 2.0),
        ({"cost_usd": 10}, 5.0),
        ({"usd": 10}, 5.0),
        ({"tokens": 1e9}, 0.0),
        ({"hours": float("inf")}, 0.0),
        ({"hours": float("nan")}, 0.0),
        ({"hours": -5}, 0.0),
        ({"hours": 1e300}, 1e6),
        ({"": 1}, 0.0),
    ],
)
def test_what_was_spent_in_hours_of_a_machine(spent: dict[str, float], expected: float) -> None:
    """The largest unit that is known, as a finite number."""
    assert expected == pytest.approx(hours_of(spent))


def test_resume_lowers_the_stake() -> None:
    """By the share that it saves; never below nothing."""
    spent = {"gpu_hours": 10.0}
    lost, half, none = (stake_of(spent, resume_saves=share).attempt_s for share in (0.0, 0.5, 7.0))

    assert (lost - none) / 2 == pytest.approx(half - none)
    assert stake_of({}).attempt_s == none


@given(belief=st.floats(0, 1), failed=st.integers(0, 1_000))
def test_genuine_grows_surer_with_failed_retries(belief: float, failed: int) -> None:
    """Up to three of them; it stays a chance."""
    sure = still_genuine(belief, failed_retries=failed)

    assert 0 <= sure <= 1
    assert sure >= belief - 1e-6
    assert sure <= still_genuine(belief, failed_retries=3) + 1e-12
