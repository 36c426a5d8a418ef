"""How the parts are."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from api.composition import Parts
from knowledge.errors import IndexUnavailable, KnowledgeError, SpoolUnavailable, StoreUnavailable
from knowledge.spool import Counts
from knowledge.store import index_queue, storms

#: How long each part is waited for: whoever asks how the service is wants to know it now.
PATIENCE_S = 0.4

T = TypeVar("T")
Status = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """`parts` says of each part `ok` or what is wrong with it."""

    status: Status
    parts: dict[str, str]
    indexed: int | None
    pending: int | None
    spooled: int | None
    refused: int | None
    storms: int | None
    connections: int | None
    waiting: int | None

    def document(self) -> dict[str, Any]:
        """As `GET /health/ready` answers."""
        return {
            "status": self.status,
            "parts": self.parts,
            "precedents_indexed": self.indexed,
            "index_pending": self.pending,
            "spooled": self.spooled,
            "spool_refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class _Counted:
    """Signatures that wait to be indexed, and storms that go on, of all workspaces."""

    pending: int
    storms: int


async def look(parts: Parts) -> Health:
    """Ask each part; one that is away is named, not raised. Takes less than a second, whatever hangs."""
    (store, waits), (index, indexed), spool = await asyncio.gather(_store(parts), _index(parts), _spool(parts))
    away = sum(said != "ok" for said in (store, index))
    status: Status = ("ok", "degraded", "down")[away]
    said = {"model": parts.embedder.backend, "store": store, "index": index}
    waiting, refused = (spool.waiting, spool.refused) if spool is not None else (None, None)
    pool = parts.database.load()
    return Health(
        status=status,
        parts=said,
        indexed=indexed,
        pending=waits.pending if waits else None,
        spooled=waiting,
        refused=refused,
        storms=waits.storms if waits else None,
        connections=pool.connections,
        waiting=pool.waiting,
    )


async def _spool(parts: Parts) -> Counts | None:
    """What is in it; None when that cannot be told."""
    try:
        return await _in_time(asyncio.to_thread(parts.spool.counts))
    except (SpoolUnavailable, TimeoutError):
        return None


async def _store(parts: Parts) -> tuple[str, _Counted | None]:
    """What is wrong with it, and what is counted in it; None where its connections are all at work."""
    try:
        return "ok", await _in_time(_counted(parts))
    except KnowledgeError as error:
        return type(error).__name__, None
    except TimeoutError:
        return "ok" if await parts.database.answers() else StoreUnavailable.__name__, None


async def _counted(parts: Parts) -> _Counted:
    async with parts.database.connection() as connection:
        return _Counted(
            pending=await index_queue.pending_count(connection),
            storms=await storms.active_count(connection, now=datetime.now(UTC)),
        )


async def _index(parts: Parts) -> tuple[str, int | None]:
    try:
        return "ok", await _in_time(parts.index.count())
    except KnowledgeError as error:
        return type(error).__name__, None
    except TimeoutError:
        return IndexUnavailable.__name__, None


async def _in_time(question: Coroutine[Any, Any, T]) -> T:
    """The answer, or `TimeoutError`. The question goes on: to end it, psycopg would wait for the server as well."""
    asked = asyncio.create_task(question)
    asked.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({asked}, timeout=PATIENCE_S)
    if not asked.done():
        raise TimeoutError
    return asked.result()
