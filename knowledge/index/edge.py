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

import qdrant_edge as qe

from knowledge.errors import DataFolderInUse, IndexDamaged, IndexUnavailable
from knowledge.index import compaction
from knowledge.index.edge_types import config, field_indexes, point_of, prefetch_of
from knowledge.index.points import (
    FACTS,
    PAGE,
    PREFETCHED,
    RRF_K,
    facts_of,
    hit_of,
    questions,
    version_of,
    wanted_vectors,
)
from knowledge.index.port import IndexFacts, IndexHit, IndexPoint, NeighbourQuery
from knowledge.store.folder_lock import FolderLock
from knowledge.tasks import wholly

T = TypeVar("T")
THREADS = 4
#: Points without a graph above which one is built; fewer are searched in full about as fast (`benchmarks/latency.py`).
GRAPH_FROM = 15_000


class EdgeIndex:
    """An `Index` on one `EdgeShard`. The engine blocks, so its calls go to threads of its own."""

    def __init__(self, folder: Path, *, collection: str, dimensions: int) -> None:
        self._folder = folder / collection
        self._collection = collection
        self._dimensions = dimensions
        self._lock: FolderLock | None = None
        self._shard: qe.EdgeShard | None = None
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="index")
        self._writing = asyncio.Lock()
        self._since_copy: list[qe.UpdateOperation] | None = None
        self._without_graph = 0

    @property
    def collection(self) -> str:
        """Name of the collection."""
        return self._collection

    @property
    def is_open(self) -> bool:
        """Whether the shard is loaded."""
        return self._shard is not None

    async def open(self) -> None:
        """Load the shard, or make it. Raises `DataFolderInUse` while another process has it, `IndexDamaged` when the
        engine cannot read it: `set_aside`, and open again."""
        self._shard = await self._call(self._load)

    async def set_aside(self) -> str:
        """Move an index that is damaged out of the way; where it lies now. The next `open` makes an empty one."""
        return str(await self._call(lambda: compaction.set_aside(self._folder)))

    def _load(self) -> qe.EdgeShard:
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = self._lock or FolderLock.acquire(self._folder.parent)
        try:
            with _translated():
                return self._load_locked()
        except IndexUnavailable as error:
            raise IndexDamaged(f"The index in {self._folder} cannot be opened: {error}") from error

    def _load_locked(self) -> qe.EdgeShard:
        generation = compaction.current_generation(self._folder)
        if generation.exists():
            shard = qe.EdgeShard.load(str(generation))
            compaction.remove_other_generations(self._folder)
            self._without_graph = shard.info().points_count - compaction.graphed_points(generation)
            return shard
        return self._create(generation)

    def _create(self, generation: Path) -> qe.EdgeShard:
        generation.mkdir()
        shard = qe.EdgeShard.create(str(generation), config(self._dimensions))
        for operation in field_indexes():
            shard.update(operation)
        self._without_graph = 0
        return shard

    async def close(self) -> None:
        """Write everything to disk and let go of the folder."""
        async with self._writing:
            shard, self._shard = self._shard, None
            if shard is not None:
                await self._call(shard.close)
        self._threads.shutdown(wait=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points; durable when it returns (the engine keeps a write-ahead log)."""
        if points:
            await self._update(qe.UpdateOperation.upsert_points([point_of(point) for point in points]))
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
                self._since_copy, copied = [], self._without_graph
            changed = await compaction.optimize_in_child(generation)
            if changed:
                async with self._writing:
                    await self._call(lambda: self._change_over(generation))
            self._without_graph -= copied
            return changed
        finally:
            self._since_copy = None
            await self._call(lambda: compaction.remove_other_generations(self._folder))

    def _worth_optimizing(self) -> bool:
        return self._without_graph >= max(GRAPH_FROM, self._open.info().points_count // 4)

    def _copy_to(self, generation: Path) -> None:
        self._open.flush()
        shutil.copytree(compaction.current_generation(self._folder), generation)

    def _change_over(self, generation: Path) -> None:
        old = self._open
        fresh = qe.EdgeShard.load(str(generation))
        for operation in self._since_copy or ():
            fresh.update(operation)
        fresh.flush()
        compaction.make_current(generation)
        self._shard = fresh
        old.close()

    async def neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        """Dense and lexical neighbours by reciprocal rank fusion, best first."""
        # Not in a thread: the engine holds the interpreter lock for the millisecond that this takes, wherever it runs.
        with _translated():
            return [
                hit_of(point.id, score=point.score, payload=point.payload, vectors=point.vector, query=query)
                for point in self._nearest(query, payload=True, vectors=wanted_vectors(query))
            ]

    async def facts(self, query: NeighbourQuery) -> list[IndexFacts]:
        """Of the same neighbours what facets count."""
        with _translated():
            return [facts_of(point.payload) for point in self._nearest(query, payload=FACTS, vectors=False)]

    def _nearest(
        self, query: NeighbourQuery, *, payload: bool | list[str], vectors: bool | list[str]
    ) -> list[qe.ScoredPoint]:
        request = qe.QueryRequest(
            limit=query.limit,
            query=cast(qe.Fusion, qe.Fusion.Rrf(k=RRF_K)),  # the stubs forget that Rrf is a Fusion
            prefetches=[prefetch_of(each, limit=max(query.limit, PREFETCHED)) for each in questions(query)],
            with_payload=payload,
            with_vector=vectors,
        )
        return self._read(lambda shard: shard.query(request))

    async def versions(self) -> AsyncIterator[tuple[UUID, int]]:
        """Every point's id and version, in the order of ids."""
        offset: Any = None
        while True:
            request = qe.ScrollRequest(offset=offset, limit=PAGE, with_payload=["version"], with_vector=False)
            records, offset = await self._call(partial(self._scroll, request))
            for record in records:
                yield version_of(record.id, record.payload)
            if offset is None:
                return

    def _scroll(self, request: qe.ScrollRequest) -> tuple[list[qe.Record], Any]:
        return self._read(lambda shard: shard.scroll(request))

    async def count(self) -> int:
        """How many points there are."""
        return await self._call(lambda: self._read(lambda shard: shard.count(qe.CountRequest(exact=True))))

    @property
    def _open(self) -> qe.EdgeShard:
        if self._shard is None:
            raise IndexUnavailable("The index is not open")
        return self._shard

    def _read(self, work: Callable[[qe.EdgeShard], T]) -> T:
        """Read from the shard in use; a change-over may close it before the engine has been entered."""
        while True:
            shard = self._open
            try:
                return work(shard)
            except Exception:
                if shard is self._shard:
                    raise

    async def _call(self, work: Callable[[], T]) -> T:
        """Work in a thread, to its end."""

        def guarded() -> T:
            with _translated():
                return work()

        try:
            return await wholly(guarded, threads=self._threads)
        except RuntimeError as error:
            raise IndexUnavailable("The index is closed") from error


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IndexUnavailable, DataFolderInUse):
        raise
    except Exception as error:
        if "WouldBlock" in str(error):  # the lock of its write-ahead log
            raise DataFolderInUse("The index is open in another process") from error
        raise IndexUnavailable(f"The index failed: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Rust's, which pyo3 does not count among the exceptions
            raise
        raise IndexUnavailable(f"The index failed: {error}") from None
