"""The index worker: brings the index up to PostgreSQL, and puts right what disagrees."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from knowledge import indexer
from knowledge.errors import IndexUnavailable
from knowledge.failures import Failure, Resolution, Source, Verdict
from knowledge.index.lexical import document_vector
from knowledge.index.port import IndexPayload, IndexPoint
from knowledge.store import index_queue, workspaces
from tests.knowledge.conftest import World


async def in_postgres(world: World) -> dict[UUID, int]:
    """Every signature, by the version that the index is believed to show."""
    async with world.database.connection() as connection:
        return {id: version async for id, version in index_queue.versions(connection)}


async def in_index(world: World) -> dict[UUID, int]:
    """Every point."""
    return {id: version async for id, version in world.index.versions()}


async def pending(world: World) -> int:
    """What waits."""
    async with world.database.connection() as connection:
        return await index_queue.pending_count(connection)


async def report(world: World, *texts: str, **known: object) -> list[UUID]:
    """Record failures; their precedents."""
    recorded = await world.service.record_many("team", [Failure(text=text, **known) for text in texts])
    return [each.precedent_id for each in recorded]


async def test_draining_brings_everything(world: World) -> None:
    """Documented failures and the workspace's own, each once; then there is nothing to do."""
    await report(world, "PearError: ledger torn", "PlumError: no lease", "PearError: ledger torn")
    seen: list[int] = []
    done = await world.indexer.drain(progress=seen.append)

    assert (done, 0) == (sum(seen), await world.indexer.drain())
    assert await in_postgres(world) == await in_index(world)
    assert (0, 4 + 2) == (await pending(world), await world.index.count())


async def test_changes_reach_the_index(world: World) -> None:
    """A resolution and its vector are found by what fixed it."""
    said = Resolution("Renew the kumquat lease by hand.")
    await report(world, "PlumError: no lease", verdict=Verdict.GENUINE, resolution=said)
    await world.indexer.drain()
    incident = (await world.service.record("team", Failure(text="PlumError: no lease")))["id"]
    await world.service.resolve("team", UUID(incident), Resolution("Buy a new quince."))
    waiting = await pending(world)
    await world.indexer.drain()

    assert waiting > 0
    assert await in_postgres(world) == await in_index(world)


async def test_waiting_ends_when_a_workspace_is_shown(world: World) -> None:
    """By the running worker; without one it takes longer than the limit."""
    await report(world, "PearError: ledger torn")
    async with world.database.connection() as connection:
        workspace = await workspaces.ensure(connection, "team")
    in_vain = await world.indexer.wait(workspace, limit_s=0.2)
    world.indexer.start()
    shown = await world.indexer.wait(workspace, limit_s=20)
    await world.indexer.stop()

    assert (False, True) == (in_vain, shown)


async def test_whoever_waits_hurries_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it gathers by then what else is reported, be it for longer than anybody would wait."""
    monkeypatch.setattr(indexer, "GATHER_S", 600.0)
    world.indexer.start()
    shown = []
    for text in ("PearError: ledger torn", "PlumError: no lease"):
        await report(world, text)
        await asyncio.sleep(0.1)
        async with world.database.connection() as connection:
            workspace = await workspaces.ensure(connection, "team")
        shown.append(await world.indexer.wait(workspace, limit_s=60))
    await world.indexer.stop()

    assert [True, True] == shown


async def test_reconciling_puts_right_what_disagrees(world: World) -> None:
    """Lost points are written again, strangers go, old versions are replaced."""
    await report(world, "PearError: ledger torn", "PlumError: no lease")
    await world.indexer.drain()
    points = sorted(await in_index(world))
    await world.index.delete(points[:2])
    await world.index.upsert([await stranger(world)])
    disagreed = await world.indexer.reconcile()
    await world.indexer.drain()

    assert 3 == disagreed
    assert await in_postgres(world) == await in_index(world)
    assert 0 == await world.indexer.reconcile()


async def stranger(world: World) -> IndexPoint:
    """A point that PostgreSQL does not know."""
    vector = (await world.embedder.embed(["stranger"]))[0]
    payload = IndexPayload(
        workspace_id=1,
        precedent_id=uuid4(),
        source=Source.INCIDENT,
        version=1,
        verdict=Verdict.UNKNOWN,
        template="stranger",
        fingerprint="f" * 32,
    )
    return IndexPoint(id=uuid4(), signature=vector, lexical=document_vector(["stranger"]), payload=payload)


async def test_two_workers_do_not_hinder_each_other(world: World) -> None:
    """Both drain at once; every row is written, by one or the other."""
    await report(
        world, *(f"PearError: {a} ledger of {b}" for a in ("torn", "late", "lost") for b in ("ana", "bo", "cy"))
    )
    await asyncio.gather(*(world.indexer.drain() for _ in range(3)))
    await world.indexer.drain()

    assert 0 == await pending(world)
    assert await in_postgres(world) == await in_index(world)


async def test_worker_waits_out_an_index_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is believed written that was not, and work goes on once it is back."""
    upsert = world.index.upsert

    async def fail(points: object) -> None:
        raise IndexUnavailable

    monkeypatch.setattr(world.index, "upsert", fail)
    await report(world, "PearError: ledger torn")
    with pytest.raises(IndexUnavailable):
        await world.indexer.drain()
    waiting = await pending(world)
    monkeypatch.setattr(world.index, "upsert", upsert)
    await world.indexer.drain()

    assert (True, 0) == (waiting > 0, await pending(world))
    assert await in_postgres(world) == await in_index(world)
