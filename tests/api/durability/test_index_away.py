"""The index is away, damaged or dropped: the service starts and answers without it, and fills it when it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException

from api import composition
from api.composition import Parts, build, running
from api.health import look
from api.settings import Settings
from knowledge.embedding import LocalEmbedder
from knowledge.failures import Failure
from knowledge.index.server import ServerIndex
from knowledge.store import index_queue
from tests.api.durability.process import started, wait_for

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
WORKSPACE = "index-away"
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def test_damaged_index_is_made_anew(new_data: Callable[[], Path]) -> None:
    """The service starts, what was damaged is kept aside, and PostgreSQL fills the new one."""
    data = new_data()
    (config,) = (data / "qdrant").rglob("edge_config.json")
    config.write_text("{")

    with started(data) as service, service.client(WORKSPACE) as client:
        answer = client.post("/advise", json={"text": SLOW_DOWN}).json()
        health = wait_for(
            lambda: (
                (said := client.get("/health/ready").json())["precedents_indexed"] > 1000
                and not said["index_pending"]
                and said
            )
        )

    assert "transient" == answer["verdict"]
    assert "ok" == health["status"]
    assert ["{"] == [path.read_text() for path in (data / "qdrant").glob("*.damaged/*/edge_config.json")]
    assert "is moved to" in service.log.read_text()


def test_service_starts_without_the_qdrant_server(new_data: Callable[[], Path]) -> None:
    """Documented and known failures answer."""
    with (
        started(new_data(), SEENBEFORE_QDRANT_URL="http://127.0.0.1:9") as service,
        service.client(WORKSPACE) as client,
    ):
        answer = client.post("/advise", json={"text": SLOW_DOWN}).json()
        health = client.get("/health/ready").json()

    assert ("transient", ["index"]) == (answer["verdict"], answer["degraded"])
    assert ("degraded", "ok", "IndexUnavailable") == (
        health["status"],
        health["parts"]["store"],
        health["parts"]["index"],
    )


class Switched(AsyncQdrantClient):
    """The client's own engine, which can be made to be away as a server is."""

    away = True

    async def collection_exists(self, collection_name: str, **given: object) -> bool:
        """The first thing that is asked."""
        if self.away:
            raise ResponseHandlingException(ConnectionRefusedError("nobody listens"))
        return await super().collection_exists(collection_name, **given)


@pytest.fixture
async def parts(
    new_data: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Parts, Switched, str]]:
    """A running service on a Qdrant server that is away; the client, and the name of the collection."""
    client = Switched(location=":memory:")

    def make(_: Settings, *, embedder: LocalEmbedder) -> ServerIndex:
        return ServerIndex(client, collection="c", dimensions=embedder.dimensions)

    monkeypatch.setattr(composition, "make_index", make)
    monkeypatch.setattr(composition, "COMPARE_EVERY_S", 0.1)
    async with build(Settings(data=new_data())) as built, running(built):
        yield built, client, "c"


async def filled(parts: Parts, *, points: int) -> bool:
    """Whether the index comes to hold that many points, with nothing waiting."""
    for _ in range(600):
        said = await look(parts)
        if (said.status, said.pending) == ("ok", 0) and (said.indexed or 0) >= points:
            return True
        await asyncio.sleep(0.1)
    return False


async def stored(parts: Parts) -> int:
    """How many signatures PostgreSQL has."""
    async with parts.database.connection() as connection:
        return sum([1 async for _ in index_queue.versions(connection)])


async def test_index_is_filled_when_it_comes_and_again_when_it_was_dropped(
    parts: tuple[Parts, Switched, str],
) -> None:
    """While the service runs, by itself, from PostgreSQL."""
    built, client, collection = parts
    before = await look(built)
    degraded = (await built.service.advise(WORKSPACE, Failure(text=SLOW_DOWN)))["degraded"]
    client.away = False
    came = await filled(built, points=await stored(built))
    await client.delete_collection(collection)
    dropped = (await built.service.advise(WORKSPACE, Failure(text="PearError: ledger torn")))["degraded"]
    again = await filled(built, points=await stored(built))

    assert ("degraded", "IndexUnavailable") == (before.status, before.parts["index"])
    assert (["index"], ["index"]) == (degraded, dropped)
    assert (True, True) == (came, again)
    assert await stored(built) == await built.index.count() > 1000
