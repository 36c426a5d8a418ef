"""Outcomes: how retries ended."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import OutcomeRecord
from knowledge.store.rows import fetch_one


async def record(
    connection: Connection,
    *,
    workspace_id: int,
    incident_id: UUID,
    result: Literal["succeeded", "failed"],
    attempt: int | None = None,
    waited_s: float | None = None,
    author: str | None = None,
) -> OutcomeRecord:
    """Record how an attempt after the advice ended and count it for the precedent; raises `NotFound`.

    An attempt has one outcome: told again it is the same, told otherwise it is corrected. `author`: who tells it.
    """
    row = await fetch_one(
        connection,
        "outcomes.record",
        workspace_id=workspace_id,
        id=uuid7(),
        incident_id=incident_id,
        result=result,
        attempt=attempt,
        waited_s=waited_s,
        author=author,
    )
    if row is None:
        raise NotFound(f"There is no incident {incident_id} in this workspace.")
    return OutcomeRecord(**row)
