"""Precedents: found by fingerprint, id or signature. What people change of them is in `corrections`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.store.database import Connection
from knowledge.store.precedent_rows import by_cause_of, known_of, precedent_of, signature_of, with_starter
from knowledge.store.records import Known, PrecedentRecord, SignatureRecord
from knowledge.store.rows import fetch_all
from knowledge.store.workspaces import STARTER_WORKSPACE_ID


async def find_known(connection: Connection, *, workspace_id: int, fingerprint: str) -> Known | None:
    """What is known of a fingerprint, in the workspace and among the starter precedents: one round trip."""
    found = await find_known_many(connection, workspace_id=workspace_id, fingerprints=[fingerprint])
    return found.get(fingerprint)


async def find_known_many(
    connection: Connection, *, workspace_id: int, fingerprints: Sequence[str]
) -> dict[str, Known]:
    """The same for many fingerprints in one round trip; those that nobody knows are left out."""
    rows = await fetch_all(connection, "precedents.known", workspace_id=workspace_id, fingerprints=list(fingerprints))
    rows.sort(key=lambda row: row["workspace_id"] == STARTER_WORKSPACE_ID)
    by_cause = by_cause_of(rows)
    known: dict[str, Known] = {}
    for row in rows:
        found, own = known_of(row, by_cause=by_cause), known.get(row["fingerprint"])
        known[row["fingerprint"]] = with_starter(own, found) if own else found
    return known


async def by_ids(connection: Connection, *, workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, PrecedentRecord]:
    """Precedents by the ids asked for, own and starter; one that was merged answers with what it was merged into."""
    rows = await fetch_all(connection, "precedents.by_ids", workspace_id=workspace_id, ids=list(ids))
    by_cause = by_cause_of(rows)
    return {row["asked"]: precedent_of(row, by_cause=by_cause) for row in rows}


async def get(connection: Connection, *, workspace_id: int, id: UUID) -> PrecedentRecord:
    """One precedent, or what it was merged into; raises `NotFound`."""
    found = await by_ids(connection, workspace_id=workspace_id, ids=[id])
    if id not in found:
        raise NotFound(f"There is no precedent {id} in this workspace.")
    return found[id]


async def signatures_of(connection: Connection, *, workspace_id: int, id: UUID) -> list[SignatureRecord]:
    """All signatures of a precedent, oldest first."""
    rows = await fetch_all(connection, "precedents.signatures_of", workspace_id=workspace_id, id=id)
    return [signature_of(row) for row in rows]
