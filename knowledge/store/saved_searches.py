"""Searches that a workspace keeps by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from knowledge.errors import Conflict, NotFound
from knowledge.store import audit
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.rows import Row, fetch_all, fetch_one, to_json

#: Searches of a workspace: more than anybody looks through.
MOST = 100
#: Characters of a field that are told of a search whose name is taken.
_LONGEST_TOLD = 100
#: So long one that was deleted can be brought back.
BACK_WITHIN_S = 86_400
_REMOVED = "saved_search.deleted"


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
    kept = {"id": uuid7(), "name": name, "fields": fields, "saved_by": saved_by, "saved_at": None}
    return await _keep(connection, kept, workspace_id=workspace_id)


async def _keep(connection: Connection, kept: Row, *, workspace_id: int) -> SavedSearch:
    await fetch_one(connection, "saved_searches.save_alone", workspace_id=workspace_id)
    values = kept | {"fields": to_json(dict(kept["fields"]))}
    row = await fetch_one(connection, "saved_searches.save", workspace_id=workspace_id, most=MOST, **values)
    if row is None:
        raise Conflict(await _why_not(connection, workspace_id=workspace_id, name=kept["name"]))
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


async def remove(connection: Connection, *, workspace_id: int, id: UUID, removed_by: str | None) -> None:
    """Delete one; what it was goes to the audit log. Raises `NotFound`. Call it in a transaction."""
    row = await fetch_one(connection, "saved_searches.remove", workspace_id=workspace_id, id=id)
    if row is None:
        raise NotFound(f"There is no saved search {id} in this workspace.")
    await audit.record(
        connection, workspace_id=workspace_id, action=_REMOVED, actor=removed_by, subject_id=id, before=row
    )


async def removed(connection: Connection, *, workspace_id: int, id: UUID) -> SavedSearch:
    """One that was deleted within the last day, as it was then; raises `NotFound`."""
    row = await fetch_one(
        connection,
        "saved_searches.removed",
        workspace_id=workspace_id,
        id=id,
        action=_REMOVED,
        within_s=BACK_WITHIN_S,
    )
    if row is None:
        raise NotFound(f"No saved search {id} was deleted in this workspace within the last day.")
    kept = row["before"]
    return SavedSearch(**kept | {"id": UUID(kept["id"]), "saved_at": datetime.fromisoformat(kept["saved_at"])})


async def bring_back(connection: Connection, *, workspace_id: int, id: UUID) -> SavedSearch:
    """Undo that it was deleted: under its id, by whom and when it was saved. Sent twice it is there once.

    Raises `NotFound` as `removed` does, and `Conflict` as `save`. Call it in a transaction.
    """
    found = await removed(connection, workspace_id=workspace_id, id=id)
    return await _keep(connection, asdict(found), workspace_id=workspace_id)
