"""The first half of the way of a failure: known fingerprint, else neighbours; with less where parts are away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from knowledge.advisor import neighbours as near
from knowledge.advisor.advice import Neighbour
from knowledge.advisor.contexts import with_endings
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.starters import Starters
from knowledge.embedding import Embedder, Vectors
from knowledge.errors import IndexUnavailable, ModelUnavailable, StoreUnavailable
from knowledge.failures import Source, Verdict
from knowledge.index.lexical import SparseVector, query_vector
from knowledge.index.port import Index, IndexFilter, IndexHit, NeighbourQuery, Vector, vector_of
from knowledge.signature.signature import Signature
from knowledge.store import contexts, precedents
from knowledge.store.database import Database
from knowledge.store.ids import signature_id
from knowledge.store.records import Known, PrecedentRecord
from knowledge.tracing import span

STORE, INDEX, MODEL = "store", "index", "model"
#: Signatures asked of the index; enough that those it ranks otherwise than we do are among them.
CANDIDATES = 24
#: Words asked of the index, the most telling: the others stand in most signatures, which makes them dear to ask for,
#: and are compared with the candidates all the same.
ASKED_TERMS = 12
#: Precedents that are weighed; what is farther away changes no verdict.
MOST_OWN, MOST_STARTERS = 10, 8

Nearest = dict[UUID, tuple[IndexHit, float]]

log = logging.getLogger(__name__)


class Lately:
    """The fingerprints asked of late; a guess that saves time, never an answer."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._fingerprints: dict[str, None] = {}

    def holds(self, fingerprint: str) -> bool:
        """Whether it was asked lately."""
        return fingerprint in self._fingerprints

    def add(self, fingerprint: str) -> None:
        """It is asked now; the one asked longest ago is forgotten when there are too many."""
        self._fingerprints.pop(fingerprint, None)
        self._fingerprints[fingerprint] = None
        if len(self._fingerprints) > self._most:
            del self._fingerprints[next(iter(self._fingerprints))]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about a failure. `degraded` names the parts that could not be asked."""

    known: Known | None
    neighbours: list[Neighbour]
    degraded: tuple[str, ...] = ()


class Lookup:
    """Finds what is known about a signature."""

    def __init__(
        self, database: Database, *, index: Index, embedder: Embedder, weights: SimilarityWeights, starters: Starters
    ) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._starters = starters
        self._weights = weights
        self._lately = Lately()

    async def find(
        self,
        signature: Signature,
        *,
        workspace_id: int | None,
        unsettled: Callable[[], None] | None = None,
    ) -> Found:
        """`workspace_id` is None when the store is away and the id is not remembered: starter precedents answer.

        `unsettled` is called when the store answers and what it knows does not settle the matter, before neighbours
        are looked for.
        """
        degraded: list[str] = []
        # A failure that was not seen lately is probably new: its vector is made while PostgreSQL is asked.
        early = None if self._lately.holds(signature.fingerprint) else self._begin_embedding(signature)
        known = await self._known(signature, workspace_id=workspace_id, degraded=degraded)
        self._lately.add(signature.fingerprint)
        if known is not None and _settled(known):
            same = _same_fingerprint(known, signature)
            return await self._found(known, same, workspace_id=workspace_id, degraded=degraded)
        if unsettled is not None and STORE not in degraded:
            unsettled()
        words = self._starters.words(signature.terms)  # while the vector is being made
        profile = self._starters.profile(words)
        embedding = await self._embedding(signature, known=known, early=early, degraded=degraded)
        starters = self._starters.nearest(
            signature, words=words, vector=embedding, weights=self._weights, limit=MOST_STARTERS
        )
        own = await self._own(signature, embedding, profile=profile, workspace_id=workspace_id, degraded=degraded)
        same = _same_fingerprint(known, signature) if known is not None else []
        return await self._found(known, _joined(same, own, starters), workspace_id=workspace_id, degraded=degraded)

    async def _found(
        self, known: Known | None, neighbours: list[Neighbour], *, workspace_id: int | None, degraded: list[str]
    ) -> Found:
        """The neighbours; those that turned out both ways with where and how their incidents ended."""
        both = [each.precedent_id for each in neighbours if near.turned_out_both_ways(each)]
        if both and workspace_id is not None and STORE not in degraded:
            try:
                async with self._database.connection() as connection:
                    endings = await contexts.endings(connection, workspace_id=workspace_id, ids=both)
                neighbours = [with_endings(each, endings.get(each.precedent_id, ())) for each in neighbours]
            except StoreUnavailable:
                degraded.append(STORE)
        return Found(known, neighbours, tuple(degraded))

    async def _known(self, signature: Signature, *, workspace_id: int | None, degraded: list[str]) -> Known | None:
        if workspace_id is None:
            degraded.append(STORE)
            return None
        try:
            with span("known fingerprint"):
                async with self._database.connection() as connection:
                    return await precedents.find_known(
                        connection, workspace_id=workspace_id, fingerprint=signature.fingerprint
                    )
        except StoreUnavailable:
            degraded.append(STORE)
            return None

    def _begin_embedding(self, signature: Signature) -> asyncio.Future[Vectors]:
        begun = self._embedder.begin(signature.embedding_text)
        begun.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may turn out not to be needed
        return begun

    async def _embedding(
        self, signature: Signature, *, known: Known | None, early: asyncio.Future[Vectors] | None, degraded: list[str]
    ) -> Vector | None:
        if known is not None and known.embedding is not None and known.model_id == self._embedder.model_id:
            return vector_of(known.embedding)
        try:
            with span("embed"):
                vectors = await (early or self._begin_embedding(signature))
        except ModelUnavailable:
            degraded.append(MODEL)
            return None
        first: Vector = vectors[0]
        return first

    async def _own(
        self,
        signature: Signature,
        embedding: Vector | None,
        *,
        profile: SparseVector,
        workspace_id: int | None,
        degraded: list[str],
    ) -> list[Neighbour]:
        if embedding is None or workspace_id is None:
            return []
        itself = signature_id(workspace_id, signature.fingerprint)  # recorded meanwhile, it may be in the index already
        query = NeighbourQuery(
            vector=embedding,
            lexical=query_vector(self._starters.weights.heaviest(signature.terms, ASKED_TERMS)),
            profile=profile,
            filter=IndexFilter(workspaces=(workspace_id,)),
            limit=CANDIDATES,
        )
        try:
            with span("neighbours"):
                hits = [hit for hit in await self._index.neighbours(query) if hit.id != itself]
        except IndexUnavailable as error:
            log.warning("the index does not answer: %s", type(error).__name__)
            degraded.append(INDEX)
            return []
        similarity = Similarity(
            signature.terms,
            codes=signature.codes,
            weights=self._weights,
            terms=self._starters.weights,
            profile=profile,
        )
        nearest = _best(near.nearest_by_precedent(hits, similarity=similarity), MOST_OWN)
        return near.spread(near.gather(nearest, records=await self._records(nearest, workspace_id, degraded=degraded)))

    async def _records(
        self, nearest: Nearest, workspace_id: int, *, degraded: list[str]
    ) -> dict[UUID, PrecedentRecord] | None:
        """What PostgreSQL knows of them; None when it is away."""
        if STORE in degraded or not nearest:
            return None
        try:
            async with self._database.connection() as connection:
                return await precedents.by_ids(connection, workspace_id=workspace_id, ids=list(nearest))
        except StoreUnavailable:
            degraded.append(STORE)
            return None


def _best(nearest: Nearest, count: int) -> Nearest:
    return dict(sorted(nearest.items(), key=lambda pair: -pair[1][1])[:count])


def _settled(known: Known) -> bool:
    """Whether the workspace's own precedent of this fingerprint has a verdict. A starter's alone does not settle:
    what the workspace has seen of it in other words counts for more."""
    record = known.precedent
    return is_own(known) and (record.verdict is not Verdict.UNKNOWN or record.verdict_override is not None)


def _same_fingerprint(known: Known, signature: Signature) -> list[Neighbour]:
    """The workspace's own precedent, and beside a settled one the documented one. A documented one alone has no such
    rank: its wordings are compared, and those of its look-alikes with them."""
    if not is_own(known):
        return []
    records = [known.precedent] + ([known.starter] if known.starter and _settled(known) else [])
    return [near.with_terms(near.from_record(record, similarity=1.0), signature.terms) for record in records]


def _joined(same: list[Neighbour], own: list[Neighbour], starters: list[Neighbour]) -> list[Neighbour]:
    """All neighbours, one a precedent, best first. Those of the same fingerprint have full similarity, even when the
    index has not caught up with them."""
    found: dict[UUID, Neighbour] = {}
    for neighbour in (*same, *own, *starters):
        found.setdefault(neighbour.precedent_id, neighbour)
    return sorted(found.values(), key=near.rank, reverse=True)


def is_own(known: Known | None) -> bool:
    """Whether the fingerprint was seen in the workspace itself."""
    return known is not None and known.precedent.source is Source.INCIDENT
