"""The index on a Qdrant server or cluster, through qdrant-client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from knowledge.errors import IndexUnavailable
from knowledge.index import conditions as c
from knowledge.index.lexical import SparseVector
from knowledge.index.payload import to_json
from knowledge.index.points import (
    FACTS,
    PAGE,
    PREFETCHED,
    RRF_K,
    AnyVector,
    Question,
    facts_of,
    hit_of,
    questions,
    vectors_of,
    version_of,
    wanted_vectors,
)
from knowledge.index.port import (
    KNOWN_AS,
    LEXICAL,
    PROFILE,
    RESOLUTION,
    SIGNATURE,
    IndexFacts,
    IndexHit,
    IndexPoint,
    NeighbourQuery,
)

#: A server that has not answered a question by then counts as away: the advice is given without it.
ANSWER_LIMIT_S = 2.0
NOT_FOUND, SERVER_ERROR = 404, 500


class ServerIndex:
    """An `Index` on a collection of a Qdrant server; any number of processes may share it.

    After trouble that another `open` may mend (the server or the collection is away) it is not open, and says what the
    trouble was without asking the server again.
    """

    def __init__(self, client: AsyncQdrantClient, *, collection: str, dimensions: int) -> None:
        self._client = client
        self._collection = collection
        self._dimensions = dimensions
        self._trouble: str | None = "The index is not open"

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self._collection

    @property
    def is_open(self) -> bool:
        """Whether the server and the collection answered when they were asked last."""
        return self._trouble is None

    async def open(self) -> None:
        """Make the collection and its field indexes where they are missing; two processes may do so at once."""
        with self._noting():
            if not await self._client.collection_exists(self._collection):
                await self._create()
            for name, schema in _field_indexes():
                await self._client.create_payload_index(self._collection, field_name=name, field_schema=schema)
        self._trouble = None

    async def set_aside(self) -> str:
        """A server mends itself."""
        return self._collection

    async def _create(self) -> None:
        dense = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
        words = models.SparseVectorParams(modifier=models.Modifier.IDF)
        sparse = {LEXICAL: words, KNOWN_AS: words, PROFILE: models.SparseVectorParams()}
        try:
            await self._client.create_collection(
                self._collection,
                vectors_config={SIGNATURE: dense, RESOLUTION: dense},
                sparse_vectors_config=sparse,
            )
        except (ApiException, ValueError):
            if not await self._client.collection_exists(self._collection):
                raise  # nobody else was faster: a real error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points; durable when it returns."""
        if points:
            with self._asking():
                await self._client.upsert(self._collection, points=[_point(point) for point in points], wait=True)

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; absent ones are no error."""
        if ids:
            with self._asking():
                chosen = models.PointIdsList(points=[str(each) for each in ids])
                await self._client.delete(self._collection, points_selector=chosen, wait=True)

    async def neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        """Dense and lexical neighbours by reciprocal rank fusion, best first."""
        return [
            hit_of(point.id, score=point.score, payload=point.payload, vectors=point.vector, query=query)
            for point in await self._nearest(query, payload=True, vectors=wanted_vectors(query))
        ]

    async def facts(self, query: NeighbourQuery) -> list[IndexFacts]:
        """Of the same neighbours what facets count."""
        return [facts_of(point.payload) for point in await self._nearest(query, payload=FACTS, vectors=False)]

    async def _nearest(
        self, query: NeighbourQuery, *, payload: bool | list[str], vectors: bool | list[str]
    ) -> list[models.ScoredPoint]:
        with self._asking():
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await self._client.query_points(
                    self._collection,
                    prefetch=[_prefetch(each, limit=max(query.limit, PREFETCHED)) for each in questions(query)],
                    query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
                    limit=query.limit,
                    with_payload=payload,
                    with_vectors=vectors,
                )
        return answer.points

    async def versions(self) -> AsyncIterator[tuple[UUID, int]]:
        """Every point's id and version, in the order of ids."""
        offset: Any = None
        while True:
            with self._asking():
                records, offset = await self._client.scroll(
                    self._collection, offset=offset, limit=PAGE, with_payload=["version"], with_vectors=False
                )
            for record in records:
                yield version_of(record.id, record.payload)
            if offset is None:
                return

    async def count(self) -> int:
        """How many points there are."""
        with self._asking():
            return (await self._client.count(self._collection, exact=True)).count

    async def optimize(self) -> bool:
        """A server optimizes by itself."""
        return False

    async def clear(self) -> None:
        """Remove every point."""
        with self._asking():
            everything = models.FilterSelector(filter=models.Filter())
            await self._client.delete(self._collection, points_selector=everything, wait=True)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        if self._trouble is not None:
            raise IndexUnavailable(self._trouble)
        with self._noting():
            yield

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        # ValueError: the client's own engine has no such collection.
        except (ApiException, QdrantException, httpx.HTTPError, OSError, ValueError) as error:
            said = f"Qdrant cannot be reached: {str(error) or type(error).__name__}"
            if _may_be_mended(error):
                self._trouble = said
            raise IndexUnavailable(said) from error


def _may_be_mended(error: Exception) -> bool:
    """Whether opening it again can help: not where the server refuses what is asked of it."""
    status = error.status_code if isinstance(error, UnexpectedResponse) else None
    return status is None or status == NOT_FOUND or status >= SERVER_ERROR


def _field_indexes() -> Iterator[tuple[str, models.PayloadSchemaType | models.IntegerIndexParams]]:
    kinds = (
        (c.KEYWORD_FIELDS, models.PayloadSchemaType.KEYWORD),
        (c.INTEGER_FIELDS, models.PayloadSchemaType.INTEGER),
        (c.FLOAT_FIELDS, models.PayloadSchemaType.FLOAT),
    )
    for names, kind in kinds:
        for name in names:
            yield name, kind


def _condition(condition: c.Condition) -> models.FieldCondition:
    match condition:
        case c.OneOf(key, values):
            return models.FieldCondition(key=key, match=models.MatchAny(any=cast(list[str], list(values))))
        case c.AtLeast(key, number):
            return models.FieldCondition(key=key, range=models.Range(gte=number))


def _prefetch(question: Question, *, limit: int) -> models.Prefetch:
    among = models.Filter(must=[_condition(each) for each in c.conditions(question.filter)])
    return models.Prefetch(limit=limit, query=_vector(question.vector), using=question.using, filter=among)


def _point(point: IndexPoint) -> models.PointStruct:
    vectors: dict[str, Any] = {name: _vector(given) for name, given in vectors_of(point)}
    return models.PointStruct(id=str(point.id), vector=vectors, payload=to_json(point.payload))


def _vector(given: AnyVector) -> list[float] | models.SparseVector:
    if isinstance(given, SparseVector):
        return models.SparseVector(indices=list(given.indices), values=list(given.values))
    return given
