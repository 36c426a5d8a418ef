"""Messages that come from outside at most once: what has come is remembered, here and in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import time

from knowledge.errors import StoreBusy, StoreUnavailable
from knowledge.once import Once
from knowledge.store import idempotency
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces

ROUTE = "arrival"
#: PostgreSQL is waited for so long: senders that want an answer within 3 s get it, and this process remembers alone.
LONGEST_WAIT_S = 1.0
#: Senders repeat themselves within minutes; PostgreSQL keeps keys for a day.
REMEMBERED_S = 3_600.0
MOST_REMEMBERED = 100_000


class Arrivals:
    """What has come, over all replicas while PostgreSQL answers, else in this process."""

    def __init__(self, database: Database, *, workspaces: Workspaces, workspace: str) -> None:
        self._database = database
        self._workspaces = workspaces
        self._workspace = workspace
        self._seen: dict[str, float] = {}

    async def is_first(self, key: str) -> bool:
        """Whether this key has not come before; from now on it has."""
        if not self._is_first_here(key):
            return False
        with contextlib.suppress(StoreUnavailable, StoreBusy, TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_S):
                return await self._is_first_anywhere(key)
        return True

    async def forget(self, key: str) -> None:
        """It has not come: what it asked for was not done, and its sender sends it again."""
        self._seen.pop(key, None)
        with contextlib.suppress(StoreUnavailable, StoreBusy, TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_S):
                workspace_id = await self._workspaces.id_of(self._workspace)
                async with self._database.transaction() as connection:
                    await idempotency.forget(connection, _once(key), workspace_id=workspace_id)

    def _is_first_here(self, key: str) -> bool:
        now = time.monotonic()
        if key in self._seen:
            return False
        while self._seen and (len(self._seen) >= MOST_REMEMBERED or self._oldest() < now - REMEMBERED_S):
            del self._seen[next(iter(self._seen))]
        self._seen[key] = now
        return True

    def _oldest(self) -> float:
        return next(iter(self._seen.values()))

    async def _is_first_anywhere(self, key: str) -> bool:
        workspace_id = await self._workspaces.id_of(self._workspace)
        async with self._database.transaction() as connection:
            return await idempotency.adopt(connection, _once(key), workspace_id=workspace_id, response=None)


def _once(key: str) -> Once:
    return Once.of(f"{ROUTE} {key}", route=ROUTE, body=b"")
