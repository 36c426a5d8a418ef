"""What the service remembers of itself, by key."""

from __future__ import annotations

from typing import Any

from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_one, to_json


async def get(connection: Connection, key: str) -> Any:
    """The value kept under a key, or nothing."""
    row = await fetch_one(connection, "settings.get", key=key)
    return row["value"] if row else None


async def put(connection: Connection, key: str, value: Any) -> None:
    """Keep a JSON value under a key."""
    await execute(connection, "settings.put", key=key, value=to_json(value))
