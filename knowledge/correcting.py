"""What people change of precedents, as values: each says what is to be done, `apply` does it.

Secrets are scrubbed here, once, whatever the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from knowledge import documents
from knowledge.documents import Document
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.intake import scrubbed_resolution
from knowledge.signature.scrub import scrub
from knowledge.store import corrections, precedents, resolutions
from knowledge.store.database import Connection
from knowledge.store.records import Keep, PrecedentRecord


@dataclass(frozen=True, slots=True)
class Correction:
    """What a precedent is: `KEEP` leaves a field as it is, `None` takes an override away."""

    verdict: Verdict | Keep | None = Keep.KEEP
    cause: Cause | Keep | None = Keep.KEEP
    action: Action | Keep | None = Keep.KEEP
    resolution: Resolution | Keep = Keep.KEEP


@dataclass(frozen=True, slots=True)
class Merge:
    """These precedents are the same as the one that is changed.

    `read`: the version of each that its sender has looked at; of those that are left out any version is taken.
    """

    sources: Sequence[UUID]
    read: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Split:
    """These signatures, by fingerprint, are something else than the precedent that is changed."""

    fingerprints: Sequence[str]


@dataclass(frozen=True, slots=True)
class Undo:
    """A change of the precedent's history is taken back; undoing an undo brings back what it took."""

    change: UUID


ChangeOf: TypeAlias = Correction | Merge | Split | Undo


@dataclass(frozen=True, slots=True)
class Signed:
    """Who changes something, and why."""

    actor: str | None = None
    reason: str | None = None


async def apply(
    connection: Connection, change: ChangeOf, *, workspace_id: int, id: UUID, expected_version: int, signed: Signed
) -> Document:
    """Change a precedent that was read at this version; the precedent as it is then, of a split the new one.

    Raises `NotFound`, `StaleVersion`, `Conflict`, `InvalidInput`.
    """
    common: dict[str, Any] = {
        "workspace_id": workspace_id,
        "expected_version": expected_version,
        "actor": signed.actor and scrub(signed.actor),
        "reason": signed.reason and scrub(signed.reason),
    }
    changed = await _change(connection, change, id=id, common=common)
    return await precedent(connection, workspace_id=workspace_id, id=changed.id)


async def precedent(connection: Connection, *, workspace_id: int, id: UUID) -> Document:
    """One precedent with its signatures and resolutions, or what it was merged into; raises `NotFound`."""
    record = await precedents.get(connection, workspace_id=workspace_id, id=id)
    signatures = await precedents.signatures_of(connection, workspace_id=workspace_id, id=record.id)
    said = await resolutions.of_precedent(connection, workspace_id=workspace_id, precedent_id=record.id)
    return documents.of_precedent(record, signatures=signatures, resolutions=said)


async def history(
    connection: Connection, *, workspace_id: int, id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[Document]:
    """What was done to a precedent, newest first; raises `NotFound`."""
    page = await corrections.history(connection, workspace_id=workspace_id, id=id, after=after, limit=limit)
    return [documents.of_change(each) for each in page]


async def _change(connection: Connection, change: ChangeOf, *, id: UUID, common: dict[str, Any]) -> PrecedentRecord:
    match change:
        case Correction(verdict, cause, action, said):
            resolution = scrubbed_resolution(said) if isinstance(said, Resolution) else said
            return await corrections.patch(
                connection, id=id, verdict=verdict, cause=cause, action=action, resolution=resolution, **common
            )
        case Merge(sources, read):
            return await corrections.merge(connection, into=id, sources=sources, source_versions=read, **common)
        case Split(fingerprints):
            # Those that are none are quoted in the refusal.
            named = [scrub(each) for each in fingerprints]
            return await corrections.split(connection, id=id, fingerprints=named, **common)
        case Undo(undone):
            return await corrections.undo(connection, id=id, change=undone, **common)
