"""From neighbours to a verdict with its confidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.advice import Judgement, Neighbour, Retries
from knowledge.advisor.verdict import VerdictSettings, belief, judge, speaks
from knowledge.failures import Action, Cause, Verdict
from knowledge.retries import FailedRetry, RetryHistory
from tests.knowledge.advisor.making import NOW, neighbour, starter

SETTINGS = VerdictSettings()


def judged(*neighbours: Neighbour, settings: VerdictSettings = SETTINGS) -> Judgement:
    """The judgement on these neighbours."""
    return judge(neighbours, settings=settings, now=NOW)


def test_nothing_known_is_unknown() -> None:
    """Nobody decided; a coin toss."""
    assert Judgement(Verdict.UNKNOWN, 0.5, None, None, None) == judged()


@pytest.mark.parametrize("verdict", ["transient", "genuine"])
def test_the_same_failure_stated_often_is_sure(verdict: str) -> None:
    """With the cause and the action that were said of it."""
    said = neighbour(
        similarity=1.0,
        verdict=verdict,
        cause=Cause.CONTENTION,
        action=Action.RETRY_NOW,
        **{f"stated_{verdict}": 9},
    )
    made = judged(said)

    assert (verdict, Cause.CONTENTION, Action.RETRY_NOW, said) == (
        made.verdict.value,
        made.cause,
        made.action,
        made.decided_by,
    )
    assert made.confidence > 0.95


def test_what_is_far_away_says_nothing() -> None:
    """Below the least similarity; the nearest is named all the same."""
    far = neighbour(similarity=SETTINGS.least_similarity - 0.01, stated_transient=9)

    assert (Verdict.UNKNOWN, far) == (judged(far).verdict, judged(far).decided_by)


def test_neighbours_that_disagree_are_unknown() -> None:
    """Equally near, equally sure."""
    pair = (neighbour(1, stated_transient=5), neighbour(2, verdict="genuine", stated_genuine=5))

    assert Verdict.UNKNOWN is judged(*pair).verdict


def test_the_nearest_outweighs_those_farther_away() -> None:
    """Weight falls quickly with similarity."""
    near = neighbour(1, similarity=0.95, verdict="genuine", stated_genuine=3)
    far = [neighbour(number, similarity=0.4, stated_transient=3) for number in (2, 3)]

    assert (Verdict.GENUINE, near) == (judged(near, *far).verdict, judged(near, *far).decided_by)


def test_a_far_precedent_defers_to_near_documentation() -> None:
    """What was found out about another failure does not overrule what is documented of this one."""
    own = neighbour(similarity=0.47, cause=Cause.RATE_LIMIT, stated_transient=1, retries=Retries(1, 0))
    documented = starter(similarity=0.93, verdict="genuine", cause=Cause.PERMISSION)
    made = judged(own, documented)

    assert (Verdict.GENUINE, Cause.PERMISSION) == (made.verdict, made.cause)
    assert abs(made.confidence - judged(documented).confidence) < 0.05


def test_who_is_quoted_has_the_cause_that_is_said() -> None:
    """Though a nearer one is of the same verdict."""
    nearest = starter(101, similarity=0.9, cause=Cause.SERVICE_UNAVAILABLE)
    others = [starter(number, similarity=0.87, cause=Cause.NETWORK) for number in (102, 103, 104)]
    made = judged(nearest, *others)

    assert (Cause.NETWORK, Cause.NETWORK) == (made.cause, made.decided_by and made.decided_by.cause)


def test_failed_retries_of_one_run_count_once() -> None:
    """They fail of one trouble; those of as many runs do not."""
    one = tuple(FailedRetry("a" * 32, attempt, None, NOW) for attempt in range(2, 10))
    many = tuple(FailedRetry(f"{attempt:032x}", attempt, None, NOW) for attempt in range(2, 10))
    of_one, of_many = (
        belief(neighbour(verdict="unknown", retries=Retries(0, 8), history=RetryHistory(lately_failed=failed)))
        for failed in (one, many)
    )

    assert of_one == belief(neighbour(verdict="unknown", retries=Retries(0, 1)))
    assert of_many < 0.15 < of_one


def test_own_precedents_outweigh_starter_precedents() -> None:
    """At the same similarity."""
    own = neighbour(verdict="genuine", stated_genuine=4)

    assert Verdict.GENUINE is judged(own, starter()).verdict


def test_recent_precedents_outweigh_old_ones() -> None:
    """What was not seen for years has faded."""
    old = neighbour(1, stated_transient=3, last_seen=NOW - timedelta(days=5 * 365))
    recent = neighbour(2, verdict="genuine", stated_genuine=3, last_seen=NOW)
    made = judged(old, recent, settings=replace(SETTINGS, answer_from=0.5))

    assert (Verdict.GENUINE, recent) == (made.verdict, made.decided_by)


def test_a_person_settles_it() -> None:
    """An override outweighs any number of statements of that precedent."""
    said = neighbour(verdict="genuine", overridden=True, stated_transient=4, retries=Retries(succeeded=5))

    assert Verdict.GENUINE is judged(said).verdict
    assert belief(said) < 0.2


def test_retries_are_weaker_evidence_than_words() -> None:
    """A pass after a retry moves the belief, and less than a statement does."""
    plain, stated, retried = (
        neighbour(verdict="unknown"),
        neighbour(verdict="unknown", stated_transient=3),
        neighbour(verdict="unknown", retries=Retries(succeeded=3)),
    )

    assert belief(plain) == 0.5 < belief(retried) < belief(stated)
    assert belief(neighbour(verdict="unknown", retries=Retries(failed=3))) < 0.5


def test_who_speaks() -> None:
    """A verdict, a statement, or a retry."""
    silent = neighbour(verdict="unknown")

    assert [False, True, True, True] == [
        speaks(each)
        for each in (
            silent,
            neighbour(),
            replace(silent, stated_genuine=1),
            replace(silent, retries=Retries(failed=1)),
        )
    ]


def test_cause_and_action_come_from_those_who_agree() -> None:
    """Of a dissenter nothing is taken."""
    agreeing = neighbour(1, stated_transient=6, cause=Cause.NETWORK, action=Action.RETRY_NOW)
    dissenting = neighbour(
        2, similarity=0.5, verdict="genuine", stated_genuine=6, cause=Cause.CODE_DEFECT, action=Action.FIX_THEN_RERUN
    )
    made = judged(agreeing, dissenting)

    assert (Cause.NETWORK, Action.RETRY_NOW) == (made.cause, made.action)


@pytest.mark.parametrize("farther", [0.3, 0.5, 0.7])
def test_confidence_falls_with_distance(farther: float) -> None:
    """The same words of a precedent that is less near are worth less."""
    settings = replace(SETTINGS, answer_from=0.5, least_similarity=0.0)
    near, far = (judged(neighbour(similarity=s, stated_transient=5), settings=settings) for s in (0.9, farther))

    assert far.confidence < near.confidence


drawn = st.builds(
    neighbour,
    st.integers(1, 50),
    similarity=st.floats(0, 1),
    verdict=st.sampled_from(["transient", "genuine", "unknown"]),
    overridden=st.booleans(),
    stated_transient=st.integers(0, 10**9),
    stated_genuine=st.integers(0, 10**9),
    retries=st.builds(Retries, st.integers(0, 10**9), st.integers(0, 10**9)),
    last_seen=st.none() | st.integers(-4_000, 40_000).map(lambda days: NOW - timedelta(days=days)),
)


@given(st.lists(drawn, max_size=20))
def test_confidence_is_a_probability_whatever_the_counts(neighbours: list[Neighbour]) -> None:
    """`unknown` is a coin toss, an answer is at least as sure as answers must be, and the decider is one of them."""
    made = judged(*sorted(neighbours, key=lambda each: -each.similarity))

    assert 0.5 <= made.confidence <= 1.0
    assert (made.verdict is Verdict.UNKNOWN) == (made.confidence == 0.5) or made.confidence >= SETTINGS.answer_from
    assert made.decided_by is None or made.decided_by in neighbours


@pytest.mark.parametrize(("said", "expected"), [("transient", "transient"), ("unknown", "unknown")])
def test_an_override_holds_against_any_count(said: str, expected: str) -> None:
    """Five hundred incidents that say otherwise do not outvote a person."""
    decided = neighbour(similarity=1.0, verdict=said, overridden=True, stated_genuine=500)

    assert expected == judged(decided).verdict.value


def test_what_nothing_is_near_to_is_not_answered() -> None:
    """Agreement of far neighbours alone is no knowledge."""
    far = [neighbour(n, similarity=0.3, stated_genuine=9, verdict="genuine") for n in range(5)]

    assert "unknown" == judged(*far).verdict.value


def test_text_that_tells_little_is_heard_less() -> None:
    """A bare `AssertionError` resembles many things; only the very same failure is sure all the same."""
    near = neighbour(similarity=0.9, stated_transient=5)
    same = replace(near, similarity=1.0)
    telling, vague = (judge([near], settings=SETTINGS, now=NOW, telling=each) for each in (1.0, 0.1))

    assert (Verdict.TRANSIENT, Verdict.UNKNOWN) == (telling.verdict, vague.verdict)
    assert judge([same], settings=SETTINGS, now=NOW, telling=0.1) == judge([same], settings=SETTINGS, now=NOW)


def test_both_witnesses_are_heard() -> None:
    """What the starter precedents say counts beside the workspace's own, for and against."""
    own = neighbour(similarity=0.7, stated_transient=1)
    alone, agreed, denied = (
        judged(own, *others)
        for others in ((), (starter(similarity=0.7),), (starter(verdict="genuine", similarity=0.7),))
    )

    assert None not in {alone.odds, agreed.odds, denied.odds}
    assert (denied.odds or 0) < (alone.odds or 0) < (agreed.odds or 0)
