"""Workspaces (tenants) by name."""

from __future__ import annotations

from knowledge.errors import InvalidInput
from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_one

STARTER_WORKSPACE_ID = 0
RESERVED_PREFIX = "$"
LONGEST_NAME = 200


async def find(connection: Connection, name: str) -> int | None:
    """The id of a workspace, or nothing."""
    row = await fetch_one(connection, "workspaces.find", name=name)
    return int(row["id"]) if row else None


async def ensure(connection: Connection, name: str) -> int:
    """The id of a workspace, made if need be; raises `InvalidInput` for a name nobody may have."""
    if not name.strip() or len(name) > LONGEST_NAME or name.startswith(RESERVED_PREFIX):
        raise InvalidInput(
            f"A workspace's name has 1 to {LONGEST_NAME} characters and does not start with {RESERVED_PREFIX}.",
            field="workspace",
        )
    while (found := await find(connection, name)) is None:
        await execute(connection, "workspaces.add", name=name)
    return found
