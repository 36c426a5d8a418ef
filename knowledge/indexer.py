"""The index worker: brings the index up to what PostgreSQL says, and puts right what disagrees.

Any number may run at once (one a process): each takes rows under advisory locks that the others pass over, and every
write to the index can be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from knowledge.advisor.starters import Starters
from knowledge.embedding import Embedder
from knowledge.errors import KnowledgeError
from knowledge.index.lexical import SparseVector, document_vector
from knowledge.index.port import Index, IndexPayload, IndexPoint, vector_of
from knowledge.known_as import known_as
from knowledge.store import index_queue
from knowledge.store.database import Database
from knowledge.store.records import IndexRow, MadeEmbedding
from knowledge.tasks import end

#: Rows a step locks: few, because a report of the same failure waits for them.
ROWS = 100
EMBEDDED_AT_ONCE = 64
IDLE_S = 1.0
WAIT_STEP_S = 0.05
#: What is reported within this time is written together: one step costs as much as several answers.
GATHER_S = 0.3
PAUSE_AFTER_TROUBLE_S = 2.0
OPTIMIZE_EVERY_S = 60.0

log = logging.getLogger(__name__)

Progress = Callable[[int], None]


class Indexer:
    """Runs beside the service; `wake` tells it that there is something to do."""

    def __init__(self, database: Database, *, index: Index, embedder: Embedder, starters: Starters) -> None:
        self._database = database
        self._starters = starters
        self._index = index
        self._embedder = embedder
        self._awake = asyncio.Event()
        self._waiting = 0
        self._hurried = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; `stop` ends it."""
        self._tasks = [
            asyncio.create_task(self._work(), name="index worker"),
            asyncio.create_task(self._optimize(), name="index optimizer"),
        ]

    async def stop(self) -> None:
        """End what is under way; nothing is lost, the queue is in PostgreSQL."""
        await end(self._tasks)

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    async def drain(self, *, progress: Progress | None = None) -> int:
        """Do all there is to do now; how many signatures were written."""
        total = 0
        while (done := await embed_missing(self._database, self._embedder) + await self._write_some()) > 0:
            total += done
            if progress:
                progress(done)
        return total

    async def wait(self, workspace_id: int, *, limit_s: float) -> bool:
        """Wait until the index shows all of a workspace; False when that takes longer."""
        deadline = asyncio.get_running_loop().time() + limit_s
        self._waiting += 1
        self._hurried.set()
        try:
            while asyncio.get_running_loop().time() < deadline:
                self.wake()
                async with self._database.connection() as connection:
                    if not await index_queue.pending_count(connection, workspace_id=workspace_id):
                        return True
                await asyncio.sleep(WAIT_STEP_S)
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._hurried.clear()

    async def reconcile(self) -> int:
        """Compare every point with PostgreSQL and queue or remove what disagrees; how many did.

        After a crash the index may lack what PostgreSQL believes written (a lost disk, a restored folder) or hold
        what PostgreSQL does not know.
        """
        stored = {identifier: version async for identifier, version in self._index.versions()}
        stale: list[UUID] = []
        async with self._database.transaction() as connection:
            async for identifier, version in index_queue.versions(connection):
                if stored.pop(identifier, 0) != version:  # 0: not written yet, and waiting in the queue
                    stale.append(identifier)
        for batch in _batches(stale, 1000):
            async with self._database.connection() as connection:
                await index_queue.mark_stale(connection, batch)
        for batch in _batches(sorted(stored), 1000):
            await self._index.delete(batch)
        if stale or stored:
            log.info("the index disagreed in %d points; %d were unknown and removed", len(stale), len(stored))
            self.wake()
        return len(stale) + len(stored)

    async def _work(self) -> None:
        while True:
            self._awake.clear()
            try:
                await self.drain()
            except KnowledgeError as error:
                log.warning("the index worker waits: %s", type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_TROUBLE_S)
                continue
            except Exception:
                log.exception("the index worker met an error and goes on")
                await asyncio.sleep(PAUSE_AFTER_TROUBLE_S)
                continue
            # Not `wait_for`: on Python 3.11 it can swallow a cancellation that comes with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._awake.wait()
                async with asyncio.timeout(GATHER_S):  # unless somebody waits, now or meanwhile
                    await self._hurried.wait()

    async def _optimize(self) -> None:
        while True:
            await asyncio.sleep(OPTIMIZE_EVERY_S)
            try:
                await self._index.optimize()
            except Exception:
                log.exception("optimizing the index failed; it works on, only slower")

    async def _write_some(self) -> int:
        async with self._database.transaction() as connection:
            rows = await index_queue.take(connection, model_id=self._embedder.model_id, limit=ROWS)
            present = [row for row in rows if not row.retired and row.embedding is not None]
            await self._index.upsert([point_of(row, profile=self._profile(row)) for row in present])
            await self._index.delete([row.signature_id for row in rows if row.retired])
            done = [row for row in rows if row.retired or row.embedding is not None]
            return await index_queue.mark_indexed(connection, [(row.signature_id, row.version) for row in done])

    def _profile(self, row: IndexRow) -> SparseVector:
        return self._starters.profile(self._starters.words(row.terms))


async def embed_missing(database: Database, embedder: Embedder) -> int:
    """Embed some of the texts that have no vector of this model; how many."""
    async with database.connection() as connection:
        missing = await index_queue.missing_embeddings(connection, model_id=embedder.model_id, limit=EMBEDDED_AT_ONCE)
    if not missing:
        return 0
    vectors = await embedder.embed([each.text for each in missing])
    made = [MadeEmbedding(each, vector.tobytes()) for each, vector in zip(missing, vectors, strict=True)]
    async with database.connection() as connection:
        await index_queue.save_embeddings(connection, model_id=embedder.model_id, rows=made)
    return len(made)


def point_of(row: IndexRow, *, profile: SparseVector) -> IndexPoint:
    """A row of the queue as a point of the index."""
    return IndexPoint(
        profile=profile,
        id=row.signature_id,
        signature=vector_of(row.embedding or b""),
        lexical=document_vector(row.terms),
        known_as=known_as(row.title, cause=row.cause, resolution=row.resolution_summary),
        resolution=vector_of(row.resolution_embedding) if row.resolution_embedding else None,
        payload=IndexPayload(
            workspace_id=row.workspace_id,
            precedent_id=row.precedent_id,
            source=row.source,
            version=row.version,
            verdict=row.verdict,
            template=row.template,
            fingerprint=row.fingerprint,
            cause=row.cause,
            action=row.action.value if row.action else None,
            resolved=row.resolved,
            resolution=row.resolution_summary,
            pipelines=row.pipelines,
            first_seen=row.first_seen or 0.0,
            last_seen=row.last_seen or 0.0,
            occurrences=row.occurrences,
            retries_succeeded=row.retries_succeeded,
            retries_failed=row.retries_failed,
            exceptions=row.exceptions,
            codes=row.codes,
            operations=row.operations,
            terms=row.terms,
            external_id=row.external_id,
            incident_id=row.latest_incident_id,
            title=row.title,
        ),
    )


def _batches(ids: Sequence[UUID], size: int) -> list[Sequence[UUID]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]
