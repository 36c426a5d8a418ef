"""Signatures of an older version get successors of the new one, at the same precedents: what people said stays.

Where the new version gives wordings of two precedents one fingerprint, the precedents are merged, unless people said
that they are apart; then one of them keeps it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.signature.signature import Signature
from knowledge.store import audit, corrections, membership
from knowledge.store.database import Connection
from knowledge.store.fixes import ITSELF
from knowledge.store.ids import signature_id
from knowledge.store.incidents import signature_input
from knowledge.store.membership import Contents
from knowledge.store.rows import Row, execute, fetch_all, fetch_one, to_json

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """A signature that an older version of the signing made."""

    id: UUID
    workspace_id: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An incident of a signature: what was reported, scrubbed."""

    id: UUID
    occurred_at: datetime
    error: Mapping[str, Any] | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Wording:
    """A signature of the new version, and the incidents that have it."""

    signature: Signature
    samples: Sequence[Sample]


async def pending_count(connection: Connection, *, version: int) -> int:
    """How many signatures are still to be signed again for a version."""
    row = await fetch_one(connection, "resigning.pending_count", version=version)
    return int(row["number"]) if row else 0


async def claim(connection: Connection, *, version: int, limit: int) -> list[Pending]:
    """Signatures to sign again, claimed until the caller's transaction ends; other processes take others."""
    rows = await fetch_all(connection, "resigning.claim", version=version, limit=limit)
    return [Pending(**row) for row in rows]


async def samples(connection: Connection, id: UUID, *, limit: int) -> list[Sample]:
    """The latest incidents of a signature, newest first."""
    return [Sample(**row) for row in await fetch_all(connection, "resigning.samples", id=id, limit=limit)]


async def apply(connection: Connection, pending: Pending, wordings: Sequence[Wording], *, version: int) -> None:
    """Give a signature its successors; `wordings` are what its incidents sign to now, the most frequent first.

    Nothing is done to one that another process has done. Needs the caller's transaction, and nothing else in it.
    """
    workspace_id = pending.workspace_id
    await membership.own_workspace(connection, workspace_id=workspace_id)
    still = await fetch_one(connection, "resigning.still_pending", id=pending.id, version=version)
    if still is None:
        return
    found = await fetch_all(
        connection,
        "resigning.by_fingerprints",
        workspace_id=workspace_id,
        fingerprints=[each.signature.fingerprint for each in wordings],
    )
    concerned = {still["precedent_id"], *(row["precedent_id"] for row in found)}
    await membership.lock(connection, workspace_id=workspace_id, ids=list(concerned))
    placed = [await _place(connection, pending, each.signature) for each in wordings]
    for wording, successor in list(zip(wordings, placed, strict=True))[1:]:
        if successor is not None:
            await _move(connection, pending, wording.samples, to=successor)
    await execute(connection, "resigning.done", id=pending.id, version=version)
    if placed and placed[0] not in (None, pending.id):
        await execute(connection, "resigning.supersede", id=pending.id, successor=placed[0])


async def give_up(connection: Connection, pending: Pending, *, version: int) -> None:
    """It cannot be signed again: it stays as it is, and counts as looked at for the version."""
    await execute(connection, "resigning.done", id=pending.id, version=version)


async def _place(connection: Connection, pending: Pending, signature: Signature) -> UUID | None:
    """The signature, at the precedent of the pending one; None where another precedent keeps it."""
    own = await _precedent_of(connection, pending.id)
    values = signature_input(signature, workspace_id=pending.workspace_id, precedent=own)
    id = signature_id(pending.workspace_id, signature.fingerprint)
    there = await fetch_one(connection, "resigning.precedent_of", id=id)
    if there is None:
        await execute(
            connection,
            "resigning.add",
            workspace_id=pending.workspace_id,
            signature=to_json(values),
            origin=pending.id,
        )
    elif id == pending.id:
        await execute(connection, "resigning.renew", signature=to_json(values))
    elif there["precedent_id"] != own and not await _bring_together(
        connection, pending, own=own, other=there["precedent_id"], id=id, signature=signature
    ):
        return None
    return id


async def _bring_together(
    connection: Connection, pending: Pending, *, own: UUID, other: UUID, id: UUID, signature: Signature
) -> bool:
    """One fingerprint, two precedents: merge them, or decide which keeps it. Whether `own` has it then."""
    rows = await fetch_all(connection, "resigning.two", one=own, other=other, signature=id)
    older, younger = rows
    what = f"Signature version {signature.version} gives wordings of both the fingerprint {signature.fingerprint}"
    if not (older["apart"] or _differ(older, younger)):
        log.info("re-signing merges precedent %s into %s", younger["id"], older["id"])
        await corrections.merge(
            connection,
            workspace_id=pending.workspace_id,
            into=older["id"],
            sources=[younger["id"]],
            expected_version=None,
            actor=ITSELF,
            reason=f"{what}: they are one now.",
        )
        return True
    keeper = _keeper(rows, holder=other)
    log.info("re-signing keeps precedents %s and %s apart, as people said", own, other)
    await audit.record(
        connection,
        workspace_id=pending.workspace_id,
        action="precedent.kept_apart",
        subject_id=own,
        also=[other],
        actor=ITSELF,
        reason=f"{what}, which people said are apart: it goes to {keeper}.",
        after={"fingerprint": signature.fingerprint, "kept_by": str(keeper)},
    )
    if keeper == own:
        await membership.part(connection, id=other, leaving=Contents(own, [id]))
    return keeper == own


def _differ(one: Row, other: Row) -> bool:
    """Whether people said different things of them."""
    fields = [f"{name}_override" for name in corrections.OVERRIDES]
    return any(None not in (one[field], other[field]) and one[field] != other[field] for field in fields)


def _keeper(rows: Sequence[Row], *, holder: UUID) -> UUID:
    """Whom the fingerprint stays with: never leave the holder with nothing; then whom people spoke of, whom more
    incidents speak for, and the older."""
    by_id: dict[UUID, Row] = {row["id"]: row for row in rows}
    if not by_id[holder]["others"]:
        return holder
    spoken_of = {row["id"]: any(row[f"{name}_override"] is not None for name in corrections.OVERRIDES) for row in rows}
    return max(by_id, key=lambda id: (spoken_of[id], by_id[id]["occurrences"]))  # of equals the first, the older


async def _precedent_of(connection: Connection, id: UUID) -> UUID:
    found = await fetch_all(connection, "resigning.precedent_of", id=id)
    precedent: UUID = found[0]["precedent_id"]
    return precedent


async def _move(connection: Connection, pending: Pending, moved: Sequence[Sample], *, to: UUID) -> None:
    ids, times = [each.id for each in moved], [each.occurred_at for each in moved]
    await execute(connection, "resigning.move_incidents", id=pending.id, to=to, ids=ids, times=times)
