"""What is made of the catalogue before it is stored."""

from __future__ import annotations

from dataclasses import replace

from knowledge.failures import Action, Cause, Failure, Verdict
from knowledge.signature import sign
from knowledge.starter.catalogue import StarterPrecedent
from knowledge.starter.loading import without_contradictions
from knowledge.store.records import StarterRow

LIMITED = StarterPrecedent(
    key="limited",
    component="c",
    title="Too many requests in a minute",
    verdict=Verdict.TRANSIENT,
    cause=Cause.RATE_LIMIT,
    action=Action.RETRY_WITH_BACKOFF,
    resolution="Wait for the next minute.",
    sources=("https://example.org",),
    wordings=(),
)
SPENT = replace(LIMITED, key="spent", verdict=Verdict.GENUINE, action=Action.FIX_THEN_RERUN)


def row(precedent: StarterPrecedent, *wordings: str) -> StarterRow:
    return StarterRow(precedent, tuple(sign(Failure(text=wording)) for wording in wordings))


def test_a_wording_of_both_verdicts_is_nobodys() -> None:
    """What masks to the same decides nothing; what differs stays with each, and so does what both agree on."""
    limited = row(LIMITED, "HTTP 429 Too Many Requests", "rate limit reached, retry in 20s")
    spent = row(SPENT, "HTTP 429 Too Many Requests", "quota is spent, check your plan")

    kept = without_contradictions([limited, spent])

    assert [limited.signatures[1:], spent.signatures[1:]] == [each.signatures for each in kept]
    assert [limited, limited] == without_contradictions([limited, limited])
