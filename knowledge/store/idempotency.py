"""Idempotency keys: a request sent twice is done once and answered twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from knowledge.errors import Conflict
from knowledge.once import Once
from knowledge.store.database import Connection
from knowledge.store.records import StoredResponse
from knowledge.store.rows import Row, execute, fetch_one, to_json

#: A key is for the retries of one request, and no client repeats one for a day.
KEPT = timedelta(hours=24)
#: Keys that are forgotten in one transaction.
MOST_PURGED = 5_000


async def claim(connection: Connection, once: Once, *, workspace_id: int) -> StoredResponse | None:
    """Nothing when the key is ours now, else the stored response. Call it in the transaction that does the work.

    A second request waits here until the first one's transaction ends. Raises `Conflict` when the key was used for
    another request.
    """
    if await _add(connection, once, workspace_id=workspace_id):
        return None
    row = await _find(connection, once, workspace_id=workspace_id)
    if row is None or not _is_same(row, once):
        raise Conflict("This Idempotency-Key was used for another request.", field="Idempotency-Key")
    if row["status"] is None:
        raise Conflict("The first request with this Idempotency-Key left no answer.", field="Idempotency-Key")
    return StoredResponse(status=row["status"], response=row["response"])


async def adopt(connection: Connection, once: Once, *, workspace_id: int, response: Any) -> bool:
    """Take a key for a request that was answered without PostgreSQL; False when that very request was done already.

    A key that another request has stays with that one, and this one is done all the same: it was answered.
    """
    if await _add(connection, once, workspace_id=workspace_id):
        await store_response(connection, once, workspace_id=workspace_id, status=200, response=response)
        return True
    row = await _find(connection, once, workspace_id=workspace_id)
    return row is None or not _is_same(row, once)


async def store_response(connection: Connection, once: Once, *, workspace_id: int, status: int, response: Any) -> None:
    """Keep the answer, in the transaction that claimed the key."""
    values = {"status": status, "response": to_json(response)}
    await execute(connection, "idempotency.answer", workspace_id=workspace_id, key_hash=once.key_hash, **values)


async def forget(connection: Connection, once: Once, *, workspace_id: int) -> None:
    """Give a key back: its request was answered, and then was not done."""
    await execute(connection, "idempotency.forget", workspace_id=workspace_id, key_hash=once.key_hash)


async def purge(connection: Connection, *, older_than: timedelta = KEPT, most: int = MOST_PURGED) -> int:
    """Forget some of the keys of before, with the answers that were kept for them; how many."""
    return await execute(connection, "idempotency.purge", older_than=older_than, most=most)


async def _add(connection: Connection, once: Once, *, workspace_id: int) -> bool:
    names = {"workspace_id": workspace_id, "key_hash": once.key_hash}
    added = await fetch_one(connection, "idempotency.add", **names, route=once.route, request_hash=once.request_hash)
    return added is not None


async def _find(connection: Connection, once: Once, *, workspace_id: int) -> Row | None:
    return await fetch_one(connection, "idempotency.find", workspace_id=workspace_id, key_hash=once.key_hash)


def _is_same(row: Row, once: Once) -> bool:
    return (row["route"], bytes(row["request_hash"])) == (once.route, once.request_hash)
