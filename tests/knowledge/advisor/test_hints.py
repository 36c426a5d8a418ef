"""What a failure's text asks for, from the wordings of services, and from hostile ones."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.hints import LONGEST_S, Hint, read
from knowledge.failures import ErrorInfo, Failure

AT = datetime(2026, 10, 21, 7, 27, tzinfo=UTC)


def asked(text: str, *, since_s: float = 0.0) -> float | None:
    """The wait that a text asks for, so many seconds after the failure."""
    found = read(Failure(text=text, occurred_at=AT), now=AT + timedelta(seconds=since_s))
    return found.wait_s if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Retry-After: 20", 20.0),
        ("HTTP 429 {'Retry-After': '20', 'Server': 'x'}", 20.0),
        ("[('retry-after', '7'), ('server', 'x')]", 7.0),
        ('{"message": "You are being rate limited.", "retry_after": 1.25, "global": false}', 1.3),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 60.0),
        ("Retry-After: Wednesday, 21-Oct-26 07:28:00 GMT", 60.0),
        ("retry-after-ms: 1500", 1.5),
        ("x-ms-retry-after-ms: 500", 0.5),
        ("RetryAfterInMs: 1234", 1.3),
        ("RetryAfter: 00:00:05", 5.0),
        ("grpc-retry-pushback-ms: 5000", 5.0),
        ("try again in 20s", 20.0),
        ("Rate limit reached for requests. Please try again in 6m0s. Contact us", 360.0),
        ("Please try again in 857ms.", 0.9),
        ("Please retry after 7 seconds.", 7.0),
        ("Operations exceeded the call rate limit. Please retry after 1 second.", 1.0),
        ("retry in 1m30s", 90.0),
        ("Retry after 1 minute, 30 seconds", 90.0),
        ("Please retry in 34.074824224s.", 34.1),
        ('"@type": "type.googleapis.com/google.rpc.RetryInfo",\n "retryDelay": "34s"', 34.0),
        ("retry_delay {\n  seconds: 34\n}", 34.0),
        ("wait 30 seconds before retrying", 30.0),
        ("please wait for 1 minute and try again", 60.0),
        ("Your quota will reset after 2h3m", 7_380.0),
        ("The limit resets in 3 hours and 5 minutes", 11_100.0),
        ("usage limit reached, resets at 2026-10-21T08:00:00Z", 1_980.0),
        ("try again after 2026-10-21 07:30:00 UTC", 180.0),
        ("try again at 2026-10-21T09:30:00+02:00", 180.0),
        ("Try again in 2 days", LONGEST_S),
        ("Retry-After: 999999999999", LONGEST_S),
        ("Retry-After: Wed, 21 Oct 2026 07:26:00 GMT", 0.0),
        ("anthropic-ratelimit-requests-reset: 2026-10-21T07:30:00Z", 180.0),
        ("x-ratelimit-reset-requests: 1s", 1.0),
        ("'x-ratelimit-reset-tokens': '17ms'", 0.1),
        ("X-RateLimit-Reset: 1792567680", 60.0),
        ("X-Rate-Limit-Reset: 1792567680000", 60.0),
        ("ratelimit-reset: 30", 30.0),
    ],
)
def test_services_say_it_in_many_ways(text: str, expected: float) -> None:
    """Headers, fields and sentences, spans and moments."""
    assert expected == asked(text)


@pytest.mark.parametrize(
    "text",
    [
        "will retry in 5s (attempt 2 of 5)",
        "Retrying in 2 seconds",
        "Retry after 3 attempts failed",
        "connection reset after 5 minutes",
        "Connection reset by peer",
        "Please try again later",
        "Retry-After: -5",
        "Retry-After: soon",
        "quota will reset at 2026-13-45T00:00:00Z",
        "Retry-After: Wed, 99 Foo 2026 07:28:00 GMT",
        "x-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 1s",
        "",
    ],
)
def test_nothing_is_asked(text: str) -> None:
    """A client's own backoff, what is no time, what is no limit."""
    assert None is asked(text)


def test_what_was_asked_last_holds() -> None:
    """Of several, and before all reset times; of these the latest of a limit that is used up."""
    limits = (
        "x-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 2h0m0s\n"
        "x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 6m0s\nx-ratelimit-reset-input-tokens: 30s\n"
    )

    assert 9.0 == asked(f"try again in 3s\n{limits}try again in 9s")
    assert Hint(360.0, asked=False) == read(Failure(text=limits, occurred_at=AT), now=AT)


def test_time_gone_by_counts() -> None:
    """A wait begins with the failure, and never ends before now."""
    assert [15.0, 0.0] == [asked("try again in 20s", since_s=gone) for gone in (5, 600)]
    assert [60.0, 0.0] == [asked("resets at 2026-10-21T07:29:00Z", since_s=gone) for gone in (60, 600)]
    assert 20.0 == asked("try again in 20s", since_s=-3_600)


def test_all_parts_are_read() -> None:
    """The message, the trace, the log: also at the end of a long one."""
    said = "try again in 20s"
    parts = (
        Failure(error=ErrorInfo(message=said)),
        Failure(error=ErrorInfo(stacktrace=said)),
        Failure(text="x\n" * 500_000 + said),
    )

    assert [20.0] * 3 == [found.wait_s for part in parts if (found := read(part, now=AT))]


@given(text=st.text(alphabet="retry-afin:s 0123456789.TZGMhd\n{}\"'é", max_size=300))
def test_whatever_it_says_the_wait_is_bounded(text: str) -> None:
    """Between nothing and a day."""
    for started in ("", "Retry-After: ", "try again in ", "x-ratelimit-reset: ", "resets at "):
        wait = asked(started + text)
        assert wait is None or 0 <= wait <= LONGEST_S


@pytest.mark.parametrize(
    "text",
    [
        "retry after " * 100_000,
        "retry-after: " + "9s " * 300_000,
        "try again in " + "1h " * 300_000,
        "limit " * 200_000 + "resets in",
        "x-ratelimit-reset-" + "a-" * 500_000 + ": 5",
        "Retry-After: " + "9" * 1_000_000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    """Megabytes made to be hard to match."""
    begun = time.thread_time()
    asked(text)

    assert time.thread_time() - begun < 0.5
