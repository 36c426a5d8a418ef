"""kill -9 of the service in the middle of writes: every acknowledged write is there, and the index agrees."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import qdrant_edge

from tests.api.durability.process import ServiceProcess, start, started, wait_for

WORKSPACE = "killed"
WRITERS = 8
#: Writes that are acknowledged before the end comes, while others are under way.
ENOUGH = 60


def kinds(number: int) -> str:
    """Half of what is written is new, half of it recurs."""
    words = ("pear", "plum", "fig", "lime", "quince")
    return f"{words[number % 5].title()}Error: {words[number // 5 % 5]} ledger of {words[number // 25 % 5]} torn"


async def write_until_killed(service: ServiceProcess) -> tuple[set[str], set[str]]:
    """Advise and import without a pause; the incidents and the external ids that were acknowledged."""
    incidents, imported = set[str](), set[str]()
    numbers = iter(range(1_000_000))

    async def advise(client: httpx.AsyncClient) -> None:
        while True:
            answer = await client.post("/advise", json={"text": kinds(next(numbers))})
            incidents.add(answer.json()["incident_id"])

    async def import_(client: httpx.AsyncClient) -> None:
        while True:
            batch = [next(numbers) for _ in range(5)]
            lines = [json.dumps({"text": kinds(each), "external_id": f"x{each}"}) for each in batch]
            answer = await client.post("/incidents/import", content="\n".join(lines))
            assert 5 == answer.json()["accepted"]
            imported.update(f"x{each}" for each in batch)

    async with service.crowd(WORKSPACE) as client:
        writers = [asyncio.create_task((import_ if number % 4 == 0 else advise)(client)) for number in range(WRITERS)]
        while len(incidents) < ENOUGH or len(imported) < ENOUGH:
            await asyncio.sleep(0.01)
            assert not any(writer.done() for writer in writers)
        service.kill()
        ends = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ends), ends
    return incidents, imported


def stored(service: ServiceProcess) -> list[dict[str, Any]]:
    """All incidents of the workspace."""
    found, cursor = [], {}
    with service.client(WORKSPACE) as client:
        while cursor is not None:
            page = client.get("/incidents", params={"limit": 200, **cursor}).json()
            found += page["incidents"]
            cursor = {"cursor": page["next"]} if page["next"] else None
    return found


def precedents(service: ServiceProcess) -> dict[str, int]:
    """The workspace's precedents and how often PostgreSQL says that each occurred."""
    with psycopg.connect(service.database_url) as connection:
        rows = connection.execute(
            "SELECT p.id::text, p.occurrences FROM precedents p JOIN workspaces w ON w.id = p.workspace_id"
            " WHERE w.name = %s",
            (WORKSPACE,),
        )
        return dict(rows.fetchall())


def in_postgres(service: ServiceProcess) -> dict[str, int]:
    """Every signature with its version, once nothing waits to be indexed."""
    with psycopg.connect(service.database_url) as connection:
        rows = connection.execute("SELECT id::text, version, index_version FROM signatures").fetchall()
    return {id: version for id, version, _ in rows} if all(row[1] == row[2] for row in rows) else {}


def in_index(data: Path) -> dict[str, int]:
    """Every point with its version; the service must have ended."""
    configs = list((data / "qdrant").rglob("edge_config.json"))
    assert 1 == len(configs)
    shard = qdrant_edge.EdgeShard.load(str(configs[0].parent))
    request = qdrant_edge.ScrollRequest(limit=100_000, with_payload=["version"], with_vector=False)
    records, _ = shard.scroll(request)
    shard.close()
    return {str(record.id): record.payload["version"] for record in records}


def agreed(service: ServiceProcess) -> tuple[dict[str, int], dict[str, int]]:
    """What PostgreSQL and the index have once the service is up to date and has ended."""
    rows = wait_for(lambda: in_postgres(service))
    service.stop()
    return rows, in_index(service.data)


async def test_acknowledged_writes_outlive_a_kill(new_data: Callable[[], Path]) -> None:
    """Nothing that was answered is lost, nothing is counted that is not there, and the index is brought up to it."""
    data = new_data()
    incidents, imported = await write_until_killed(start(data))

    with started(data) as service:
        rows = stored(service)
        counted = precedents(service)
        signatures, points = agreed(service)

    assert set() == incidents - {row["id"] for row in rows}
    assert set() == imported - {row["external_id"] for row in rows}
    assert len(rows) == sum(counted.values())
    assert {row["precedent_id"] for row in rows} == set(counted)
    assert signatures == points


def whole(service: ServiceProcess) -> bool:
    """Whether the service itself counts as many points as there are signatures."""
    with service.client(WORKSPACE) as client:
        health: dict[str, int] = client.get("/health/ready").json()
    return health["precedents_indexed"] == len(in_postgres(service)) and not health["index_pending"]


def lose_folder(folder: Path) -> None:
    """The whole index."""
    shutil.rmtree(folder)


def lose_points(folder: Path) -> None:
    """Some points go, one nobody knows comes."""
    (config,) = folder.rglob("edge_config.json")
    shard = qdrant_edge.EdgeShard.load(str(config.parent))
    records, _ = shard.scroll(qdrant_edge.ScrollRequest(limit=50, with_payload=True, with_vector=True))
    shard.update(qdrant_edge.UpdateOperation.delete_points([str(record.id) for record in records]))
    stranger = qdrant_edge.Point("00000000-0000-4000-8000-000000000001", records[0].vector, records[0].payload)
    shard.update(qdrant_edge.UpdateOperation.upsert_points([stranger]))
    shard.flush()
    shard.close()


@pytest.mark.parametrize("harm", [lose_folder, lose_points])
def test_lost_index_is_rebuilt_from_postgres(new_data: Callable[[], Path], harm: Callable[[Path], None]) -> None:
    """At the next start, by itself, while it answers."""
    data = new_data()
    harm(data / "qdrant")

    with started(data) as service:
        with service.client(WORKSPACE) as client:
            answer = client.post("/advise", json={"text": kinds(1)})
        wait_for(lambda: whole(service))
        signatures, points = agreed(service)

    assert 200 == answer.status_code
    assert signatures == points
