"""Starter precedents: loaded once, seen by all, changed by none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from knowledge.errors import Conflict
from knowledge.failures import Action, Cause, Source, Verdict
from knowledge.signature.signature import Signature
from knowledge.starter.catalogue import StarterPrecedent
from knowledge.store import corrections, incidents, index_queue, precedents, starter
from knowledge.store.database import Connection, Database
from knowledge.store.records import EmbeddingKind, MadeEmbedding, NewIncident, StarterRow

MakeIncident = Callable[..., NewIncident]
MakeRow = Callable[..., StarterRow]


@pytest.fixture
def row(signature: Callable[[str], Signature]) -> MakeRow:
    """Make a starter precedent with signatures of these kinds."""

    def make(key: str, *kinds: str) -> StarterRow:
        precedent = StarterPrecedent(
            key=key,
            component="component",
            title=f"title of {key}",
            verdict=Verdict.TRANSIENT,
            cause=Cause.RATE_LIMIT,
            action=Action.RETRY_WITH_BACKOFF,
            resolution="back off",
            sources=("https://example.org",),
            wordings=kinds,
        )
        return StarterRow(precedent, tuple(signature(kind) for kind in kinds))

    return make


async def test_loaded_once_by_whoever_comes_first(database: Database, connection: Connection, row: MakeRow) -> None:
    """Two processes that start at once, and each later start, leave one of each."""
    rows = [row("one", "a", "b"), row("two", "c")]

    async def load() -> None:
        async with database.connection() as mine:
            await starter.load(mine, "1", rows)

    await asyncio.gather(load(), load())
    cursor = await connection.execute("SELECT count(*), max(version), count(DISTINCT precedent_id) FROM signatures")

    assert ((3, 1, 2), "1") == (await cursor.fetchone(), await starter.loaded_version(connection))


async def test_known_in_every_workspace_beside_its_own(
    connection: Connection, workspace: int, row: MakeRow, incident: MakeIncident
) -> None:
    """Before the first incident the starter's answers; afterwards the own one, with the starter's beside it."""
    await starter.load(connection, "1", [row("one", "a", "b")])
    asked = {"workspace_id": workspace, "fingerprint": incident("a").signature.fingerprint}
    before = await precedents.find_known(connection, **asked)
    await incidents.record(connection, [incident("a")])
    after = await precedents.find_known(connection, **asked)

    assert before is not None and after is not None
    assert (Source.STARTER, None) == (before.precedent.source, before.starter)
    assert (Verdict.TRANSIENT, Cause.RATE_LIMIT, Action.RETRY_WITH_BACKOFF) == (
        before.precedent.verdict,
        before.precedent.cause,
        before.precedent.action,
    )
    assert (Source.INCIDENT, Verdict.UNKNOWN, before.precedent) == (
        after.precedent.source,
        after.precedent.verdict,
        after.starter,
    )
    with pytest.raises(Conflict, match="starter"):
        await corrections.patch(connection, workspace_id=workspace, id=before.precedent.id, expected_version=1)


async def test_new_catalogue_keeps_ids_and_retires_what_left(
    database: Database, connection: Connection, workspace: int, row: MakeRow, incident: MakeIncident
) -> None:
    """A removed wording and a removed precedent leave the answers and, through the queue, the index."""
    await starter.load(connection, "1", [row("one", "a", "b"), row("two", "c")])
    kinds = {kind: incident(kind).signature.fingerprint for kind in "abcd"}
    asked = {"workspace_id": workspace, "fingerprints": list(kinds.values())}
    before = await precedents.find_known_many(connection, **asked)
    await starter.load(connection, "2", [row("one", "a", "d")])
    after = await precedents.find_known_many(connection, **asked)
    async with database.transaction() as worker:
        taken = await index_queue.take(worker, model_id="model", limit=9)
        await index_queue.mark_indexed(worker, [(each.signature_id, each.version) for each in taken])
    cursor = await connection.execute("SELECT count(*) FROM signatures")

    assert {kinds["a"], kinds["d"]} == set(after)
    assert before[kinds["a"]].precedent.id == after[kinds["d"]].precedent.id
    assert ({True}, 2, (2,)) == ({each.retired for each in taken}, len(taken), await cursor.fetchone())
    await starter.load(connection, "3", [row("one", "a", "b"), row("two", "c")])
    assert {kinds[kind] for kind in "abc"} == set(await precedents.find_known_many(connection, **asked))


async def test_fingerprint_of_two_precedents_belongs_to_the_first(connection: Connection, row: MakeRow) -> None:
    """The load says which they are: wordings that cannot be told apart."""
    loaded = await starter.load(connection, "1", [row("one", "a"), row("two", "a", "b", "b")])

    assert (2, 2, (row("one", "a").signatures[0].fingerprint,)) == (
        loaded.precedents,
        loaded.signatures,
        loaded.shared,
    )


async def test_changed_text_loses_its_vector(connection: Connection, row: MakeRow) -> None:
    """Only what changed is embedded again."""
    first = row("one", "a", "b")
    await starter.load(connection, "1", [first])
    await connection.execute(
        "UPDATE signatures SET embedding = 'x', model_id = 'm';"
        "UPDATE precedents SET resolution_embedding = 'x', resolution_model_id = 'm'"
    )
    changed = replace(first.signatures[0], embedding_text="said otherwise")
    await starter.load(connection, "2", [replace(first, signatures=(changed, first.signatures[1]))])
    missing = await index_queue.missing_embeddings(connection, model_id="m", limit=9)

    assert ["said otherwise"] == [each.text for each in missing]


async def test_vector_of_a_text_that_changed_meanwhile_is_dropped(connection: Connection, row: MakeRow) -> None:
    """Another replica has loaded a new catalogue while it was made."""
    first = row("one", "a")
    await starter.load(connection, "1", [first])
    made = [
        MadeEmbedding(each, b"1234")
        for each in await index_queue.missing_embeddings(connection, model_id="m", limit=9)
        if each.kind is EmbeddingKind.SIGNATURE
    ]
    changed = replace(first.signatures[0], embedding_text="said otherwise")
    await starter.load(connection, "2", [replace(first, signatures=(changed,))])
    await index_queue.save_embeddings(connection, made, model_id="m")
    missing = await index_queue.missing_embeddings(connection, model_id="m", limit=9)

    assert "said otherwise" in [each.text for each in missing]
