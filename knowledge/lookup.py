"""The first half of the way of a failure: known fingerprint, else neighbours; with less where parts are away."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from knowledge.advisor import neighbours as near
from knowledge.advisor.advice import Neighbour
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.embedding import Embedder
from knowledge.errors import IndexUnavailable, ModelUnavailable, StoreUnavailable
from knowledge.failures import Source, Verdict
from knowledge.index.lexical import query_vector
from knowledge.index.port import Index, IndexFilter, IndexHit, NeighbourQuery, Vector
from knowledge.indexer import vector_of
from knowledge.signature.signature import Signature
from knowledge.store import precedents
from knowledge.store.database import Database
from knowledge.store.records import Known, PrecedentRecord
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

STORE, INDEX, MODEL = "store", "index", "model"
#: Signatures asked of the index; enough that those it ranks otherwise than we do are among them.
CANDIDATES = 60

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about a failure. `degraded` names the parts that could not be asked."""

    known: Known | None
    neighbours: list[Neighbour]
    embedding: Vector | None
    degraded: tuple[str, ...] = ()


class Lookup:
    """Finds what is known about a signature."""

    def __init__(
        self, database: Database, *, index: Index, embedder: Embedder, weights: SimilarityWeights, terms: TermWeights
    ) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._weights = weights
        self._terms = terms

    async def find(self, signature: Signature, *, workspace_id: int | None) -> Found:
        """`workspace_id` is None when the store is away and the id is not remembered: starter precedents answer."""
        degraded: list[str] = []
        known = await self._known(signature, workspace_id=workspace_id, degraded=degraded)
        if known is not None and _settled(known):
            return Found(known, _own_neighbours(known, signature), None, tuple(degraded))
        embedding = await self._embedding(signature, known=known, degraded=degraded)
        found = await self._neighbours(signature, embedding, workspace_id=workspace_id, degraded=degraded)
        if known is not None:
            found = _with_known(found, known, signature)
        return Found(known, found, embedding, tuple(degraded))

    async def _known(self, signature: Signature, *, workspace_id: int | None, degraded: list[str]) -> Known | None:
        if workspace_id is None:
            degraded.append(STORE)
            return None
        try:
            async with self._database.connection() as connection:
                return await precedents.find_known(
                    connection, workspace_id=workspace_id, fingerprint=signature.fingerprint
                )
        except StoreUnavailable:
            degraded.append(STORE)
            return None

    async def _embedding(self, signature: Signature, *, known: Known | None, degraded: list[str]) -> Vector | None:
        if known is not None and known.embedding is not None and known.model_id == self._embedder.model_id:
            return vector_of(known.embedding)
        try:
            vectors = await self._embedder.embed([signature.embedding_text])
        except ModelUnavailable:
            degraded.append(MODEL)
            return None
        first: Vector = vectors[0]
        return first

    async def _neighbours(
        self, signature: Signature, embedding: Vector | None, *, workspace_id: int | None, degraded: list[str]
    ) -> list[Neighbour]:
        if embedding is None:
            return []
        visible = IndexFilter(workspace_id=STARTER_WORKSPACE_ID if workspace_id is None else workspace_id)
        query = NeighbourQuery(
            vector=embedding, lexical=query_vector(signature.terms), filter=visible, limit=CANDIDATES
        )
        try:
            hits = await self._index.neighbours(query)
        except IndexUnavailable as error:
            log.warning("the index does not answer: %s", error)
            degraded.append(INDEX)
            return []
        return await self._gathered(hits, signature, workspace_id=workspace_id, degraded=degraded)

    async def _gathered(
        self, hits: list[IndexHit], signature: Signature, *, workspace_id: int | None, degraded: list[str]
    ) -> list[Neighbour]:
        similarity = Similarity(near.fields_of(signature), weights=self._weights, terms=self._terms)
        nearest = near.nearest_by_precedent(hits, similarity=similarity)
        records: dict[UUID, PrecedentRecord] | None = None
        if STORE not in degraded and workspace_id is not None:
            try:
                async with self._database.connection() as connection:
                    records = await precedents.by_ids(connection, workspace_id=workspace_id, ids=list(nearest))
            except StoreUnavailable:
                degraded.append(STORE)
        return near.gather(nearest, records=records)


def _settled(known: Known) -> bool:
    """Whether the workspace's own precedent of this fingerprint, or else the documented one, has a verdict."""
    return known.precedent.verdict is not Verdict.UNKNOWN


def _own_neighbours(known: Known, signature: Signature) -> list[Neighbour]:
    records = [known.precedent] + ([known.starter] if known.starter else [])
    return [_same(record, signature) for record in records]


def _with_known(found: list[Neighbour], known: Known, signature: Signature) -> list[Neighbour]:
    """The precedent of the same fingerprint first, even when the index has not caught up with it."""
    same = _own_neighbours(known, signature)
    ids = {neighbour.precedent_id for neighbour in same}
    return sorted([*same, *(other for other in found if other.precedent_id not in ids)], key=near.rank, reverse=True)


def _same(record: PrecedentRecord, signature: Signature) -> Neighbour:
    neighbour = near.from_record(record, similarity=1.0)
    return near.with_terms(neighbour, signature.terms)


def is_own(known: Known | None) -> bool:
    """Whether the fingerprint was seen in the workspace itself."""
    return known is not None and known.precedent.source is Source.INCIDENT
