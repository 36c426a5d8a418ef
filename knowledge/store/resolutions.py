"""Resolutions: what fixed a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.failures import Action, Cause, Verdict
from knowledge.store import fixes
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import ResolutionRecord
from knowledge.store.rows import fetch_all, fetch_one


async def record(
    connection: Connection,
    *,
    workspace_id: int,
    incident_id: UUID,
    summary: str,
    action: Action | None = None,
    verdict: Verdict | None = None,
    cause: Cause | None = None,
    author: str | None = None,
    fixed_in: Mapping[str, str] | None = None,
    id: UUID | None = None,
) -> ResolutionRecord:
    """Record what fixed an incident; its precedent shows the latest. Raises `NotFound`.

    The same summary for the same incident is one row. Verdict and cause replace what was stated of the incident. `id`
    is that of the proposal it was; said anew, it gets one of its own.
    """
    async with connection.transaction():
        record = await _record_one(
            connection,
            id=id or uuid7(),
            workspace_id=workspace_id,
            incident_id=incident_id,
            summary=summary,
            action=action,
            verdict=verdict,
            cause=cause,
            author=author,
        )
        if fixed_in:
            await fixes.say(connection, {record.id: fixed_in})
            record = replace(record, fixed_in=dict(fixed_in))
    return record


async def _record_one(
    connection: Connection,
    *,
    id: UUID,
    workspace_id: int,
    incident_id: UUID,
    summary: str,
    action: Action | None,
    verdict: Verdict | None,
    cause: Cause | None,
    author: str | None,
) -> ResolutionRecord:
    row = await fetch_one(
        connection,
        "resolutions.record",
        workspace_id=workspace_id,
        id=id,
        incident_id=incident_id,
        summary=summary,
        action=action,
        verdict=verdict,
        cause=cause,
        author=author,
    )
    if row is None:
        raise NotFound(f"There is no incident {incident_id} in this workspace.")
    return _record(row)


async def of_precedent(
    connection: Connection, *, workspace_id: int, precedent_id: UUID, limit: int = 50
) -> list[ResolutionRecord]:
    """What was said of a precedent and its incidents, newest first."""
    values: dict[str, Any] = {"workspace_id": workspace_id, "precedent_id": precedent_id, "limit": limit}
    return [_record(row) for row in await fetch_all(connection, "resolutions.of_precedent", **values)]


def _record(row: dict[str, Any]) -> ResolutionRecord:
    return ResolutionRecord(
        **{
            **row,
            "action": Action(row["action"]) if row["action"] else None,
            "verdict": Verdict(row["verdict"]) if row["verdict"] else None,
            "cause": Cause(row["cause"]) if row["cause"] else None,
        }
    )
