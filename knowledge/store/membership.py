"""What belongs to which precedent: signatures, and with them incidents, resolutions and outcomes, join and part.

Every function needs the caller's transaction. Counts are made anew from what is there, so that whatever is joined and
parted again counts as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from knowledge.errors import Conflict, NotFound, StaleVersion
from knowledge.failures import Source
from knowledge.store.database import Connection
from knowledge.store.rows import Row, execute, fetch_all


@dataclass(frozen=True, slots=True)
class Contents:
    """What a precedent had before it was joined to another: all that parting it again needs.

    `resolutions` are those of the precedent as a whole; `followers` had been merged into it before.
    """

    id: UUID
    signatures: Sequence[UUID]
    resolutions: Sequence[UUID] = ()
    storms: Sequence[UUID] = ()
    followers: Sequence[UUID] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def read(cls, document: dict[str, Any]) -> Contents:
        """What `document` wrote."""
        lists = ("signatures", "resolutions", "storms", "followers")
        return cls(UUID(document["id"]), **{name: [UUID(id) for id in document[name]] for name in lists})


async def own_workspace(connection: Connection, *, workspace_id: int) -> None:
    """Until the transaction ends nobody records or corrects in this workspace."""
    await fetch_all(connection, "membership.own_workspace", workspace_id=workspace_id)


async def lock(connection: Connection, *, workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The precedents as they are, held until the transaction ends; raises `NotFound`."""
    rows = await fetch_all(connection, "membership.lock", workspace_id=workspace_id, ids=list(ids))
    found = {row["id"]: row for row in rows}
    if missing := [id for id in ids if id not in found]:
        raise NotFound(f"There is no precedent {missing[0]} in this workspace.")
    return found


async def lock_living(connection: Connection, *, workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The same; raises `Conflict` for a starter precedent or one that was merged away."""
    found = await lock(connection, workspace_id=workspace_id, ids=ids)
    for row in found.values():
        check_living(row)
    return found


def check_living(row: Row) -> None:
    """Raise `Conflict` for a precedent that cannot be changed."""
    if row["source"] == Source.STARTER:
        raise Conflict(
            "A starter precedent is the same for all workspaces and cannot be changed: record an incident or a "
            "resolution of your own, which outweighs it."
        )
    if row["merged_into"] is not None:
        raise Conflict(f"The precedent {row['id']} was merged into {row['merged_into']}.")


def check_version(row: Row, expected: int) -> None:
    """Raise `StaleVersion` when the precedent has changed since it was read."""
    if row["version"] != expected:
        raise StaleVersion()


async def contents(connection: Connection, ids: Sequence[UUID]) -> list[Contents]:
    """What these precedents have, in their order."""
    return [Contents(**row) for row in await fetch_all(connection, "membership.contents", ids=list(ids))]


async def named(connection: Connection, *, id: UUID, fingerprints: Sequence[str]) -> list[UUID]:
    """Signatures of a precedent by fingerprint, with those of older versions that they followed."""
    rows = await fetch_all(connection, "membership.named", id=id, fingerprints=list(fingerprints))
    return [row["id"] for row in rows]


async def join(connection: Connection, *, into: UUID, sources: Sequence[UUID]) -> None:
    """All that the sources have goes to `into`, and their ids lead there."""
    ids = list(sources)
    await execute(connection, "membership.end_storms", into=into, sources=ids)
    for part in ("signatures", "incidents", "resolutions", "outcomes", "storms"):
        await execute(connection, f"membership.move_{part}", into=into, sources=ids)
    await execute(connection, "membership.mark_merged", into=into, sources=ids)
    await execute(connection, "membership.next_version", id=into)
    await recount(connection, into)


async def add(connection: Connection, *, id: UUID, whole: UUID) -> None:
    """A new precedent to take a part of `whole`, with nothing in it yet."""
    await execute(connection, "membership.add", id=id, whole=whole)


async def part(connection: Connection, *, id: UUID, leaving: Contents) -> None:
    """What leaves goes from the precedent `id` to that of `leaving`, which is there already."""
    new = leaving.id
    await execute(connection, "membership.part_signatures", id=id, new=new, signatures=list(leaving.signatures))
    await execute(connection, "membership.part_incidents", id=id, new=new)
    await execute(connection, "membership.part_resolutions", id=id, new=new, resolutions=list(leaving.resolutions))
    await execute(connection, "membership.part_outcomes", id=id, new=new)
    await execute(connection, "membership.part_storms", id=id, new=new, storms=list(leaving.storms))
    await execute(connection, "membership.next_version", id=id)
    await execute(connection, "membership.heal", ids=[id, new])
    await recount(connection, new, id)


async def part_again(connection: Connection, *, id: UUID, leaving: Contents, staying: Sequence[UUID] = ()) -> None:
    """One that was joined to `id` lives again, with what it had and what came of that by re-signing since.

    `staying` are the signatures that were not its own.
    """
    line = await fetch_all(connection, "membership.descendants", ids=list(leaving.signatures), staying=list(staying))
    await execute(connection, "membership.revive", id=leaving.id, followers=list(leaving.followers))
    whole = Contents(leaving.id, [row["id"] for row in line], leaving.resolutions, leaving.storms)
    await part(connection, id=id, leaving=whole)


async def recount(connection: Connection, *ids: UUID) -> None:
    """Everything that precedents count and remember, made again from what they have."""
    for id in ids:
        await fetch_all(connection, "membership.recount", id=id)
    await touch(connection, *ids)


async def touch(connection: Connection, *ids: UUID) -> None:
    """The index is to show them anew."""
    await execute(connection, "membership.touch_signatures", ids=list(ids))
