"""Searches that a workspace keeps by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from knowledge.errors import Conflict, NotFound
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.rows import execute, fetch_all, fetch_one, to_json

#: Searches of a workspace: more than anybody looks through.
MOST = 100
#: Characters of a field that are told of a search whose name is taken.
_LONGEST_TOLD = 100


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search by name; `fields` are those of the page's address."""

    id: UUID
    name: str
    fields: Mapping[str, str]
    saved_by: str | None
    saved_at: datetime


async def save(
    connection: Connection, *, workspace_id: int, name: str, fields: Mapping[str, str], saved_by: str | None
) -> SavedSearch:
    """Keep it. Raises `Conflict` where the name is that of another search, or where there are too many.

    Sent twice it is kept once. Call it in a transaction.
    """
    await fetch_one(connection, "saved_searches.save_alone", workspace_id=workspace_id)
    row = await fetch_one(
        connection,
        "saved_searches.save",
        id=uuid7(),
        workspace_id=workspace_id,
        name=name,
        fields=to_json(dict(fields)),
        saved_by=saved_by,
        most=MOST,
    )
    if row is None:
        raise Conflict(await _why_not(connection, workspace_id=workspace_id, name=name))
    return SavedSearch(**row)


async def _why_not(connection: Connection, *, workspace_id: int, name: str) -> str:
    taken = await fetch_one(connection, "saved_searches.named", workspace_id=workspace_id, name=name)
    if taken is None:
        return f"This workspace keeps {MOST} searches already: delete one first."
    told = ", ".join(f"{key} {value[:_LONGEST_TOLD]}" for key, value in taken["fields"].items())
    by = f" by {taken['saved_by']}" if taken["saved_by"] else ""
    return f"“{name}” was saved already{by}, for {told}. Choose another name, or delete that search first."


async def all_of(connection: Connection, *, workspace_id: int) -> list[SavedSearch]:
    """All of a workspace, by name."""
    rows = await fetch_all(connection, "saved_searches.all", workspace_id=workspace_id)
    return [SavedSearch(**row) for row in rows]


async def remove(connection: Connection, *, workspace_id: int, id: UUID) -> None:
    """Forget one; raises `NotFound`."""
    if not await execute(connection, "saved_searches.remove", workspace_id=workspace_id, id=id):
        raise NotFound(f"There is no saved search {id} in this workspace.")
