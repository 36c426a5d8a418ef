"""Idempotency keys: a request sent twice is done once and answered twice. Of a key, only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from knowledge.errors import Conflict
from knowledge.store.database import Connection
from knowledge.store.records import StoredResponse
from knowledge.store.rows import execute, fetch_one, to_json

#: A key is for the retries of one request, and no client repeats one for a day.
KEPT = timedelta(hours=24)


async def claim(
    connection: Connection, *, workspace_id: int, key: str, route: str, request_hash: bytes
) -> StoredResponse | None:
    """Nothing when the key is ours now, else the stored response. Call it in the transaction that does the work.

    A second request waits here until the first one's transaction ends. Raises `Conflict` when the key was used for
    another request.
    """
    names = {"workspace_id": workspace_id, "key_hash": _hash(key)}
    if await fetch_one(connection, "idempotency.add", **names, route=route, request_hash=request_hash):
        return None
    row = await fetch_one(connection, "idempotency.find", **names)
    if row is None or (row["route"], bytes(row["request_hash"])) != (route, request_hash):
        raise Conflict("This Idempotency-Key was used for another request.", field="Idempotency-Key")
    if row["status"] is None:
        raise Conflict("The first request with this Idempotency-Key left no answer.", field="Idempotency-Key")
    return StoredResponse(status=row["status"], response=row["response"])


async def store_response(connection: Connection, *, workspace_id: int, key: str, status: int, response: Any) -> None:
    """Keep the answer, in the transaction that claimed the key."""
    values = {"status": status, "response": to_json(response)}
    await execute(connection, "idempotency.answer", workspace_id=workspace_id, key_hash=_hash(key), **values)


async def purge(connection: Connection, *, older_than: timedelta = KEPT) -> int:
    """Forget keys of before, with the answers that were kept for them; how many. Cheap: call it every few minutes."""
    return await execute(connection, "idempotency.purge", older_than=older_than)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
