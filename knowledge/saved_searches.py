"""The facade of searches that people keep by name. Raises only `knowledge.errors`."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from knowledge.signature.scrub import scrub
from knowledge.store import saved_searches as stored
from knowledge.store.database import Database
from knowledge.store.saved_searches import SavedSearch
from knowledge.workspaces import Workspaces


class SavedSearches:
    """Built once, by the composition root."""

    def __init__(self, database: Database, *, workspaces: Workspaces) -> None:
        self._database = database
        self._workspaces = workspaces

    async def save(self, workspace: str, *, name: str, fields: Mapping[str, str], by: str | None = None) -> SavedSearch:
        """Keep a search without its secrets; raises `Conflict` where its name is taken, and at too many."""
        workspace_id = await self._workspaces.id_of(workspace)
        scrubbed = {key: scrub(value) for key, value in fields.items()}
        async with self._database.transaction() as connection:
            return await stored.save(
                connection, workspace_id=workspace_id, name=scrub(name), fields=scrubbed, saved_by=by and scrub(by)
            )

    async def all_of(self, workspace: str) -> list[SavedSearch]:
        """All of a workspace, by name."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            return await stored.all_of(connection, workspace_id=workspace_id)

    async def remove(self, workspace: str, id: UUID, *, by: str | None = None) -> None:
        """Delete one; raises `NotFound`. For a day it can be brought back."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.transaction() as connection:
            await stored.remove(connection, workspace_id=workspace_id, id=id, removed_by=by and scrub(by))

    async def removed(self, workspace: str, id: UUID) -> SavedSearch:
        """One that was deleted within the last day, as it was; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            return await stored.removed(connection, workspace_id=workspace_id, id=id)

    async def bring_back(self, workspace: str, id: UUID) -> SavedSearch:
        """Undo that it was deleted; raises `NotFound` after a day, and `Conflict` where its name has another."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.transaction() as connection:
            return await stored.bring_back(connection, workspace_id=workspace_id, id=id)
