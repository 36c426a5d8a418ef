"""Who takes several rows takes them in one order, holds nothing while it waits, or is done anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from knowledge.errors import StoreContended
from knowledge.failures import Failure, Resolution
from knowledge.intake import prepare_now
from knowledge.recording import Recorder
from knowledge.signature.signature import Signature
from knowledge.spool import Spool
from knowledge.state.memory import PipelineMemory
from knowledge.state.schemas import read_shipped
from knowledge.state.states import RunSaid, Status, StepSaid, SubTaskSaid, SubTaskStatus, SubTaskWrite
from knowledge.store import (
    corrections,
    decisions,
    incidents,
    index_queue,
    runs,
    settings,
    starter,
    sub_tasks,
    workspaces,
)
from knowledge.store.contention import MOST_TRIES, anew
from knowledge.store.database import Connection, Database
from knowledge.store.decisions import DecisionRecord
from knowledge.store.ids import precedent_id, uuid7
from knowledge.store.records import EmbeddingKind, MadeEmbedding, StarterRow
from knowledge.workspaces import Workspaces
from tests.knowledge.store.conftest import MakeIncident
from tests.knowledge.store.test_starter import MakeRow, row

__all__ = ["row"]

VECTOR = b"\x00\x00\x80?" * 3
HOLD = (
    "SELECT id FROM precedents WHERE id = %(id)s FOR NO KEY UPDATE {how}",
    "SELECT id FROM signatures WHERE precedent_id = %(id)s FOR NO KEY UPDATE {how}",
)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"

Work = Callable[[Connection], Awaitable[object]]
Sign = Callable[[str], Signature]


async def held(connection: Connection, id: UUID, *, how: str = "") -> int:
    """Hold a precedent with its signatures; how many rows that are."""
    return sum([(await connection.execute(each.format(how=how).encode(), {"id": id})).rowcount for each in HOLD])


async def is_held_up(connection: Connection, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
    """The work, begun, once it waits for what somebody holds."""
    working = asyncio.create_task(work)
    async with asyncio.timeout(10):
        while not working.done():
            (waiting,) = await (await connection.execute(WAITING.encode())).fetchone() or (0,)
            if waiting:
                return working
            await asyncio.sleep(0.005)
    await working
    raise AssertionError("It waited for nobody.")


async def free_while_it_waits(database: Database, work: Work, *, for_: UUID, id: UUID) -> int:
    """How many rows of a precedent the work leaves free while it waits for another precedent."""

    async def begun() -> object:
        async with database.connection() as mine:
            return await work(mine)

    async with database.transaction() as person:
        await held(person, for_)
        working = await is_held_up(person, begun())
        free = await held(person, id, how="SKIP LOCKED")
    await working
    return free


@pytest.fixture
async def two(connection: Connection, incident: MakeIncident, signature: Sign, workspace: int) -> tuple[UUID, UUID]:
    """Precedents of two workspaces, the one of the later workspace with the smaller id and the older rows.

    Each has a signature and a resolution, embedded by the model `old`, and is indexed.
    """
    other = await workspaces.ensure(connection, "other")
    kind, first, second = next(
        (kind, first, second)
        for kind in map(str, count())
        if (first := precedent_id(workspace, signature(kind).fingerprint))
        > (second := precedent_id(other, signature(kind).fingerprint))
    )
    for where in (other, workspace):
        await incidents.record(connection, [incident(kind, workspace_id=where, resolution=Resolution("wait"))])
    await save(connection, model_id="old")
    for id in (second, first):
        await connection.execute("UPDATE signatures SET index_version = version WHERE precedent_id = %s", [id])
    return first, second


async def save(
    connection: Connection, *, model_id: str, kinds: tuple[EmbeddingKind, ...] = tuple(EmbeddingKind)
) -> None:
    """Give everything a vector of the model."""
    missing = await index_queue.missing_embeddings(connection, model_id=model_id, limit=9)
    made = [MadeEmbedding(each, VECTOR) for each in missing if each.kind in kinds]
    await index_queue.save_embeddings(connection, made, model_id=model_id)


async def mark_stale(connection: Connection) -> None:
    """As the comparison with the index does."""
    await index_queue.mark_stale(connection, [id async for id, _ in index_queue.versions(connection)])


SEVERAL: dict[str, Work] = {
    "reindex": index_queue.mark_all_stale,
    "comparison": mark_stale,
    "signatures": lambda connection: save(connection, model_id="new", kinds=(EmbeddingKind.SIGNATURE,)),
    "resolutions": lambda connection: save(connection, model_id="new", kinds=(EmbeddingKind.RESOLUTION,)),
}


@pytest.mark.parametrize("what", SEVERAL)
async def test_the_worker_holds_nothing_out_of_order(database: Database, two: tuple[UUID, UUID], what: str) -> None:
    """By workspace and id: who holds the first and goes on to the second does not meet it coming."""
    free = await free_while_it_waits(database, SEVERAL[what], for_=two[0], id=two[1])

    assert 2 == free


async def test_what_was_merged_away_is_left_to_whoever_has_its_target(
    database: Database, connection: Connection, incident: MakeIncident, workspace: int
) -> None:
    """Another merge takes it after its target, out of the order: the worker neither holds it nor waits for it."""
    rows = [incident(kind, resolution=Resolution(f"wait for {kind}")) for kind in "ab"]
    into, source = [each.precedent_id for each in await incidents.record(connection, rows)]
    missing = await index_queue.missing_embeddings(connection, model_id="model", limit=9)
    made = [MadeEmbedding(each, VECTOR) for each in missing if each.id in (into, source)]
    await corrections.merge(connection, workspace_id=workspace, into=into, sources=[source], expected_version=1)
    async with database.transaction() as another, asyncio.timeout(5):
        await held(another, source)
        await index_queue.save_embeddings(connection, made, model_id="model")
        await index_queue.mark_all_stale(connection)

    assert {into, source} == {each.of.id for each in made}


async def test_reindex_takes_page_after_page(
    database: Database, connection: Connection, incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, in whatever number of pages; what waits for one of them holds none of the others."""
    monkeypatch.setattr(index_queue, "MARKED_AT_ONCE", 2)
    recorded = await incidents.record(connection, [incident(str(number)) for number in range(5)])
    await connection.execute("UPDATE signatures SET index_version = version")
    ids = sorted(each.precedent_id for each in recorded)
    free = await free_while_it_waits(database, index_queue.mark_all_stale, for_=ids[3], id=ids[0])

    assert (2, {0}) == (free, {version async for _, version in index_queue.versions(connection)})


async def test_new_catalogue_is_loaded_in_the_order_of_all(
    database: Database, connection: Connection, row: MakeRow, signature: Sign
) -> None:
    """Whatever the catalogue's own order is, and also what left it: the index worker holds several of them."""
    low, high = sorted("ab", key=lambda key: precedent_id(0, key))
    rows: list[StarterRow] = [row(high, "h"), row(low, "l")]
    await starter.load(connection, "1", rows)
    free = await free_while_it_waits(
        database, lambda mine: starter.load(mine, "2", rows[:1]), for_=precedent_id(0, low), id=precedent_id(0, high)
    )

    assert (2, "2") == (free, await starter.loaded_version(connection))


async def test_undo_takes_all_that_it_touches_at_once(
    database: Database, connection: Connection, incident: MakeIncident, workspace: int
) -> None:
    """Not the one that it is asked of, and then the others."""
    recorded = await incidents.record(connection, [incident("a"), incident("b")])
    low, high = sorted(each.precedent_id for each in recorded)
    await corrections.merge(connection, workspace_id=workspace, into=high, sources=[low], expected_version=1)
    change = (await corrections.history(connection, workspace_id=workspace, id=high))[0].id

    async def undo(mine: Connection) -> None:
        await corrections.undo(mine, workspace_id=workspace, id=high, change=change, expected_version=2)

    free = await free_while_it_waits(database, undo, for_=low, id=high)

    assert 1 + 2 == free


async def test_replay_holds_things_of_one_workspace(database: Database, connection: Connection, tmp_path: Path) -> None:
    """What it has written in the first is free while it waits in the second."""
    prepared = prepare_now(Failure(text="PearError: the ledger is torn", occurred_at=datetime.now(UTC)))
    recorder = Recorder(database, spool=Spool(tmp_path / "spool.sqlite3"), wake=lambda: None)

    async def replay(_: object = None) -> int:
        for name in ("first", "second"):
            await recorder.keep_incident_aside(name, prepared, incident_id=uuid7())
        return await recorder.replay()

    await replay()
    found = await connection.execute("SELECT id FROM precedents ORDER BY workspace_id")
    first, second = [id for (id,) in await found.fetchall()]
    free = await free_while_it_waits(database, replay, for_=second, id=first)
    found = await connection.execute("SELECT occurrences FROM precedents")

    assert (2, [(2,), (2,)]) == (free, await found.fetchall())


async def test_sub_tasks_written_together_wait_with_nothing_in_hand(database: Database, connection: Connection) -> None:
    """Two who write the same ones in two orders would wait for each other."""
    memory = PipelineMemory(database, schemas=read_shipped(), workspaces=Workspaces(database))
    said = SubTaskSaid(owner="o", status=SubTaskStatus.STARTED, holder="o", lease_s=60.0)
    writes = [SubTaskWrite(name, said) for name in ("a", "b")]
    await memory.put_run("team", "r", RunSaid("p", Status.RUNNING), expected_version=None)
    await memory.put_step("team", "r", "s", StepSaid("o", Status.RUNNING, plan=("a", "b")), expected_version=None)
    await memory.put_sub_tasks("team", "r", "s", writes)
    of = {"workspace_id": await workspaces.ensure(connection, "team"), "run_id": "r", "step": "s"}
    async with database.transaction() as another:
        await sub_tasks.put(another, name="b", said=said, expected_version=None, **of)  # type: ignore[arg-type]
        working = await is_held_up(another, memory.put_sub_tasks("team", "r", "s", writes))
        free = await another.execute("SELECT FROM sub_tasks WHERE name = 'a' FOR NO KEY UPDATE SKIP LOCKED")
    written, refused = await working  # type: ignore[misc]

    assert (1, 2, None) == (free.rowcount, len(written), refused)


async def test_rationales_are_embedded_past_what_others_hold(
    database: Database, connection: Connection, workspace: int
) -> None:
    """Another replica embeds it as well, or its run is being forgotten."""
    said = RunSaid("p", Status.RUNNING)
    await runs.put(
        connection, workspace_id=workspace, run_id="r", said=said, schema_version=None, expected_version=None
    )
    ids = [uuid7() for _ in range(2)]
    for id in ids:
        record = DecisionRecord(id, "r", "p", None, "a", "k", {}, "why", [], None, datetime.now(UTC))
        await decisions.add(connection, record, workspace_id=workspace, embedding=None, model_id=None)
    async with database.transaction() as another, asyncio.timeout(5):
        await another.execute("SELECT FROM decision_records WHERE id = %s FOR UPDATE", [ids[0]])
        await decisions.embed(connection, dict.fromkeys(ids, VECTOR), model_id="model")
    left = await decisions.unembedded(connection, model_id="model", limit=9)

    assert [ids[0]] == [each.id for each in left]


@pytest.fixture
async def undoing(connection: Connection) -> None:
    """PostgreSQL undoes the first two writes of a setting for the sake of others."""
    await connection.execute(
        """
        CREATE SEQUENCE tries;
        CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') < 3 THEN RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER undoing BEFORE INSERT ON settings FOR EACH ROW EXECUTE FUNCTION undo()
        """
    )


@pytest.mark.usefixtures("undoing")
async def test_a_statement_by_itself_is_done_anew(connection: Connection) -> None:
    """Nobody hears of it."""
    await settings.put(connection, "key", 1)

    assert 1 == await settings.get(connection, "key")


@pytest.mark.usefixtures("undoing")
async def test_a_statement_of_a_transaction_is_done_anew_with_all_of_it(database: Database) -> None:
    """What went before it was undone as well."""
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        async with database.transaction() as connection:
            await settings.put(connection, "key", begun)

    await anew(work)
    async with database.connection() as connection:
        assert (3, 3) == (begun, await settings.get(connection, "key"))


async def test_what_is_always_undone_is_given_up() -> None:
    """Whoever asks is told to come back."""
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise StoreContended()

    with pytest.raises(StoreContended):
        await anew(work)
    assert MOST_TRIES == tries
