"""From hits of the index to neighbours: one a precedent, the workspace's own first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from knowledge.advisor import neighbours as near
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.failures import Action, Cause, Source, Verdict
from knowledge.index.port import IndexHit, IndexPayload
from tests.knowledge.advisor.making import neighbour, numbered, starter

SIMILARITY = Similarity((), codes=(), weights=SimilarityWeights(), terms=TermWeights.of([]))


def hit(number: int, *, cosine: float, **said: Any) -> IndexHit:
    """A signature of the precedent of that number."""
    payload = IndexPayload(
        **{
            "workspace_id": 1,
            "precedent_id": numbered(number),
            "source": Source.INCIDENT,
            "version": 1,
            "verdict": Verdict.TRANSIENT,
            "template": f"template {cosine}",
            "fingerprint": "f" * 32,
            **said,
        }
    )
    return IndexHit(
        id=UUID(int=int(cosine * 100)),
        precedent_id=payload.precedent_id,
        codes=payload.codes,
        cosine=cosine,
        fused=0.0,
        read_payload=lambda: payload,
    )


def test_nearest_signature_stands_for_its_precedent() -> None:
    """One a precedent, by its own likeness and not by the engine's score."""
    hits = [hit(1, cosine=0.4), hit(2, cosine=0.5), hit(1, cosine=0.8)]
    found = near.gather(near.nearest_by_precedent(hits, similarity=SIMILARITY), records=None)

    assert [(numbered(1), "template 0.8"), (numbered(2), "template 0.5")] == [
        (each.precedent_id, each.template) for each in found
    ]


def test_what_postgres_no_longer_has_is_left_out() -> None:
    """The index follows behind."""
    nearest = near.nearest_by_precedent([hit(1, cosine=0.4)], similarity=SIMILARITY)

    assert [] == near.gather(nearest, records={})


def test_index_alone_answers() -> None:
    """While PostgreSQL is away, with all that the payload carries."""
    said = hit(
        1,
        cosine=0.9,
        cause=Cause.NETWORK,
        action="retry_now",
        resolution="Waited.",
        last_seen=86_400.0,
        occurrences=3,
        retries_succeeded=2,
        external_id="ticket 1",
    )
    (found,) = near.gather(near.nearest_by_precedent([said], similarity=SIMILARITY), records=None)

    assert (Cause.NETWORK, Action.RETRY_NOW, "Waited.", "ticket 1") == (
        found.cause,
        found.action,
        found.resolution,
        found.external_id,
    )
    assert (datetime(1970, 1, 2, tzinfo=UTC), 3, 2) == (found.last_seen, found.occurrences, found.retries.succeeded)


def test_own_precedents_go_first() -> None:
    """Those that are near at all; then by similarity."""
    near_own, far_own = neighbour(1, similarity=near.OWN_FIRST_FROM + 0.01), neighbour(2, similarity=0.01)
    documented = starter(similarity=0.9)
    ordered = sorted([far_own, documented, near_own], key=near.rank, reverse=True)

    assert [near_own, documented, far_own] == ordered
