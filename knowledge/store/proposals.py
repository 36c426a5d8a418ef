"""Proposed resolutions: kept apart from resolutions until a person has accepted them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.proposals import ProposalState
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.rows import execute, fetch_all, fetch_one, to_json


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """A proposed resolution as it stands; `precedent_id` is that of its incident now.

    `proposed_by` is what who proposed it calls itself, `proposed_key` the API key by its name: None without keys.
    """

    id: UUID
    state: ProposalState
    incident_id: UUID
    precedent_id: UUID
    summary: str
    action: Action | None
    verdict: Verdict | None
    cause: Cause | None
    fixed_in: dict[str, str] | None
    proposed_by: str | None
    proposed_key: str | None
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


async def add(
    connection: Connection,
    said: Resolution,
    *,
    workspace_id: int,
    incident_id: UUID,
    verdict: Verdict | None,
    cause: Cause | None,
    key: str | None,
) -> ProposalRecord:
    """Keep a proposal, or find the one that says the same of the incident. Raises `NotFound`."""
    await execute(
        connection,
        "proposals.add",
        id=uuid7(),
        workspace_id=workspace_id,
        incident_id=incident_id,
        summary=said.summary,
        action=said.action,
        verdict=verdict,
        cause=cause,
        fixed_in=to_json(dict(said.fixed_in)) if said.fixed_in else None,
        proposed_by=said.author,
        proposed_key=key,
    )
    values = {"workspace_id": workspace_id, "incident_id": incident_id, "summary": said.summary}
    row = await fetch_one(connection, "proposals.said", **values)
    if row is None:
        raise NotFound(f"There is no incident {incident_id} in this workspace.")
    return _record(row)


async def locked(connection: Connection, *, workspace_id: int, id: UUID) -> ProposalRecord:
    """A proposal that nobody else decides about meanwhile; raises `NotFound`."""
    await fetch_one(connection, "proposals.lock", workspace_id=workspace_id, id=id)
    return await get(connection, workspace_id=workspace_id, id=id)


async def get(connection: Connection, *, workspace_id: int, id: UUID) -> ProposalRecord:
    """A proposal; raises `NotFound`."""
    row = await fetch_one(connection, "proposals.get", workspace_id=workspace_id, id=id)
    if row is None:
        raise NotFound(f"There is no proposed resolution {id} in this workspace.")
    return _record(row)


async def page(
    connection: Connection,
    *,
    workspace_id: int,
    state: ProposalState,
    precedent_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ProposalRecord]:
    """Proposals of one state, newest first; `after` is `(proposed_at, id)` of the last one of the page before."""
    after_time, after_id = after or (None, None)
    rows = await fetch_all(
        connection,
        "proposals.page",
        prepare=False,
        workspace_id=workspace_id,
        state=state,
        precedent_id=precedent_id,
        after_time=after_time,
        after_id=after_id,
        limit=limit,
    )
    return [_record(row) for row in rows]


async def waiting(connection: Connection, *, workspace_id: int, most: int) -> int:
    """How many wait for a person, counted up to `most`."""
    row = await fetch_one(connection, "proposals.waiting", workspace_id=workspace_id, most=most)
    return int(row["waiting"]) if row else 0


async def decide(
    connection: Connection, *, id: UUID, state: ProposalState, decided_by: str, reason: str | None
) -> None:
    """Write down what was decided about a proposal that is `locked`."""
    await execute(connection, "proposals.decide", id=id, state=state, decided_by=decided_by, reason=reason)


def _record(row: dict[str, Any]) -> ProposalRecord:
    return ProposalRecord(
        **{
            **row,
            "state": ProposalState(row["state"]),
            "action": Action(row["action"]) if row["action"] else None,
            "verdict": Verdict(row["verdict"]) if row["verdict"] else None,
            "cause": Cause(row["cause"]) if row["cause"] else None,
        }
    )
