"""What the index does not show yet: a signature whose `index_version` is behind its `version`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from knowledge.failures import Action, Cause, Source, Verdict
from knowledge.store.database import Connection
from knowledge.store.records import EmbeddingKind, IndexRow, MadeEmbedding, MissingEmbedding
from knowledge.store.rows import execute, fetch_all, fetch_one, strings

PAGE = 10_000
#: Precedents that are held at once while what they have is marked.
MARKED_AT_ONCE = 1_000


async def missing_embeddings(connection: Connection, *, model_id: str, limit: int) -> list[MissingEmbedding]:
    """Texts without a vector of this model, signatures before resolutions."""
    missing: list[MissingEmbedding] = []
    for kind in (EmbeddingKind.SIGNATURE, EmbeddingKind.RESOLUTION):
        left = limit - len(missing)
        rows = await fetch_all(connection, f"index_queue.missing_{kind}_embeddings", model_id=model_id, limit=left)
        missing += [MissingEmbedding(kind=kind, id=row["id"], text=row["text"]) for row in rows]
    return missing


async def save_embeddings(connection: Connection, rows: Sequence[MadeEmbedding], *, model_id: str) -> None:
    """Keep vectors of this model; one whose text has changed since is dropped and asked for again."""
    for kind in EmbeddingKind:  # a transaction each: both hold precedents
        made = [row for row in rows if row.of.kind is kind]
        values: dict[str, Any] = {
            "ids": [row.of.id for row in made],
            "texts": [row.of.text for row in made],
            "embeddings": [row.embedding for row in made],
        }
        if made:
            await execute(connection, f"index_queue.save_{kind}_embeddings", model_id=model_id, **values)


async def take(connection: Connection, *, model_id: str, limit: int) -> list[IndexRow]:
    """Rows to bring to the index, claimed until the caller's transaction ends; other workers take others.

    Write them to the index, then call `mark_indexed` in the same transaction. Those who record do not wait meanwhile;
    what they change stays pending.
    """
    claimed = await fetch_all(connection, "index_queue.claim_pending", model_id=model_id, limit=limit)
    if not claimed:
        return []
    ids = [row["id"] for row in claimed]
    return [
        _index_row(row) for row in await fetch_all(connection, "index_queue.read_claimed", model_id=model_id, ids=ids)
    ]


async def mark_indexed(connection: Connection, rows: Sequence[tuple[UUID, int]]) -> int:
    """Say which versions the index shows now: `(signature id, version)`; how many were marked.

    Retired ones are deleted. What somebody is changing at that moment is left out, and stays pending.
    """
    ids = [id for id, _ in rows]
    marked = await execute(connection, "index_queue.mark_indexed", ids=ids, versions=[version for _, version in rows])
    await execute(connection, "index_queue.delete_retired", ids=ids)
    return marked


async def pending_count(connection: Connection, *, workspace_id: int | None = None) -> int:
    """How many signatures the index does not show as they are, in one workspace or in all."""
    row = await fetch_one(connection, "index_queue.pending_count", workspace_id=workspace_id)
    return int(row["number"]) if row else 0


async def mark_all_stale(connection: Connection) -> int:
    """Ask for everything to be indexed again; how many.

    Who records waits for one page of it; in a transaction, until that ends.
    """
    marked, after = 0, {"after_workspace": -1, "after": UUID(int=0)}
    while last := await fetch_one(connection, "index_queue.mark_some_stale", limit=MARKED_AT_ONCE, **after):
        marked += last["marked"]
        after = {"after_workspace": last["workspace_id"], "after": last["id"]}
    return marked


async def mark_stale(connection: Connection, signature_ids: Sequence[UUID]) -> int:
    """Ask for these signatures to be indexed again; how many."""
    return await execute(connection, "index_queue.mark_stale", ids=list(signature_ids))


async def versions(connection: Connection) -> AsyncIterator[tuple[UUID, int]]:
    """All `(signature id, index version)` in the order of ids, to compare with what the index holds."""
    after = UUID(int=0)
    while page := await fetch_all(connection, "index_queue.versions", after=after, limit=PAGE):
        for row in page:
            yield row["id"], row["index_version"]
        after = page[-1]["id"]


def _index_row(row: dict[str, Any]) -> IndexRow:
    tuples = ("exceptions", "codes", "operations", "terms", "pipelines")
    return IndexRow(
        **{
            **row,
            **{name: strings(row[name]) for name in tuples},
            "source": Source(row["source"]),
            "verdict": Verdict(row["verdict"]),
            "cause": Cause(row["cause"]) if row["cause"] else None,
            "action": Action(row["action"]) if row["action"] else None,
            "resolution_action": Action(row["resolution_action"]) if row["resolution_action"] else None,
        }
    )
