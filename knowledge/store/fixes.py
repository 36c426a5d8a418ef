"""Fixes: where a resolution is to be had, and that a precedent came back all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from knowledge.fixes import Fix, Regression, compared
from knowledge.store import audit
from knowledge.store.database import Connection
from knowledge.store.records import NewIncident, Recorded
from knowledge.store.rows import execute, fetch_all, to_json

#: The author, in the audit log, of what the service finds out by itself.
ITSELF = "seenbefore"


async def say(connection: Connection, fixes: Mapping[UUID, Mapping[str, str]]) -> None:
    """Keep `fixed_in` with these resolutions."""
    values = [to_json(dict(fixed_in)) for fixed_in in fixes.values()]
    await execute(connection, "fixes.say", ids=list(fixes), fixes=values)


async def flag(connection: Connection, recorded: Sequence[tuple[NewIncident, Recorded]]) -> None:
    """Flag the precedents that came back, in these incidents, where they were fixed."""
    seen = [(row, where) for row, where in recorded if row.environment and not where.duplicate]
    if not seen:
        return
    ids = list({where.precedent_id for _, where in seen})
    rows = await fetch_all(connection, "fixes.holding", ids=ids)
    holding = {row["id"]: (row["fix_id"], Fix(row["fixed_in"], row["fixed_at"])) for row in rows}
    for row, where in sorted(seen, key=lambda pair: pair[0].occurred_at):
        if where.precedent_id in holding:
            fix_id, fix = holding[where.precedent_id]
            found = compared(fix, environment=row.environment, occurred_at=row.occurred_at)
            if isinstance(found, Regression):
                del holding[where.precedent_id]
                await _regress(connection, row, where, fix_id=fix_id, found=found)


async def _regress(
    connection: Connection, row: NewIncident, where: Recorded, *, fix_id: UUID, found: Regression
) -> None:
    incident, seen_in = where.incident_id, dict(found.seen_in)
    async with connection.transaction():
        values = {"at": row.occurred_at, "incident_id": incident, "seen_in": to_json(seen_in)}
        if await execute(connection, "fixes.regress", id=fix_id, **values):
            await audit.record(
                connection,
                workspace_id=row.workspace_id,
                action="precedent.regressed",
                subject_id=where.precedent_id,
                actor=ITSELF,
                reason="It came back where it was fixed.",
                before={"fixed_in": dict(found.fixed_in), "resolved_at": found.resolved_at},
                after={"incident_id": str(incident), "seen_in": seen_in},
            )
