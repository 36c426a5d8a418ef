"""The reason of a decision is one true sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from knowledge.advisor.advice import InContext, Retries
from knowledge.advisor.circumstances import Circumstances
from knowledge.advisor.explain import CAUSE_WORDS, WAIT_WORDS, reason
from knowledge.failures import Cause
from knowledge.retries import WAIT_BOUNDS_S, Fared, RetryHistory
from tests.knowledge.advisor.making import NOW, judgement, neighbour, starter


def test_own_precedent_says_how_often_how_lately_and_how_retries_went() -> None:
    """All of it in words."""
    seen = neighbour(occurrences=17, last_seen=NOW - timedelta(days=2, hours=5), retries=Retries(9, 1))
    said = reason(judgement(cause=Cause.RATE_LIMIT, decided_by=seen), now=NOW)

    assert (
        "This looks like a rate limit, as a precedent seen 17 times, last 2 days ago (9 of 10 retries passed) says: "
        "the same work is likely to pass when run again."
    ) == said


def test_starter_precedent_is_named() -> None:
    """It is documented, not seen."""
    said = reason(judgement("genuine", cause=Cause.PERMISSION, decided_by=starter(title="A role is missing")), now=NOW)

    assert "the documented precedent “A role is missing”" in said
    assert said.endswith("says: it fails again until someone changes something.")


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


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("step", "in step train"),
        ("attempt", "at attempt train"),
        ("pipeline", "in pipeline train"),
        ("environment image", "with image train"),
        ("wording", "in these words"),
    ],
)
def test_context_that_tells_is_named(part: str, expected: str) -> None:
    """With how many of its incidents were on the side of the verdict."""
    here = InContext(part=part, value="train", transient=1.0, genuine=4.0, seen_transient=1, seen=5)
    genuine, transient, unknown = (
        reason(judgement(verdict, decided_by=neighbour(in_context=here)), now=NOW)
        for verdict in ("genuine", "transient", "unknown")
    )

    assert f"; 4 of 5 {expected} were genuine." in genuine
    assert f"; 1 of 5 {expected} were transient." in transient
    assert "of 5" not in unknown


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words(cause: Cause) -> None:
    """Each reads as part of a sentence."""
    assert CAUSE_WORDS[cause] in reason(judgement(cause=cause), now=NOW)


def test_without_a_cause_the_verdict_stands_for_it() -> None:
    """No sentence breaks."""
    said = reason(judgement(decided_by=None), now=NOW)

    assert "transient" in said
    assert ",." not in said


def test_what_retries_did_is_told_where_waits_tell_them_apart() -> None:
    """After short waits and long ones, of the precedent that decided."""
    fared = (Fared(0, 2, 0, 4), Fared(0, 3, 0, 1), Fared(3, 2, 5, 0), Fared(None, 2, 1, 1))
    said = reason(judgement(decided_by=neighbour(history=RetryHistory(fared=fared))), now=NOW)
    alike = reason(judgement(decided_by=neighbour(history=RetryHistory(fared=fared[:2]))), now=NOW)

    assert said.endswith("0 of 5 retries passed within 15 s, 5 of 5 retries passed after 4 to 15 min.")
    assert "15 s" not in alike


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.9, "1 s"), (20.0, "20 s"), (119.0, "119 s"), (180.0, "3 min"), (86_400.0, "24 h")]
)
def test_service_that_asks_is_quoted(seconds: float, expected: str) -> None:
    """Instead of what retries did."""
    fared = RetryHistory(fared=(Fared(0, 2, 0, 4), Fared(3, 2, 5, 0)))
    said = reason(judgement(decided_by=neighbour(history=fared)), now=NOW, asked_to_wait=seconds)

    assert said.endswith(f"; the service asks to wait {expected}.")


@pytest.mark.parametrize(
    ("attempt", "recorded", "expected"),
    [
        (1, 0, ""),
        (3, 0, "; this is attempt 3"),
        (2, 1, "; 1 retry of this run has failed"),
        (5, 4, "; 4 retries of this run have failed"),
        (5, 2, "; this is attempt 5, and 2 retries of this run have failed"),
    ],
)
def test_retries_of_this_run_are_told(attempt: int, recorded: int, expected: str) -> None:
    """Whatever the verdict: how many are recorded as failed, and which attempt the caller says that this is."""
    for verdict in ("transient", "genuine", "unknown"):
        without = reason(judgement(verdict), now=NOW)
        said = reason(judgement(verdict), now=NOW, circumstances=Circumstances(attempt=attempt, recorded=recorded))

        assert f"{without.removesuffix('.')}{expected}." == said


def test_every_bucket_of_waits_has_words() -> None:
    """As many as there are buckets."""
    assert len(WAIT_BOUNDS_S) + 1 == len(WAIT_WORDS)
