"""Facets: what each value would leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.facets import MOST_VALUES, Chosen, Count, Facet, Facts, counts
from knowledge.failures import Cause, Verdict
from knowledge.within import Within

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def facts(verdict: Verdict = Verdict.TRANSIENT, *, days: float = 0, pipelines: tuple[str, ...] = ()) -> Facts:
    """Of a precedent that was seen so many days ago."""
    return Facts(verdict, Cause.NETWORK, pipelines, resolved=False, seen=NOW - timedelta(days=days))


def test_the_most_come_first() -> None:
    """Of each value, how many."""
    among = [facts(), facts(Verdict.GENUINE), facts(Verdict.GENUINE)]

    assert [Count("genuine", 2, chosen=False), Count("transient", 1, chosen=True)] == counts(
        Facet.VERDICT, among, chosen=Verdict.TRANSIENT, now=NOW
    )


def test_what_is_chosen_is_always_there() -> None:
    """So that it can be let go, also where it leaves nothing or many others leave more."""
    many = [facts(pipelines=(f"p{number:02}",)) for number in range(MOST_VALUES + 5)]

    assert [Count("genuine", 0, chosen=True)] == counts(Facet.VERDICT, [], chosen=Verdict.GENUINE, now=NOW)
    assert Count("p14", 1, chosen=True) == counts(Facet.PIPELINE, many, chosen="p14", now=NOW)[-1]
    assert MOST_VALUES == len(counts(Facet.PIPELINE, many, chosen=None, now=NOW))


def test_times_hold_shorter_ones() -> None:
    """From the shortest to the longest; those that leave nothing are not offered."""
    among = [facts(days=0.02), facts(days=0.5), facts(days=20), facts(days=4_000)]

    assert [("hour", 1), ("day", 2), ("week", 2), ("month", 3), ("year", 3)] == [
        (each.value, each.number) for each in counts(Facet.WITHIN, among, chosen=None, now=NOW)
    ]
    assert [] == counts(Facet.WITHIN, [facts(days=4_000)], chosen=None, now=NOW)


@pytest.mark.parametrize(("resolved", "value"), [(True, "yes"), (False, "no")])
def test_resolved_is_yes_or_no(resolved: bool, value: str) -> None:
    """As the address says it."""

    assert [Count(value, 0, chosen=True)] == counts(Facet.RESOLVED, [], chosen=resolved, now=NOW)


def test_a_precedent_without_cause_or_time_has_no_such_value() -> None:
    """It counts in the other facets alone."""
    bare = Facts(Verdict.UNKNOWN, None, (), resolved=True, seen=None)

    assert [[], []] == [counts(facet, [bare], chosen=None, now=NOW) for facet in (Facet.CAUSE, Facet.WITHIN)]


def test_letting_go_of_one_keeps_the_others() -> None:
    """And the time is counted back from now."""
    chosen = Chosen(Verdict.GENUINE, Cause.NETWORK, "p", Within.DAY, resolved=True)

    assert Chosen(None, Cause.NETWORK, "p", Within.DAY, resolved=True) == chosen.without(Facet.VERDICT)
    assert (NOW - timedelta(days=1), None) == (chosen.since(NOW), chosen.without(Facet.WITHIN).since(NOW))
