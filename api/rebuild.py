"""Rebuilding the index from PostgreSQL: by this process, or by the worker of the service that has the index open.

First, what an older version signed is signed again: the index is to show the signatures of this one.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from api.admin import open_store_beside
from api.composition import Parts, build
from api.settings import Settings
from knowledge import resigning
from knowledge.errors import DataFolderInUse, IndexUnavailable
from knowledge.store import index_queue
from knowledge.store.database import Database

Say = Callable[[str], None]
#: Called with how many signatures are still to be signed again, or to be indexed.
Left = Callable[[int], None]
#: How many points the running service says it has; None when it does not tell.
Points = Callable[[], int | None]

POLL_S = 0.25
#: A worker that writes nothing for so long does not work. Its steps take about a second.
STANDSTILL_S = 120.0
#: Comparisons with PostgreSQL until both agree; more than one only while a service goes on writing.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many signatures PostgreSQL has and how many points the index; `points` is None where nobody can tell."""

    signatures: int
    points: int | None
    by_service: bool

    @property
    def agree(self) -> bool:
        """Whether nothing is known to be amiss."""
        return self.points in (None, self.signatures)


async def rebuild(settings: Settings, *, say: Say, to_sign: Left, left: Left, points: Points) -> Rebuilt:
    """Rebuild all of the index. `points` is asked (blocking) when a running service is the one that knows.

    Raises `IndexUnavailable` when it does not get on or does not come to agree, `StoreUnavailable` without PostgreSQL.
    """
    try:
        if settings.qdrant_url is None:
            await _discard_index(settings, say=say)
        async with build(settings, say=say) as parts:
            await _sign_again(parts.database, left=to_sign)
            return await _rebuild_here(parts, left=left)
    except DataFolderInUse:
        say("a service has the index open: its worker rebuilds it")
    async with open_store_beside(settings, say=say) as store:
        await _sign_again(store.database, left=to_sign)
        return await _rebuild_there(store.database, left=left, points=points)


async def _discard_index(settings: Settings, *, say: Say) -> None:
    """Remove an embedded index, whatever state its files are in; raises `DataFolderInUse` while a service has it.

    Removing its points would not mend spoilt files, nor give it the vectors that a newer version keeps. Should this
    process end before the index is full again, the next start of the service finds out and fills it.
    """
    folder = settings.data / "qdrant"
    if not folder.exists():
        return
    try:
        async with build(settings, say=say):
            pass  # nobody else has it
    except IndexUnavailable:
        say("the index cannot be opened any more")
    await asyncio.to_thread(shutil.rmtree, folder)


async def _sign_again(database: Database, *, left: Left) -> None:
    """Until nothing is left; the service may be at it as well, and has claimed what is not to be had here."""

    async def work() -> None:
        while await resigning.pending(database):
            if not await resigning.resign(database):
                await asyncio.sleep(POLL_S)

    if await resigning.pending(database):
        await _beside(work(), left=left, pending=lambda: resigning.pending(database))


async def _rebuild_here(parts: Parts, *, left: Left) -> Rebuilt:
    await _mark_all(parts.database)
    await parts.index.clear()
    await _beside(parts.indexer.drain(), left=left, pending=lambda: _pending(parts.database))
    await parts.index.optimize()
    for _ in range(ROUNDS):
        if not await parts.indexer.reconcile():
            return Rebuilt(await _count(parts.database), await parts.index.count(), by_service=False)
        # Rows that a report of the same failure held were passed over: it lets go of them within milliseconds.
        await asyncio.sleep(POLL_S)
        await parts.indexer.drain()
    raise IndexUnavailable("The index and PostgreSQL still disagree; is another program writing to the index?")


async def _rebuild_there(database: Database, *, left: Left, points: Points) -> Rebuilt:
    await _mark_all(database)
    for _ in range(ROUNDS):
        await _worked_off(database, left=left)
        signatures, shown = await _count(database), await asyncio.to_thread(points)
        if shown in (None, signatures):
            break
    return Rebuilt(signatures, shown, by_service=True)


async def _worked_off(database: Database, *, left: Left) -> None:
    """Watch the service's worker until nothing is pending; raises `IndexUnavailable` when it stands still."""
    loop = asyncio.get_running_loop()
    before, since = -1, loop.time()
    while pending := await _pending(database):
        left(pending)
        if pending != before:
            before, since = pending, loop.time()
        elif loop.time() - since > STANDSTILL_S:
            raise IndexUnavailable(
                "The service's index worker does not get on; its log says why. Stop the service and run this again: "
                "then the index is made afresh."
            )
        await asyncio.sleep(POLL_S)
    left(0)


async def _beside(work: Coroutine[Any, Any, object], *, left: Left, pending: Callable[[], Awaitable[int]]) -> None:
    """Do the work, and tell what is left meanwhile."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            left(await pending())
            await asyncio.wait([task], timeout=POLL_S)
        await task
        left(0)
    finally:
        task.cancel()


async def _mark_all(database: Database) -> None:
    async with database.connection() as connection:
        await index_queue.mark_all_stale(connection)


async def _pending(database: Database) -> int:
    async with database.connection() as connection:
        return await index_queue.pending_count(connection)


async def _count(database: Database) -> int:
    async with database.connection() as connection:
        return sum([1 async for _ in index_queue.versions(connection)])
