"""The reason of a decision is one true sentence or two."""

from __future__ import annotations

from datetime import timedelta

import pytest

from knowledge.advisor.advice import Retries
from knowledge.advisor.explain import CAUSE_WORDS, reason
from knowledge.failures import Cause
from tests.knowledge.advisor.making import NOW, judgement, neighbour, starter


def test_own_precedent_says_how_often_how_lately_and_how_retries_went() -> None:
    """All of it in words."""
    seen = neighbour(occurrences=17, last_seen=NOW - timedelta(days=2, hours=5), retries=Retries(9, 1))
    said = reason(judgement(cause=Cause.RATE_LIMIT, decided_by=seen), now=NOW)

    assert (
        "This looks like a rate limit, as a precedent seen 17 times, last 2 days ago (9 of 10 retries passed) says. "
        "The same work is likely to pass when run again."
    ) == said


def test_starter_precedent_is_named() -> None:
    """It is documented, not seen."""
    said = reason(judgement("genuine", cause=Cause.PERMISSION, decided_by=starter(title="A role is missing")), now=NOW)

    assert "the documented precedent “A role is missing”" in said
    assert said.endswith("It fails again until someone changes something.")


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=1), "1 day ago"),
    ],
)
def test_times_in_words(ago: timedelta, expected: str) -> None:
    """In the largest unit that fits."""
    said = reason(judgement(decided_by=neighbour(occurrences=1, last_seen=NOW - ago)), now=NOW)

    assert f"seen once, last {expected}" in said


def test_unknown_says_why() -> None:
    """Nothing is near, or what is near does not settle it."""
    near = neighbour(template="x" * 500 + "\nsecond line")

    assert "Nothing like this is known yet." == reason(judgement("unknown"), now=NOW)
    assert len(reason(judgement("unknown", decided_by=near), now=NOW)) < 250
    assert "without text" in reason(judgement("unknown", decided_by=neighbour(template=" ")), now=NOW)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words(cause: Cause) -> None:
    """Each reads as part of a sentence."""
    assert CAUSE_WORDS[cause] in reason(judgement(cause=cause), now=NOW)


def test_without_a_cause_the_verdict_stands_for_it() -> None:
    """No sentence breaks."""
    said = reason(judgement(decided_by=None), now=NOW)

    assert "transient" in said
    assert ",." not in said
