"""The index in this process: Qdrant Edge, the engine itself without a server, in one folder."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

import numpy as np
import qdrant_edge as qe

from knowledge.errors import DataFolderInUse, IndexUnavailable
from knowledge.index import compaction
from knowledge.index import conditions as c
from knowledge.index.lexical import EMPTY, SparseVector
from knowledge.index.payload import from_json, to_json
from knowledge.index.port import LEXICAL, PROFILE, RESOLUTION, SIGNATURE, IndexHit, IndexPoint, NeighbourQuery

T = TypeVar("T")
PAGE = 1000
THREADS = 4
RRF_K = 60
#: Of each kind of neighbours; by fusion the best of them remain.
PREFETCHED = 40
#: Points without a graph above which one is built; fewer are searched in full about as fast (`benchmarks/latency.py`).
GRAPH_FROM = 15_000


class EdgeIndex:
    """An `Index` on one `EdgeShard`. The engine blocks, so its calls go to threads of its own."""

    def __init__(self, folder: Path, *, collection: str, dimensions: int) -> None:
        self._folder = folder / collection
        self._collection = collection
        self._dimensions = dimensions
        self._shard: qe.EdgeShard | None = None
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="index")
        self._writing = asyncio.Lock()
        self._since_copy: list[qe.UpdateOperation] | None = None
        self._without_graph = 0

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self._collection

    async def open(self) -> None:
        """Load the shard, or make it; a second process on the same folder is refused by the engine."""
        self._shard = await self._call(self._load)

    def _load(self) -> qe.EdgeShard:
        generation = compaction.current_generation(self._folder)
        try:
            if (generation / "edge_config.json").exists():
                shard = qe.EdgeShard.load(str(generation))
                compaction.remove_other_generations(self._folder)
                self._without_graph = shard.info().points_count - compaction.graphed_points(generation)
                return shard
            generation.mkdir(parents=True, exist_ok=True)
            shard = qe.EdgeShard.create(str(generation), _config(self._dimensions))
        except Exception as error:
            if "WouldBlock" in str(error):  # the lock of its write-ahead log
                raise DataFolderInUse(f"The index in {self._folder} is open in another process") from error
            raise
        for operation in _field_indexes():
            shard.update(operation)
        return shard

    async def close(self) -> None:
        """Write everything to disk and let go of the folder."""
        shard, self._shard = self._shard, None
        if shard is not None:
            await self._call(shard.close)
        self._threads.shutdown(wait=True)

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points; durable when it returns (the engine keeps a write-ahead log)."""
        if points:
            await self._update(qe.UpdateOperation.upsert_points([_point(point) for point in points]))
            self._without_graph += len(points)

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; absent ones are no error."""
        if ids:
            await self._update(qe.UpdateOperation.delete_points([str(each) for each in ids]))

    async def clear(self) -> None:
        """Remove every point."""
        await self._update(qe.UpdateOperation.delete_points_by_filter(qe.Filter()))

    async def _update(self, operation: qe.UpdateOperation) -> None:
        async with self._writing:
            await self._call(lambda: self._open.update(operation))
            if self._since_copy is not None:
                self._since_copy.append(operation)

    async def optimize(self) -> bool:
        """Build the graph in a copy, in another process, then change over; search and writes go on meanwhile."""
        if not await self._call(self._worth_optimizing):
            return False
        generation = compaction.next_generation(self._folder)
        try:
            async with self._writing:
                await self._call(lambda: self._copy_to(generation))
                self._since_copy, self._without_graph = [], 0
            if await compaction.optimize_in_child(generation):
                async with self._writing:
                    await self._call(lambda: self._change_over(generation))
                return True
            return False
        finally:
            self._since_copy = None
            await self._call(lambda: compaction.remove_other_generations(self._folder))

    def _worth_optimizing(self) -> bool:
        return self._without_graph >= max(GRAPH_FROM, self._open.info().points_count // 4)

    def _copy_to(self, generation: Path) -> None:
        self._open.flush()
        shutil.rmtree(generation, ignore_errors=True)
        shutil.copytree(compaction.current_generation(self._folder), generation)

    def _change_over(self, generation: Path) -> None:
        fresh = qe.EdgeShard.load(str(generation))
        for operation in self._since_copy or ():
            fresh.update(operation)
        fresh.flush()
        compaction.make_current(generation)
        old, self._shard = self._open, fresh
        old.close()

    async def neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        """Dense and lexical neighbours by reciprocal rank fusion, best first."""
        # Not in a thread: the engine holds the interpreter lock for the millisecond that this takes, wherever it runs.
        with _translated():
            return self._neighbours(query)

    def _neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        wanted = qe.Filter(must=[_condition(each) for each in c.conditions(query.filter)])
        prefetches = [
            qe.Prefetch(limit=max(query.limit, PREFETCHED), query=qe.Query.Nearest(given, using=name), filter=wanted)
            for name, given in _queries(query)
        ]
        names = [SIGNATURE, LEXICAL, PROFILE] + ([RESOLUTION] if query.by_resolution else [])
        found = self._open.query(
            qe.QueryRequest(
                limit=query.limit,
                query=cast(qe.Fusion, qe.Fusion.Rrf(k=RRF_K)),  # the stubs forget that Rrf is a Fusion
                prefetches=prefetches,
                with_payload=True,
                with_vector=names,
            )
        )
        return [_hit(point, query) for point in found]

    async def versions(self) -> AsyncIterator[tuple[UUID, int]]:
        """Every point's id and version, in the order of ids."""
        offset: Any = None
        while True:
            request = qe.ScrollRequest(offset=offset, limit=PAGE, with_payload=["version"], with_vector=False)
            records, offset = await self._call(partial(self._scroll, request))
            for record in records:
                yield UUID(str(record.id)), int((record.payload or {}).get("version", 0))
            if offset is None:
                return

    def _scroll(self, request: qe.ScrollRequest) -> tuple[list[qe.Record], Any]:
        return self._open.scroll(request)

    async def count(self) -> int:
        """How many points there are."""
        return await self._call(lambda: self._open.count(qe.CountRequest(exact=True)))

    @property
    def _open(self) -> qe.EdgeShard:
        if self._shard is None:
            raise IndexUnavailable("The index is not open")
        return self._shard

    async def _call(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            with _translated():
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, guarded)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IndexUnavailable, DataFolderInUse):
        raise
    except Exception as error:
        raise IndexUnavailable(f"The index failed: {error}") from error


def _config(dimensions: int) -> qe.EdgeConfig:
    dense = qe.EdgeVectorParams(size=dimensions, distance=qe.Distance.Cosine)
    return qe.EdgeConfig(
        vectors={SIGNATURE: dense, RESOLUTION: dense},
        sparse_vectors={
            LEXICAL: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf),
            PROFILE: qe.EdgeSparseVectorParams(),
        },
        max_search_threads=1,  # a search is over before a second thread has begun
    )


def _field_indexes() -> Iterator[qe.UpdateOperation]:
    kinds: tuple[tuple[tuple[str, ...], qe.PayloadSchemaType], ...] = (
        (c.KEYWORD_FIELDS, qe.PayloadSchemaType.Keyword),
        (c.INTEGER_FIELDS, qe.PayloadSchemaType.Integer),
        (c.FLOAT_FIELDS, qe.PayloadSchemaType.Float),
    )
    for names, kind in kinds:
        for name in names:
            yield qe.UpdateOperation.create_field_index(name, kind)


def _condition(condition: c.Condition) -> qe.FieldCondition:
    match condition:
        case c.OneOf(key, values):
            return qe.FieldCondition(key, match=qe.MatchAny(cast(list[str], list(values))))
        case c.AtLeast(key, number):
            return qe.FieldCondition(key, range=qe.RangeFloat(gte=number))


def _queries(query: NeighbourQuery) -> Iterator[tuple[str, Any]]:
    yield SIGNATURE, query.vector.tolist()
    if query.lexical.indices:
        yield LEXICAL, _sparse(query.lexical)
    if query.profile is not None and query.profile.indices:
        yield PROFILE, _sparse(query.profile)
    if query.by_resolution:
        yield RESOLUTION, query.vector.tolist()


def _point(point: IndexPoint) -> qe.Point:
    vectors: dict[str, Any] = {SIGNATURE: point.signature.tolist(), LEXICAL: _sparse(point.lexical)}
    if point.profile is not None:
        vectors[PROFILE] = _sparse(point.profile)
    if point.resolution is not None:
        vectors[RESOLUTION] = point.resolution.tolist()
    return qe.Point(str(point.id), vectors, to_json(point.payload))


def _hit(point: qe.ScoredPoint, query: NeighbourQuery) -> IndexHit:
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


def _sparse(vector: SparseVector) -> qe.SparseVector:
    return qe.SparseVector(indices=list(vector.indices), values=list(vector.values))


def stored(vector: Any) -> SparseVector:
    """A sparse vector as the engine gives it back."""
    return EMPTY if vector is None else SparseVector(tuple(vector.indices), tuple(vector.values))


def cosine(vector: Any, query: NeighbourQuery) -> float | None:
    """Cosine of a stored vector (unit length, as the engine keeps them) and the query's; None without one."""
    return None if vector is None else float(np.dot(np.asarray(vector, dtype=np.float32), query.vector))
