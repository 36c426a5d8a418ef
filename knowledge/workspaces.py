"""Workspaces by name, as the facades meet them."""

from __future__ import annotations

from knowledge.store import workspaces as stored
from knowledge.store.database import Database


class Workspaces:
    """The ids of workspaces, remembered: they never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}

    async def id_of(self, name: str) -> int:
        """The id of a workspace, made if need be; raises `InvalidInput` for a name nobody may have."""
        if name not in self._ids:
            async with self._database.connection() as connection:
                self._ids[name] = await stored.ensure(connection, name)
        return self._ids[name]
