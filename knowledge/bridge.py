"""The starter precedents nearest to a failure: neighbours in themselves, and a bridge to what is worded otherwise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from knowledge.advisor.neighbours import nearest_by_precedent
from knowledge.advisor.profile import profile_of
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.index.lexical import SparseVector, query_vector
from knowledge.index.port import Index, IndexFilter, IndexHit, NeighbourQuery, Vector
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

#: Wordings asked of the index: several belong to one precedent, and the profile needs five precedents.
CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class StarterNeighbours:
    """The nearest wording of each starter precedent, and the profile that they make."""

    nearest: dict[UUID, tuple[IndexHit, float]]
    profile: SparseVector


class Bridge:
    """Asks the index for starter precedents."""

    def __init__(self, index: Index, *, weights: SimilarityWeights, terms: TermWeights) -> None:
        self._index = index
        self._weights = weights
        self._terms = terms

    async def nearest(self, terms: Collection[str], *, codes: Collection[str], vector: Vector) -> StarterNeighbours:
        """Raises `IndexUnavailable`."""
        query = NeighbourQuery(
            vector=vector,
            lexical=query_vector(terms),
            filter=IndexFilter(workspaces=(STARTER_WORKSPACE_ID,)),
            limit=CANDIDATES,
        )
        hits = await self._index.neighbours(query)
        similarity = Similarity(terms, codes=codes, weights=self._weights, terms=self._terms)
        nearest = nearest_by_precedent(hits, similarity=similarity)
        return StarterNeighbours(nearest, profile_of((id, score) for id, (_, score) in nearest.items()))
