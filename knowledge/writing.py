"""Work that changes something: in one transaction, and at most once where a key says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from knowledge.documents import Document
from knowledge.once import Once
from knowledge.store import idempotency
from knowledge.store.contention import anew
from knowledge.store.database import Connection, Database


async def write(
    database: Database, work: Callable[[Connection], Awaitable[Document]], *, workspace_id: int, once: Once | None
) -> Document:
    """The answer of the work, or the one that was given for its key before.

    The work is done anew where PostgreSQL undid it because it and others waited for each other: it must change nothing
    but rows.
    """
    return await anew(lambda: _written(database, work, workspace_id=workspace_id, once=once))


async def _written(
    database: Database, work: Callable[[Connection], Awaitable[Document]], *, workspace_id: int, once: Once | None
) -> Document:
    async with database.transaction() as connection:
        if once is None:
            return await work(connection)
        stored = await idempotency.claim(connection, once, workspace_id=workspace_id)
        if stored is not None:
            return dict(stored.response)
        document = await work(connection)
        await idempotency.store_response(connection, once, workspace_id=workspace_id, status=200, response=document)
        return document
