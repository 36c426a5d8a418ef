"""What is known about a failure, with all parts and with less."""

from __future__ import annotations

import pytest

from knowledge.advisor.similarity import SimilarityWeights
from knowledge.errors import IndexUnavailable, ModelUnavailable, StoreUnavailable
from knowledge.failures import Failure, Source, Verdict
from knowledge.index.port import IndexHit, NeighbourQuery
from knowledge.lookup import Found, Lookup
from knowledge.signature import sign
from knowledge.store import workspaces
from tests.knowledge.conftest import World

THROTTLED = "ClientError: An error occurred (SlowDown) when calling the UploadPart operation: reduce your request rate"


async def find(world: World, text: str, *, workspace: str | None = "team") -> Found:
    """Look a failure up in a workspace; without one, the store is away."""
    id = None
    if workspace is not None:
        async with world.database.connection() as connection:
            id = await workspaces.ensure(connection, workspace)
    lookup = Lookup(
        world.database,
        index=world.index,
        embedder=world.embedder,
        weights=SimilarityWeights(),
        starters=world.starters,
    )
    return await lookup.find(sign(Failure(text=text)), workspace_id=id)


async def report(world: World, text: str, **known: object) -> str:
    """Record a failure; its precedent."""
    precedent: str = (await world.service.record("team", Failure(text=text, **known)))["precedent_id"]
    return precedent


async def test_new_failure_finds_documented_ones(world: World) -> None:
    """The throttled upload is nearer than its look-alike."""
    found = await find(world, THROTTLED)

    assert (None, ()) == (found.known, found.degraded)
    assert ["The object store sheds load", "The role may not write to the bucket"] == [
        each.title for each in found.neighbours
    ]


async def test_settled_fingerprint_needs_no_neighbours(world: World) -> None:
    """A precedent of the workspace's own with a verdict answers by itself."""
    await report(world, "PearError: ledger torn", verdict=Verdict.GENUINE)
    found = await find(world, "PearError: ledger torn")

    assert [1.0] == [each.similarity for each in found.neighbours]


async def test_known_fingerprint_without_a_verdict_looks_further(world: World) -> None:
    """It is its own nearest neighbour, even before the index has it."""
    precedent = await report(world, THROTTLED)
    found = await find(world, THROTTLED)

    assert found.known is not None
    assert (precedent, 1.0) == (str(found.neighbours[0].precedent_id), found.neighbours[0].similarity)
    assert Source.STARTER in {each.source for each in found.neighbours}


async def test_own_neighbours_come_from_the_index(world: World) -> None:
    """With what PostgreSQL knows of them now, each once."""
    near = await report(world, "PearError: the ledger of the harvest is torn", external_id="ticket 1")
    await world.indexer.drain()
    found = await find(world, "PearError: the ledger of the orchard is torn")
    own = [each for each in found.neighbours if each.source is Source.INCIDENT]

    assert [(near, "ticket 1")] == [(str(each.precedent_id), each.external_id) for each in own]
    assert own[0] == found.neighbours[0]


async def test_failure_recorded_meanwhile_is_not_its_own_neighbour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident goes ahead of its advice: by the time the index is asked, it may hold it."""
    text = "PearError: the ledger of the harvest is torn"
    ask = world.index.neighbours

    nearest: list[str] = []

    async def late(query: NeighbourQuery) -> list[IndexHit]:
        await report(world, text)
        await world.indexer.drain()
        hits = await ask(query)
        nearest.extend(hit.payload.template for hit in hits)
        return hits

    monkeypatch.setattr(world.index, "neighbours", late)
    found = await find(world, text)

    assert [text] == nearest
    assert (None, {Source.STARTER}) == (found.known, {each.source for each in found.neighbours})


async def test_other_workspaces_are_not_asked(world: World) -> None:
    """Neither by fingerprint nor by nearness."""
    await report(world, "PearError: ledger torn", verdict=Verdict.GENUINE)
    await world.indexer.drain()
    found = await find(world, "PearError: ledger torn", workspace="others")

    assert (None, {Source.STARTER}) == (found.known, {each.source for each in found.neighbours})


async def test_index_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documented failures and fingerprints still answer."""

    async def fail(query: object) -> list[object]:
        raise IndexUnavailable

    monkeypatch.setattr(world.index, "neighbours", fail)
    precedent = await report(world, THROTTLED)
    found = await find(world, THROTTLED)

    assert ("index",) == found.degraded
    assert precedent == str(found.neighbours[0].precedent_id)
    assert "The object store sheds load" == found.neighbours[1].title


async def test_model_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words alone answer."""

    def fail(texts: object) -> object:
        raise ModelUnavailable

    monkeypatch.setattr(world.embedder, "embed_now", fail)
    found = await find(world, f"{THROTTLED} and nothing else")

    assert ("model",) == found.degraded
    assert "The object store sheds load" == found.neighbours[0].title


async def test_store_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answered from what the index carries, also where the workspace is not remembered."""
    near = await report(world, "PearError: the ledger of the harvest is torn")
    await world.indexer.drain()
    async with world.database.connection() as connection:
        await workspaces.ensure(connection, "team")
    connect = world.database.connection
    first = True

    def once() -> object:
        nonlocal first
        if first:
            first = False
            return connect()
        raise StoreUnavailable

    monkeypatch.setattr(world.database, "connection", once)
    found = await find(world, "PearError: the ledger of the orchard is torn")
    nobody = await find(world, THROTTLED, workspace=None)

    assert (("store",), near) == (found.degraded, str(found.neighbours[0].precedent_id))
    assert (("store",), "The object store sheds load") == (nobody.degraded, nobody.neighbours[0].title)
