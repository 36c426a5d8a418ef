"""Precedents: found by fingerprint, id or signature; corrected, merged and split by people.

Each change is durable, versioned and audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from knowledge.errors import Conflict, InvalidInput, NotFound, StaleVersion
from knowledge.failures import Action, Cause, Resolution, Source, Verdict
from knowledge.store import audit
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.precedent_rows import known_of, precedent_of, signature_of, with_starter
from knowledge.store.records import Keep, Known, PrecedentRecord, SignatureRecord
from knowledge.store.rows import Row, execute, fetch_all
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

KEEP = Keep.KEEP


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
    known: dict[str, Known] = {}
    for row in rows:
        own = known.get(row["fingerprint"])
        known[row["fingerprint"]] = with_starter(own, row) if own else known_of(row)
    return known


async def by_ids(connection: Connection, *, workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, PrecedentRecord]:
    """Precedents by the ids asked for, own and starter; one that was merged answers with what it was merged into."""
    rows = await fetch_all(connection, "precedents.by_ids", workspace_id=workspace_id, ids=list(ids))
    return {row["asked"]: precedent_of(row) for row in rows}


async def by_signatures(
    connection: Connection, *, workspace_id: int, ids: Sequence[UUID]
) -> dict[UUID, PrecedentRecord]:
    """Precedents by the ids of signatures (as the index gives them), each with that signature."""
    rows = await fetch_all(connection, "precedents.by_signatures", workspace_id=workspace_id, ids=list(ids))
    return {row["signature_id"]: precedent_of(row) for row in rows}


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


async def patch(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    expected_version: int,
    verdict: Verdict | Keep | None = KEEP,
    cause: Cause | Keep | None = KEEP,
    action: Action | Keep | None = KEEP,
    resolution: Resolution | Keep = KEEP,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Set (or with `None` take away) what a person says of a precedent, and how it was resolved.

    Raises `NotFound`, `StaleVersion`, and `Conflict` for a starter precedent or one that was merged away.
    """
    async with connection.transaction():
        before = (await _lock(connection, workspace_id=workspace_id, ids=[id]))[id]
        _check_version(before, expected_version)
        after = {
            "verdict": _value(verdict, before["verdict_override"]),
            "cause": _value(cause, before["cause_override"]),
            "action": _value(action, before["action_override"]),
        }
        await execute(connection, "precedents.override", id=id, **after)
        if isinstance(resolution, Resolution):
            await _resolve(connection, workspace_id=workspace_id, id=id, resolution=resolution)
            after["resolution"] = resolution.summary
        await execute(connection, "precedents.touch_signatures", ids=[id])
        await audit.record(
            connection,
            workspace_id=workspace_id,
            action="precedent.patch",
            subject_id=id,
            actor=actor,
            reason=reason,
            before=_said(before),
            after=after,
        )
        return await get(connection, workspace_id=workspace_id, id=id)


async def merge(
    connection: Connection,
    *,
    workspace_id: int,
    into: UUID,
    sources: Sequence[UUID],
    expected_version: int,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Join precedents: signatures, incidents, resolutions, outcomes and counts move, and recurrences follow.

    The sources' ids go on to lead to `into`. Raises `NotFound`, `StaleVersion`, `Conflict`, `InvalidInput`.
    """
    moved = list(dict.fromkeys(sources))
    if not moved or into in moved:
        raise InvalidInput("Name at least one precedent to merge, and not the one to merge into.", field="sources")
    async with connection.transaction():
        await fetch_all(connection, "precedents.own_workspace", workspace_id=workspace_id)
        locked = await _lock(connection, workspace_id=workspace_id, ids=[into, *moved])
        _check_version(locked[into], expected_version)
        for part in ("signatures", "incidents", "resolutions", "outcomes"):
            await execute(connection, f"precedents.move_{part}", into=into, sources=moved)
        await execute(connection, "precedents.inherit_overrides", into=into, sources=moved)
        await execute(connection, "precedents.mark_merged", into=into, sources=moved)
        await _recount(connection, into)
        await audit.record(
            connection,
            workspace_id=workspace_id,
            action="precedent.merge",
            subject_id=into,
            actor=actor,
            reason=reason,
            after={"sources": [str(id) for id in moved]},
        )
        return await get(connection, workspace_id=workspace_id, id=into)


async def split(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    fingerprints: Sequence[str],
    expected_version: int,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Part the named signatures, with their incidents, from a precedent; returns the new precedent.

    Both are counted anew; what a person said of the whole stays with the old one. Raises `NotFound`, `StaleVersion`,
    `Conflict`, and `InvalidInput` when a fingerprint is not its own or nothing would be left.
    """
    named, new = list(dict.fromkeys(fingerprints)), uuid7()
    async with connection.transaction():
        await fetch_all(connection, "precedents.own_workspace", workspace_id=workspace_id)
        _check_version((await _lock(connection, workspace_id=workspace_id, ids=[id]))[id], expected_version)
        await _check_parts(connection, workspace_id=workspace_id, id=id, named=named)
        await execute(connection, "precedents.add", id=new, workspace_id=workspace_id)
        await execute(connection, "precedents.part_signatures", id=id, new=new, fingerprints=named)
        for part in ("incidents", "resolutions", "outcomes"):
            await execute(connection, f"precedents.part_{part}", id=id, new=new)
        await execute(connection, "precedents.next_version", id=id)
        await _recount(connection, new, id)
        await audit.record(
            connection,
            workspace_id=workspace_id,
            action="precedent.split",
            subject_id=id,
            actor=actor,
            reason=reason,
            after={"new": str(new), "fingerprints": named},
        )
        return await get(connection, workspace_id=workspace_id, id=new)


async def _lock(connection: Connection, *, workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, Row]:
    rows = await fetch_all(connection, "precedents.lock", workspace_id=workspace_id, ids=list(ids))
    found = {row["id"]: row for row in rows}
    for id in ids:
        if id not in found:
            raise NotFound(f"There is no precedent {id} in this workspace.")
        if found[id]["source"] == Source.STARTER:
            raise Conflict(
                "A starter precedent is the same for all workspaces and cannot be changed: record an incident or a "
                "resolution of your own, which outweighs it."
            )
        if (survivor := found[id]["merged_into"]) is not None:
            raise Conflict(f"The precedent {id} was merged into {survivor}.")
    return found


def _check_version(row: Row, expected: int) -> None:
    if row["version"] != expected:
        raise StaleVersion()


def _value(wanted: Verdict | Cause | Action | Keep | None, stored: str | None) -> str | None:
    return stored if isinstance(wanted, Keep) else wanted


def _said(row: Row) -> dict[str, Any]:
    return {
        "verdict": row["verdict_override"],
        "cause": row["cause_override"],
        "action": row["action_override"],
        "resolution": row["resolution_summary"],
    }


async def _resolve(connection: Connection, *, workspace_id: int, id: UUID, resolution: Resolution) -> None:
    said = {"summary": resolution.summary, "action": resolution.action, "author": resolution.author}
    await execute(
        connection, "precedents.add_resolution", resolution_id=uuid7(), workspace_id=workspace_id, id=id, **said
    )
    await execute(connection, "precedents.show_resolution", id=id, **said)


async def _check_parts(connection: Connection, *, workspace_id: int, id: UUID, named: Sequence[str]) -> None:
    rows = await signatures_of(connection, workspace_id=workspace_id, id=id)
    own = {row.fingerprint for row in rows}
    if strange := [fingerprint for fingerprint in named if fingerprint not in own]:
        raise InvalidInput(f"The precedent has no signature {strange[0][:64]!r}.", field="fingerprints")
    if not named or own == set(named):
        raise InvalidInput("Name at least one of its signatures, and leave it at least one.", field="fingerprints")


async def _recount(connection: Connection, *ids: UUID) -> None:
    for id in ids:
        await fetch_all(connection, "precedents.recount", id=id)
    await execute(connection, "precedents.touch_signatures", ids=list(ids))
