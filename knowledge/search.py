"""Engineers' search over signatures and resolutions, by meaning and by word."""

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
from knowledge.index.lexical import EMPTY, document_vector, query_vector
from knowledge.index.port import IndexFilter, IndexHit, NeighbourQuery, Vector
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
        by_resolution=True,
    )


def nearest(
    hits: Sequence[IndexHit], *, signature: Signature, weights: SimilarityWeights, terms: TermWeights
) -> dict[UUID, tuple[IndexHit, float]]:
    """For each precedent the better of how near its signature and how near its resolution is."""
    similarity = Similarity(signature.terms, codes=signature.codes, weights=weights, terms=terms)
    found = near.nearest_by_precedent(hits, similarity=similarity)
    for hit in hits:
        resolution = hit.payload.resolution if hit.resolution_cosine is not None else None
        if hit.resolution_cosine is None or resolution is None:
            continue
        words = similarity.words(document_vector(terms_of(resolution)))
        said = similarity.to(cosine_=hit.resolution_cosine, words=words, codes=(), profile=EMPTY)
        if said > found[hit.precedent_id][1]:
            found[hit.precedent_id] = (hit, said)
    return found


def shown(found: Sequence[Neighbour], *, signature: Signature, terms: TermWeights, limit: int) -> tuple[Evidence, ...]:
    """The most similar, whosever they are, explained."""
    best = sorted(found, key=lambda each: each.similarity, reverse=True)[:limit]
    return evidence.show(best, asked=signature, terms=terms, tokenize=terms_of)
