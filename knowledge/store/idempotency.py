"""Idempotency keys: a request sent twice is done once and answered twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from knowledge.errors import Conflict
from knowledge.store.database import Connection
from knowledge.store.records import StoredResponse
from knowledge.store.rows import execute, fetch_one, to_json


async def claim(
    connection: Connection, *, workspace_id: int, key: str, route: str, request_hash: bytes
) -> StoredResponse | None:
    """Nothing when the key is ours now, else the stored response. Call it in the transaction that does the work.

    A second request waits here until the first one's transaction ends. Raises `Conflict` when the key was used for
    another request.
    """
    names = {"workspace_id": workspace_id, "key": key}
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
    await execute(connection, "idempotency.answer", workspace_id=workspace_id, key=key, **values)


async def purge(connection: Connection, *, older_than: timedelta) -> int:
    """Forget keys of before; how many."""
    return await execute(connection, "idempotency.purge", older_than=older_than)
