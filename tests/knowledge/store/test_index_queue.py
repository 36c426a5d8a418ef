"""The queue to the index: what is behind, taken once, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from knowledge.failures import Action, Resolution, Verdict
from knowledge.store import corrections, incidents, index_queue
from knowledge.store.database import Connection, Database
from knowledge.store.records import EmbeddingKind, IndexRow, MadeEmbedding, NewIncident, Recorded

MakeIncident = Callable[..., NewIncident]
VECTOR = b"\x00\x00\x80?" * 3


async def record(connection: Connection, rows: Sequence[NewIncident]) -> list[Recorded]:
    """Record incidents, and give their signatures vectors as the worker does."""
    recorded = await incidents.record(connection, rows)
    missing = await index_queue.missing_embeddings(connection, model_id="model", limit=100)
    made = [MadeEmbedding(each, VECTOR) for each in missing if each.kind is EmbeddingKind.SIGNATURE]
    await index_queue.save_embeddings(connection, made, model_id="model")
    return recorded


async def bring(database: Database, *, model_id: str = "model", limit: int = 100) -> list[IndexRow]:
    """Do what the worker does, without an index."""
    async with database.transaction() as connection:
        rows = await index_queue.take(connection, model_id=model_id, limit=limit)
        await index_queue.mark_indexed(connection, [(row.signature_id, row.version) for row in rows])
        return rows


async def test_new_signature_is_taken_once_with_all_its_payload(
    database: Database, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """What filters and a degraded answer need."""
    said = Resolution("raise the limit", Action.FIX_THEN_RERUN)
    row = incident(pipeline="p", external_id="x", verdict=Verdict.GENUINE, resolution=said)
    recorded = (await record(connection, [row]))[0]
    assert 1 == await index_queue.pending_count(connection, workspace_id=workspace)
    (taken,) = await bring(database)

    assert (recorded.signature_id, recorded.precedent_id, workspace) == (
        taken.signature_id,
        taken.precedent_id,
        taken.workspace_id,
    )
    assert (VECTOR, None) == (taken.embedding, taken.resolution_embedding)
    assert (row.signature.terms, row.signature.template) == (taken.terms, taken.template)
    assert (Verdict.GENUINE, True, ("p",), 1) == (taken.verdict, taken.resolved, taken.pipelines, taken.occurrences)
    assert (row.occurred_at.timestamp(), "x") == (taken.last_seen, taken.external_id)
    assert ([], 0) == (await bring(database), await index_queue.pending_count(connection))


async def test_hot_fingerprint_is_not_written_anew_each_time(
    database: Database, connection: Connection, incident: MakeIncident
) -> None:
    """Seen again within ten minutes is nothing new; later, elsewhere, or with another verdict is."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    reports = [
        ({"minutes": 0}, {}, 1),
        ({"minutes": 6}, {}, 0),
        ({"minutes": 9}, {}, 0),
        ({"minutes": 11}, {}, 1),
        ({"minutes": 12}, {"pipeline": "p"}, 1),
        ({"minutes": 12}, {"pipeline": "p"}, 0),
        ({"minutes": 12}, {"verdict": Verdict.GENUINE}, 1),
        ({"minutes": 12}, {"verdict": Verdict.GENUINE}, 0),
        ({"minutes": 12}, {"resolution": Resolution("wait")}, 1),
    ]
    taken = []
    for later, fields, _ in reports:
        await record(connection, [incident(occurred_at=start + timedelta(**later), **fields)])
        taken.append(len(await bring(database)))

    assert [number for _, _, number in reports] == taken


async def test_two_workers_take_different_rows(
    database: Database, connection: Connection, incident: MakeIncident
) -> None:
    """Neither waits for the other; what a worker that died had taken is taken again."""
    await record(connection, [incident(str(n)) for n in range(10)])
    async with database.transaction() as one, database.transaction() as two:
        first = await index_queue.take(one, model_id="model", limit=6)
        second = await index_queue.take(two, model_id="model", limit=6)

    assert (6, 4, 10) == (len(first), len(second), len({row.signature_id for row in first + second}))
    assert 10 == len(await bring(database))


async def test_change_while_it_is_indexed_does_not_wait_and_stays_pending(
    database: Database, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Marked with the version that was taken, not with the newest; a slow index slows nobody down."""
    recorded = (await record(connection, [incident()]))[0]
    async with database.transaction() as worker, asyncio.timeout(5):
        (taken,) = await index_queue.take(worker, model_id="model", limit=9)
        await incidents.record(connection, [incident(pipeline="another")])
        await corrections.patch(
            connection, workspace_id=workspace, id=recorded.precedent_id, expected_version=1, verdict=Verdict.GENUINE
        )
        await index_queue.mark_indexed(worker, [(taken.signature_id, taken.version)])

    assert [Verdict.GENUINE] == [row.verdict for row in await bring(database)]


async def test_the_worker_waits_for_nobody_who_changes_a_precedent(
    database: Database, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """With two signatures of one precedent, both would wait for each other: what is being changed stays pending."""
    recorded = await record(connection, [incident("a"), incident("b"), incident("c")])
    into, source, _ = (each.precedent_id for each in recorded)
    await corrections.merge(connection, workspace_id=workspace, into=into, sources=[source], expected_version=1)
    rows = await bring(database)
    await index_queue.mark_all_stale(connection)
    async with database.transaction() as person, database.transaction() as worker, asyncio.timeout(5):
        await corrections.patch(person, workspace_id=workspace, id=into, expected_version=2, verdict=Verdict.GENUINE)
        marked = await index_queue.mark_indexed(worker, [(row.signature_id, row.version) for row in rows])
    again = await bring(database)

    assert (3, 1) == (len(rows), marked)
    assert {(into, Verdict.GENUINE)} == {(row.precedent_id, row.verdict) for row in again}
    assert 2 == len(again)


async def test_embeddings_are_asked_for_saved_and_asked_again_of_a_new_model(
    database: Database, connection: Connection, incident: MakeIncident
) -> None:
    """Signatures and resolutions; without a vector of the model nothing is taken."""
    await incidents.record(connection, [incident(resolution=Resolution("wait")), incident("b")])
    for model in ("first", "second"):
        assert [] == await bring(database, model_id=model)
        missing = await index_queue.missing_embeddings(connection, model_id=model, limit=10)
        assert ["resolution", "signature", "signature"] == sorted(each.kind for each in missing)
        made = [MadeEmbedding(each, model.encode().ljust(8)) for each in missing]
        await index_queue.save_embeddings(connection, made, model_id=model)
        assert [] == await index_queue.missing_embeddings(connection, model_id=model, limit=10)
        rows = await bring(database, model_id=model)

        assert [made[0].embedding] * 2 == [row.embedding for row in rows]
        assert {None, made[0].embedding} == {row.resolution_embedding for row in rows}


async def test_vector_of_a_text_that_changed_is_dropped(connection: Connection, incident: MakeIncident) -> None:
    """The resolution was replaced while its vector was made."""
    await record(connection, [incident(resolution=Resolution("old"))])
    (old,) = await index_queue.missing_embeddings(connection, model_id="model", limit=9)
    await incidents.record(connection, [incident(resolution=Resolution("new"))])
    await index_queue.save_embeddings(connection, [MadeEmbedding(old, b"1234")], model_id="model")
    (again,) = await index_queue.missing_embeddings(connection, model_id="model", limit=9)

    assert (EmbeddingKind.RESOLUTION, "new") == (again.kind, again.text)


async def test_reindex_and_comparison(database: Database, connection: Connection, incident: MakeIncident) -> None:
    """All of it, or what the index turned out not to have."""
    await record(connection, [incident(str(n)) for n in range(5)])
    await bring(database)
    versions = [pair async for pair in index_queue.versions(connection)]
    assert (sorted(versions), 5) == (versions, len(versions))
    marked = await index_queue.mark_stale(connection, [id for id, _ in versions[:2]])
    assert (2, {versions[0][0], versions[1][0]}) == (marked, {row.signature_id for row in await bring(database)})

    assert 5 == await index_queue.mark_all_stale(connection)
    assert 5 == len(await bring(database))
