"""The index on a Qdrant server or cluster, through qdrant-client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any, cast
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from knowledge.errors import IndexUnavailable
from knowledge.index import conditions as c
from knowledge.index.edge import PREFETCHED, RRF_K, cosine, stored
from knowledge.index.lexical import SparseVector
from knowledge.index.payload import from_json, to_json
from knowledge.index.port import LEXICAL, PROFILE, RESOLUTION, SIGNATURE, IndexHit, IndexPoint, NeighbourQuery

PAGE = 1000


class ServerIndex:
    """An `Index` on a collection of a Qdrant server; any number of processes may share it."""

    def __init__(self, client: AsyncQdrantClient, *, collection: str, dimensions: int) -> None:
        self._client = client
        self._collection = collection
        self._dimensions = dimensions

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self._collection

    async def open(self) -> None:
        """Make the collection and its field indexes where they are missing; two processes may do so at once."""
        with _translated():
            if not await self._client.collection_exists(self._collection):
                await self._create()
            for name, schema in _field_indexes():
                await self._client.create_payload_index(self._collection, field_name=name, field_schema=schema)

    async def _create(self) -> None:
        dense = models.VectorParams(size=self._dimensions, distance=models.Distance.COSINE)
        sparse = {
            LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF),
            PROFILE: models.SparseVectorParams(),
        }
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
            with _translated():
                await self._client.upsert(self._collection, points=[_point(point) for point in points], wait=True)

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; absent ones are no error."""
        if ids:
            with _translated():
                chosen = models.PointIdsList(points=[str(each) for each in ids])
                await self._client.delete(self._collection, points_selector=chosen, wait=True)

    async def neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        """Dense and lexical neighbours by reciprocal rank fusion, best first."""
        wanted = models.Filter(must=[_condition(each) for each in c.conditions(query.filter)])
        prefetches = [
            models.Prefetch(limit=max(query.limit, PREFETCHED), query=given, using=name, filter=wanted)
            for name, given in _queries(query)
        ]
        names = [SIGNATURE, LEXICAL, PROFILE] + ([RESOLUTION] if query.by_resolution else [])
        with _translated():
            answer = await self._client.query_points(
                self._collection,
                prefetch=prefetches,
                query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
                limit=query.limit,
                with_payload=True,
                with_vectors=names,
            )
        return [_hit(point, query) for point in answer.points]

    async def versions(self) -> AsyncIterator[tuple[UUID, int]]:
        """Every point's id and version, in the order of ids."""
        offset: Any = None
        while True:
            with _translated():
                records, offset = await self._client.scroll(
                    self._collection, offset=offset, limit=PAGE, with_payload=["version"], with_vectors=False
                )
            for record in records:
                yield UUID(str(record.id)), int((record.payload or {}).get("version", 0))
            if offset is None:
                return

    async def count(self) -> int:
        """How many points there are."""
        with _translated():
            return (await self._client.count(self._collection, exact=True)).count

    async def optimize(self) -> bool:
        """A server optimizes by itself."""
        return False

    async def clear(self) -> None:
        """Remove every point."""
        with _translated():
            everything = models.FilterSelector(filter=models.Filter())
            await self._client.delete(self._collection, points_selector=everything, wait=True)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ApiException, QdrantException, httpx.HTTPError, OSError) as error:
        raise IndexUnavailable(f"Qdrant cannot be reached: {error}") from error


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


def _queries(query: NeighbourQuery) -> Iterator[tuple[str, Any]]:
    yield SIGNATURE, query.vector.tolist()
    if query.lexical.indices:
        yield LEXICAL, _sparse(query.lexical)
    if query.profile is not None and query.profile.indices:
        yield PROFILE, _sparse(query.profile)
    if query.by_resolution:
        yield RESOLUTION, query.vector.tolist()


def _point(point: IndexPoint) -> models.PointStruct:
    vectors: dict[str, Any] = {SIGNATURE: point.signature.tolist(), LEXICAL: _sparse(point.lexical)}
    if point.profile is not None:
        vectors[PROFILE] = _sparse(point.profile)
    if point.resolution is not None:
        vectors[RESOLUTION] = point.resolution.tolist()
    return models.PointStruct(id=str(point.id), vector=vectors, payload=to_json(point.payload))


def _sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _hit(point: models.ScoredPoint, query: NeighbourQuery) -> IndexHit:
    vectors: dict[str, Any] = point.vector if isinstance(point.vector, dict) else {}
    payload = point.payload or {}
    return IndexHit(
        id=UUID(str(point.id)),
        precedent_id=UUID(payload["precedent_id"]),
        codes=tuple(payload["codes"]),
        read_payload=partial(from_json, payload),
        cosine=cosine(vectors.get(SIGNATURE), query) or 0.0,
        fused=point.score,
        lexical=stored(vectors.get(LEXICAL)),
        profile=stored(vectors.get(PROFILE)),
        resolution_cosine=cosine(vectors.get(RESOLUTION), query),
    )
