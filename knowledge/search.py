"""Engineers' search over signatures, titles, causes and resolutions, by meaning and by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from knowledge.advisor import evidence
from knowledge.advisor import neighbours as near
from knowledge.advisor.advice import Evidence, Neighbour
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.failures import Cause, Failure, Verdict
from knowledge.index.lexical import EMPTY, query_vector
from knowledge.index.port import IndexFilter, IndexHit, NeighbourQuery, Vector
from knowledge.known_as import terms_known_as
from knowledge.signature import sign, terms_of
from knowledge.signature.signature import Signature
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

#: Signatures asked for each result wanted: several may belong to one precedent.
ASKED_PER_RESULT = 4


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for, and among what."""

    text: str
    verdict: Verdict | None = None
    cause: Cause | None = None
    pipeline: str | None = None
    since: datetime | None = None
    resolved: bool | None = None
    limit: int = 20


def signature_of(query: SearchQuery) -> Signature:
    """A question is treated as a failure is: an error pasted into the search finds what `/advise` finds."""
    return sign(Failure(text=query.text))


def index_query(
    query: SearchQuery, *, signature: Signature, vector: Vector, workspace_id: int | None
) -> NeighbourQuery:
    """The question to the index; without a workspace's id, for documented precedents alone."""
    own = () if workspace_id is None else (workspace_id,)
    wanted = IndexFilter(
        workspaces=(STARTER_WORKSPACE_ID, *own),
        verdict=query.verdict,
        cause=query.cause,
        pipeline=query.pipeline,
        since=query.since.timestamp() if query.since else None,
        resolved=query.resolved,
    )
    return NeighbourQuery(
        vector=vector,
        lexical=query_vector(signature.terms),
        filter=wanted,
        limit=max(50, query.limit * ASKED_PER_RESULT),
        as_known=True,
    )


def nearest(
    hits: Sequence[IndexHit], *, signature: Signature, weights: SimilarityWeights, terms: TermWeights
) -> dict[UUID, tuple[IndexHit, float]]:
    """For each precedent the better of how near its signature is and how near what people know it by."""
    similarity = Similarity(signature.terms, codes=signature.codes, weights=weights, terms=terms)
    found = near.nearest_by_precedent(hits, similarity=similarity)
    for hit in hits:
        words = similarity.words(hit.known_as)
        if not words and hit.resolution_cosine is None:
            continue
        cosine = max(hit.cosine, hit.resolution_cosine or 0.0)
        said = similarity.to(cosine_=cosine, words=words, codes=hit.codes, profile=EMPTY)
        if said > found[hit.precedent_id][1]:
            found[hit.precedent_id] = (hit, said)
    return found


def shown(found: Sequence[Neighbour], *, signature: Signature, terms: TermWeights, limit: int) -> tuple[Evidence, ...]:
    """The most similar, whosever they are, explained."""
    best = sorted(found, key=lambda each: each.similarity, reverse=True)[:limit]
    return evidence.show([_as_known(each) for each in best], asked=signature, terms=terms, tokenize=terms_of)


def _as_known(neighbour: Neighbour) -> Neighbour:
    """With the words that people know it by among its own, so that they are named where they are why it was found."""
    said = terms_known_as(neighbour.title, cause=neighbour.cause, resolution=neighbour.resolution)
    return near.with_terms(neighbour, (*neighbour.terms, *said))
