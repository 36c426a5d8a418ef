"""From hits of the index to neighbours: one a precedent, the workspace's own first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor import neighbours as near
from knowledge.advisor.advice import Neighbour
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


def pointing(number: int, *, similarity: float, angle: float) -> Neighbour:
    """A neighbour whose vector points somewhere in the plane."""
    vector = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
    return replace(neighbour(number, similarity=similarity), vector=vector)


def test_open_precedents_of_ones_own_do_not_go_first() -> None:
    """They are as open as the failure that is asked."""
    still_open, settled = neighbour(1, similarity=0.5, verdict="unknown"), neighbour(2, similarity=0.4)
    documented = starter(3, similarity=0.9)

    assert [settled, documented, still_open] == sorted([still_open, settled, documented], key=near.rank, reverse=True)


def test_twins_of_the_nearest_stand_apart() -> None:
    """The nearest, then the one that adds most to it."""
    twins = [pointing(1, similarity=0.9, angle=0.0), pointing(2, similarity=0.8, angle=0.0)]
    other = pointing(3, similarity=0.7, angle=np.pi / 2)
    found = near.spread([other, *twins])

    assert [numbered(1), numbered(3), numbered(2)] == [each.precedent_id for each in found]
    assert found == sorted(found, key=near.rank, reverse=True)


def test_without_vectors_similarity_orders() -> None:
    """As while the index is away."""
    given = [neighbour(number, similarity=number / 10) for number in (3, 9, 5)]

    assert [0.9, 0.5, 0.3] == [each.similarity for each in near.spread(given)]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 6)), max_size=12))
def test_spreading_loses_and_adds_nobody(drawn: list[tuple[float, float]]) -> None:
    """The nearest stays first, whoever the others are."""
    given = [pointing(number, similarity=s, angle=a) for number, (s, a) in enumerate(drawn)]
    found = near.spread(given)

    assert {each.precedent_id for each in given} == {each.precedent_id for each in found}
    assert not found or near.rank(replace(found[0], redundancy=0.0)) == max(near.rank(each) for each in given)
