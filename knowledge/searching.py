"""Looking for precedents in the index, by meaning and by word, and telling what PostgreSQL knows of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from knowledge import search
from knowledge.advisor import neighbours as near
from knowledge.advisor.advice import Evidence, Neighbour
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.embedding import Embedder
from knowledge.errors import StoreUnavailable
from knowledge.index.port import Index, IndexFacts, IndexHit, NeighbourQuery, Vector
from knowledge.search import SearchQuery
from knowledge.signature.scrub import scrub
from knowledge.signature.signature import Signature
from knowledge.store import precedents
from knowledge.store.database import Database
from knowledge.store.records import PrecedentRecord


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready, to be put to the index once or several times."""

    query: SearchQuery
    signature: Signature
    vector: Vector
    workspace_id: int | None


@dataclass(frozen=True, slots=True)
class FoundPrecedents:
    """Precedents, best first, with what the index had of them; `known` is False while PostgreSQL is away."""

    neighbours: list[Neighbour]
    hits: dict[UUID, IndexHit]
    known: bool


class Searching:
    """Built with the service. A `workspace_id` of None asks for the documented precedents alone."""

    def __init__(
        self, database: Database, *, index: Index, embedder: Embedder, weights: SimilarityWeights, terms: TermWeights
    ) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._weights = weights
        self._terms = terms

    async def ask(self, query: SearchQuery, *, workspace_id: int | None) -> Asked:
        """Scrub, sign and embed a question."""
        scrubbed = replace(query, text=scrub(query.text))
        signature = await asyncio.to_thread(search.signature_of, scrubbed)
        vector = (await self._embedder.embed([signature.embedding_text]))[0]
        return Asked(scrubbed, signature, vector, workspace_id)

    async def facts(self, asked: Asked) -> list[IndexFacts]:
        """Of the nearest signatures what facets count; raises `IndexUnavailable`."""
        return await self._index.facts(self._question(asked))

    async def find(self, asked: Asked) -> FoundPrecedents:
        """The nearest precedents; raises `IndexUnavailable`."""
        hits = await self._index.neighbours(self._question(asked))
        nearest = search.nearest(hits, signature=asked.signature, weights=self._weights, terms=self._terms)
        records = await self._records(asked.workspace_id, list(nearest))
        neighbours = near.gather(nearest, records=records)
        return FoundPrecedents(neighbours, {id: hit for id, (hit, _) in nearest.items()}, records is not None)

    def shown(self, asked: Asked, found: FoundPrecedents) -> tuple[Evidence, ...]:
        """The most similar, explained."""
        return search.shown(found.neighbours, signature=asked.signature, terms=self._terms, limit=asked.query.limit)

    @staticmethod
    def _question(asked: Asked) -> NeighbourQuery:
        return search.index_query(
            asked.query, signature=asked.signature, vector=asked.vector, workspace_id=asked.workspace_id
        )

    async def _records(self, workspace_id: int | None, ids: list[UUID]) -> dict[UUID, PrecedentRecord] | None:
        """What PostgreSQL knows of precedents; None while it is away."""
        if workspace_id is None:
            return None
        try:
            async with self._database.connection() as connection:
                return await precedents.by_ids(connection, workspace_id=workspace_id, ids=ids)
        except StoreUnavailable:
            return None
