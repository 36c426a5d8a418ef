"""One suite of calls, run against every adapter of the index port."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient

from knowledge.errors import DataFolderInUse, IndexUnavailable
from knowledge.failures import Cause, Source, Verdict
from knowledge.index.edge import EdgeIndex
from knowledge.index.lexical import EMPTY, SparseVector, document_vector, query_vector, weighted_vector
from knowledge.index.port import Index, IndexFacts, IndexFilter, IndexPayload, IndexPoint, NeighbourQuery, Vector
from knowledge.index.server import ServerIndex

SIZE = 8
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def server_client() -> AsyncQdrantClient:
    """A real server where one is named, the client's own engine otherwise."""
    url = os.environ.get("SEENBEFORE_TEST_QDRANT_URL")
    return AsyncQdrantClient(url=url) if url else AsyncQdrantClient(location=":memory:")


@pytest.fixture(params=["edge", "server"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    """An empty, open index."""
    collection = f"precedents-{uuid.uuid4().hex[:8]}"
    made: Index = (
        EdgeIndex(tmp_path, collection=collection, dimensions=SIZE)
        if request.param == "edge"
        else ServerIndex(server_client(), collection=collection, dimensions=SIZE)
    )
    await made.open()
    yield made
    await made.close()


def vector(*, seed: int) -> Vector:
    drawn = np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


def payload(**changes: object) -> IndexPayload:
    standard = IndexPayload(
        workspace_id=1,
        precedent_id=uuid.uuid4(),
        source=Source.INCIDENT,
        version=1,
        verdict=Verdict.TRANSIENT,
        template="SlowDown",
        fingerprint="f" * 32,
        cause=Cause.RATE_LIMIT,
        pipelines=("train",),
        last_seen=100.0,
        terms=("slowdown",),
    )
    return replace(standard, **changes)


def point(*, seed: int = 1, terms: tuple[str, ...] = ("slowdown",), **changes: object) -> IndexPoint:
    return IndexPoint(
        id=uuid.uuid4(), signature=vector(seed=seed), lexical=document_vector(terms), payload=payload(**changes)
    )


def ask(*, seed: int = 1, terms: tuple[str, ...] = ("slowdown",), **filters: object) -> NeighbourQuery:
    wanted = IndexFilter(**{"workspaces": (0, 1), **filters})
    return NeighbourQuery(vector=vector(seed=seed), lexical=query_vector(terms), filter=wanted, limit=10)


async def found(index: Index, query: NeighbourQuery) -> list[uuid.UUID]:
    return [hit.id for hit in await index.neighbours(query)]


async def test_an_empty_index_has_no_neighbours(index: Index) -> None:
    """Nothing stored, nothing found."""
    assert [] == await found(index, ask())
    assert 0 == await index.count()


async def test_the_same_vector_is_the_nearest_and_its_payload_returns_whole(index: Index) -> None:
    """What was written comes back equal, with an exact cosine."""
    near, far = point(seed=1), point(seed=2, terms=("deadlock",))
    await index.upsert([near, far])

    best = (await index.neighbours(ask(seed=1)))[0]

    assert near.id == best.id
    assert near.payload == best.payload
    assert best.cosine == pytest.approx(1.0, abs=1e-5)


async def test_words_find_what_vectors_do_not(index: Index) -> None:
    """A shared rare word brings a point in that is far by vector."""
    points = [point(seed=seed, terms=("timeout", "connection")) for seed in range(2, 40)]
    named = point(seed=99, terms=("eccuncorrectable", "connection"))
    await index.upsert([*points, named])

    query = replace(ask(seed=3, terms=("eccuncorrectable",)), limit=3)

    assert named.id in await found(index, query)


async def test_a_query_without_words_still_answers(index: Index) -> None:
    """A failure in a script without words is matched by vector alone."""
    only = point()
    await index.upsert([only])

    assert [only.id] == await found(index, ask(terms=()))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"workspace_id": 2}, {}),
        ({"verdict": Verdict.GENUINE}, {"verdict": Verdict.TRANSIENT}),
        ({"cause": Cause.NETWORK}, {"cause": Cause.RATE_LIMIT}),
        ({"cause": None}, {"cause": Cause.RATE_LIMIT}),
        ({"pipelines": ("score", "serve")}, {"pipeline": "train"}),
        ({"last_seen": 50.0}, {"since": 100.0}),
        ({"resolved": True}, {"resolved": False}),
    ],
)
async def test_filters(index: Index, change: dict[str, object], wanted: dict[str, object]) -> None:
    """Each filter keeps the point that fits and leaves out the one that does not."""
    fits, other = point(), point(**change)
    await index.upsert([fits, other])

    assert [fits.id] == await found(index, ask(**wanted))


async def test_starter_precedents_are_seen_from_every_workspace(index: Index) -> None:
    """Workspace 0 is in every answer, other workspaces are not."""
    starter, foreign = point(workspace_id=0), point(workspace_id=7)
    await index.upsert([starter, foreign])

    assert [starter.id] == await found(index, ask(workspaces=(0, 1)))


async def test_a_shared_profile_finds_what_vectors_and_words_do_not(index: Index) -> None:
    """A point that is near to the same starter precedents is found by that alone, and gives its profile back."""
    profile = SparseVector(indices=(3, 4_000_000_000), values=(0.6, 0.8))
    bridged = replace(point(seed=99, terms=("other",)), profile=profile)
    await index.upsert([*[point(seed=seed, terms=("timeout",)) for seed in range(2, 40)], bridged])

    hits = await index.neighbours(replace(ask(seed=3, terms=()), profile=profile, limit=5))

    assert [bridged.id] == [hit.id for hit in hits if hit.profile.indices]
    assert profile.indices == next(hit for hit in hits if hit.id == bridged.id).profile.indices


async def test_writing_again_replaces(index: Index) -> None:
    """The id decides: a second write is the newer state of the same point."""
    first = point()
    await index.upsert([first])
    await index.upsert([replace(first, payload=replace(first.payload, version=2, verdict=Verdict.GENUINE))])

    hits = await index.neighbours(ask())

    assert [(first.id, 2, Verdict.GENUINE)] == [(hit.id, hit.payload.version, hit.payload.verdict) for hit in hits]


async def test_resolutions_are_searched_when_asked(index: Index) -> None:
    """A point far by signature is found by what fixed it."""
    fixed = replace(point(seed=5, terms=("x",), resolved=True), resolution=vector(seed=1))
    await index.upsert([fixed, *[point(seed=seed, terms=("y",)) for seed in range(10, 30)]])

    hits = await index.neighbours(replace(ask(seed=1, terms=()), as_known=True, limit=30))

    best = max(hits, key=lambda hit: hit.resolution_cosine or 0.0)
    assert fixed.id == best.id
    assert best.resolution_cosine == pytest.approx(1.0, abs=1e-5)


async def test_words_that_people_know_it_by_are_searched_when_asked(index: Index) -> None:
    """A point far by signature is found by a word of its title, and only by those who ask for it."""
    named = replace(point(seed=5, terms=("x",)), known_as=weighted_vector({"shed": 3.0, "load": 1.0}))
    await index.upsert([named, *[point(seed=seed, terms=("y",)) for seed in range(10, 30)]])
    query = replace(ask(seed=1, terms=("shed",)), limit=3)

    hits = await index.neighbours(replace(query, as_known=True))
    theirs = [hit.known_as for hit in hits if hit.id == named.id]

    assert [sorted(named.known_as.indices)] == [sorted(each.indices) for each in theirs]
    assert {EMPTY} == {hit.known_as for hit in hits if hit.id != named.id}
    assert {EMPTY} == {hit.known_as for hit in await index.neighbours(replace(query, limit=30))}


@pytest.mark.parametrize("resolved", [None, True, False], ids=["all", "resolved", "open"])
async def test_facts_are_those_of_the_neighbours(index: Index, resolved: bool | None) -> None:
    """The same points, with what facets count of each."""
    some = range(2, 30)
    points = [replace(point(seed=each, resolved=each % 2 == 0), resolution=vector(seed=each + 1)) for each in some]
    await index.upsert(points)
    query = replace(ask(seed=1, resolved=resolved), as_known=True, limit=40)

    told = [
        IndexFacts(each.precedent_id, each.verdict, each.cause, each.pipelines, each.resolved, each.last_seen)
        for each in (hit.payload for hit in await index.neighbours(query))
    ]

    assert (28 if resolved is None else 14) == len(told)
    assert sorted(told, key=str) == sorted(await index.facts(query), key=str)


async def test_versions_name_every_point_in_order(index: Index) -> None:
    """More points than one page, each once, ordered by id."""
    points = [point(seed=n, version=n) for n in range(1, 1203)]
    await index.upsert(points)

    listed = [pair async for pair in index.versions()]

    assert sorted((p.id, p.payload.version) for p in points) == listed


async def test_delete_and_clear(index: Index) -> None:
    """Deleting an absent point is no error; clear leaves nothing."""
    one, two = point(), point()
    await index.upsert([one, two])
    await index.delete([one.id, uuid.uuid4()])

    assert [two.id] == await found(index, ask())

    await index.clear()

    assert 0 == await index.count()


async def test_a_second_open_on_one_edge_folder_is_refused(tmp_path: Path) -> None:
    """The engine guards its folder."""
    first = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await first.open()
    second = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    with pytest.raises(DataFolderInUse):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_edge_keeps_points_over_a_reopening(tmp_path: Path) -> None:
    """Closed and opened again, everything is there."""
    first = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await first.open()
    await first.upsert([kept := point()])
    await first.close()
    again = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await again.open()

    assert [kept.id] == await found(again, ask())

    await again.close()


async def test_nothing_is_asked_of_an_index_that_is_not_open(tmp_path: Path) -> None:
    """It says so, of whichever kind it is."""
    for made in (
        EdgeIndex(tmp_path, collection="c", dimensions=SIZE),
        ServerIndex(server_client(), collection="c", dimensions=SIZE),
    ):
        assert not made.is_open
        with pytest.raises(IndexUnavailable, match="not open"):
            await made.neighbours(ask())
        with pytest.raises(IndexUnavailable, match="not open"):
            await made.count()

        await made.close()


async def test_a_server_that_is_away_is_said_plainly() -> None:
    """Every adapter error is `IndexUnavailable`; once it is known to be away, nobody waits for it again."""
    client = AsyncQdrantClient(url="http://127.0.0.1:9", check_compatibility=False, timeout=1)
    away = ServerIndex(client, collection="c", dimensions=SIZE)
    for attempt in (away.open, away.count, lambda: away.neighbours(ask())):
        with pytest.raises(IndexUnavailable, match="Qdrant cannot be reached"):
            await attempt()
    assert not away.is_open

    await away.close()


async def test_collection_that_was_dropped_is_made_again() -> None:
    """The first that misses it says so, and the next opening makes it."""
    client, name = server_client(), f"precedents-{uuid.uuid4().hex[:8]}"
    index = ServerIndex(client, collection=name, dimensions=SIZE)
    await index.open()
    await client.delete_collection(name)
    with pytest.raises(IndexUnavailable):
        await index.neighbours(ask())
    dropped = index.is_open
    await index.open()
    await index.upsert([only := point()])

    assert (False, True) == (dropped, index.is_open)
    assert [only.id] == await found(index, ask())

    await index.close()
