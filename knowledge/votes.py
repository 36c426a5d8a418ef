"""The facade of votes on resolutions: *helped me*, *did not*. Raises only `knowledge.errors`.

A voter is whatever the face can tell apart: an API key, or a browser while nobody is asked for one. That is honest for
people who share a service, and no protection against one who wants to be many.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from knowledge.store import votes as stored
from knowledge.store.database import Database
from knowledge.store.votes import VotedResolution
from knowledge.workspaces import Workspaces


class Votes:
    """Built once, by the composition root."""

    def __init__(self, database: Database, *, workspaces: Workspaces) -> None:
        self._database = database
        self._workspaces = workspaces

    async def vote(
        self, workspace: str, precedent_id: UUID, resolution_id: UUID, *, voter: str, helped: bool | None
    ) -> None:
        """Say whether a resolution helped; again, it replaces what was said before, and None takes it back."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            await stored.vote(
                connection,
                workspace_id=workspace_id,
                precedent_id=precedent_id,
                id=resolution_id,
                voter=_hashed(voter, workspace_id),
                helped=helped,
            )

    async def resolutions(self, workspace: str, precedent_id: UUID, *, voter: str) -> list[VotedResolution]:
        """A precedent's resolutions: what helped most first, and of equals the latest."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            return await stored.of_precedent(
                connection, workspace_id=workspace_id, precedent_id=precedent_id, voter=_hashed(voter, workspace_id)
            )


def _hashed(voter: str, workspace_id: int) -> bytes:
    """Nothing that identifies a browser is kept."""
    return hashlib.sha256(f"{workspace_id} {voter}".encode()).digest()
