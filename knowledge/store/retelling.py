"""An incident that was told in few words and is told again by one who knows more: it is the same, and says that."""

from __future__ import annotations

from dataclasses import replace

from knowledge.store import incidents, membership
from knowledge.store.database import Connection
from knowledge.store.records import NewIncident
from knowledge.store.rows import execute, fetch_one


async def retell(connection: Connection, row: NewIncident, *, instead_of: str) -> bool:
    """Let the incident that has the row's external id, and says `instead_of`, say what the row says; whether it does.

    Its id, its time and how its retries ended stay; the precedent of what it said counts without it. It is left alone
    in a storm, and where somebody has said something of it. Call it in a transaction.
    """
    await membership.own_workspace(connection, workspace_id=row.workspace_id)
    place = {"workspace_id": row.workspace_id, "external_id": row.external_id}
    before = await fetch_one(connection, "retelling.take_out", text=instead_of, **place)
    if before is None:
        return False
    environment = {**(before["environment"] or {}), **row.environment}
    same = replace(row, id=before["id"], occurred_at=before["occurred_at"], environment=environment)
    [recorded] = await incidents.record(connection, [same])
    await execute(connection, "retelling.move_outcomes", id=same.id, into=recorded.precedent_id)
    await membership.recount(connection, *dict.fromkeys((before["precedent_id"], recorded.precedent_id)))
    return True
