"""Votes on resolutions: whether one helped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.failures import Action
from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class VotedResolution:
    """A resolution with its votes, the latest of `times` in the same words; `own` is the vote of the one who looks."""

    id: UUID
    incident_id: UUID | None
    summary: str
    action: Action | None
    author: str | None
    fixed_in: Mapping[str, str] | None
    regressed_at: datetime | None
    created_at: datetime
    times: int
    helped: int
    not_helped: int
    own: bool | None


async def vote(
    connection: Connection, *, workspace_id: int, precedent_id: UUID, id: UUID, voter: bytes, helped: bool | None
) -> None:
    """Say whether a precedent's resolution helped; None takes the vote back. Raises `NotFound`."""
    whose: dict[str, Any] = {"workspace_id": workspace_id, "precedent_id": precedent_id, "id": id, "voter": voter}
    if helped is None:
        await execute(connection, "votes.withdraw", **whose)
    elif await fetch_one(connection, "votes.vote", helped=helped, **whose) is None:
        raise NotFound(f"The precedent {precedent_id} has no resolution {id}.")


async def of_precedent(
    connection: Connection, *, workspace_id: int, precedent_id: UUID, voter: bytes, limit: int = 50
) -> list[VotedResolution]:
    """What was said of a precedent and its incidents: what helped most first, and of equals the latest."""
    rows = await fetch_all(
        connection, "votes.voted", workspace_id=workspace_id, precedent_id=precedent_id, voter=voter, limit=limit
    )
    return [VotedResolution(**{**row, "action": Action(row["action"]) if row["action"] else None}) for row in rows]
