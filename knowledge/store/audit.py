"""The audit log: who changed what, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import AuditEntry
from knowledge.store.rows import execute, fetch_all, to_json


async def record(
    connection: Connection,
    *,
    workspace_id: int,
    action: str,
    actor: str | None,
    reason: str | None = None,
    subject_id: UUID | None = None,
    also: Sequence[UUID] = (),
    before: Any = None,
    after: Any = None,
) -> UUID:
    """Write an entry in the caller's transaction, so that it stands or falls with the change; its id.

    `also` are other precedents that the change touched.
    """
    id = uuid7()
    await execute(
        connection,
        "audit.add",
        id=id,
        workspace_id=workspace_id,
        actor=actor,
        action=action,
        subject_id=subject_id,
        also=list(also),
        reason=reason,
        before=to_json(before),
        after=to_json(after),
    )
    return id


async def list_recent(
    connection: Connection, *, workspace_id: int, subject_id: UUID | None = None, limit: int = 100
) -> list[AuditEntry]:
    """The newest entries first, of one subject or of the whole workspace."""
    rows = await fetch_all(
        connection, "audit.list", prepare=False, workspace_id=workspace_id, subject_id=subject_id, limit=limit
    )
    return [AuditEntry(**row) for row in rows]
