"""The facade, beyond what is asked of it over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from knowledge.correcting import Correction, Signed
from knowledge.errors import Conflict, NotFound, StaleVersion, StoreUnavailable
from knowledge.failures import Failure, Resolution, Verdict
from knowledge.once import Once
from knowledge.search import SearchQuery
from tests.knowledge.conftest import World

TORN = Failure(text="PearError: the ledger is torn")


def once(key: str = "k", body: bytes = b"body") -> Once:
    """An idempotency key."""
    return Once.of(key, route="POST /advise", body=body)


async def test_the_way_of_a_failure(world: World) -> None:
    """Advised, resolved, and advised again by what was said."""
    first = await world.service.advise("team", TORN)
    incident = UUID(first["incident_id"])
    await world.service.outcome("team", incident, result="failed", attempt=2, waited_s=60)
    await world.service.resolve("team", incident, Resolution("Mended the ledger."), verdict=Verdict.GENUINE)
    second = await world.service.advise("team", TORN)

    assert ("unknown", "genuine") == (first["verdict"], second["verdict"])
    assert (False, True) == (first["seen_before"], second["seen_before"])
    assert ("Mended the ledger.", {"succeeded": 0, "failed": 1}) == (
        second["evidence"][0]["resolution"],
        second["evidence"][0]["retries"],
    )


async def test_key_is_used_once(world: World) -> None:
    """The same answer again; another body under it is refused."""
    first, second = [await world.service.advise("team", TORN, once=once()) for _ in range(2)]

    assert first == second
    with pytest.raises(Conflict):
        await world.service.advise("team", TORN, once=once(body=b"other"))


async def test_failed_work_leaves_its_key_free(world: World) -> None:
    """All of it is undone."""
    with pytest.raises(NotFound):
        await world.service.outcome("team", uuid4(), result="failed", once=once())

    assert await world.service.advise("team", TORN, once=once())


async def test_batches_at_once_count_every_incident(world: World) -> None:
    """Fifty of the same two kinds."""
    failures = [Failure(text=text) for text in ("PearError: the ledger is torn", "PlumError: no lease was given")]
    recorded = await asyncio.gather(*(world.service.record_many("team", failures) for _ in range(50)))
    ids = {each.incident_id for batch in recorded for each in batch}
    made = {each.precedent_id for batch in recorded for each in batch}
    counts = [(await world.service.precedent("team", each))["occurrences"] for each in made]

    assert (100, [50, 50]) == (len(ids), counts)


async def test_search_looks_at_signatures_and_resolutions(world: World) -> None:
    """By a word of either; documented failures are found as well."""
    said = Resolution("Regrow the kumquat manifest from the archive.")
    incident = (await world.service.advise("team", TORN))["incident_id"]
    await world.service.resolve("team", UUID(incident), said)
    await world.indexer.drain()

    async def found(text: str) -> dict[str, Any]:
        return (await world.service.search("team", SearchQuery(text=text)))["results"][0]

    assert incident == (await found("torn ledger"))["incident_id"]
    assert incident == (await found("kumquat manifest"))["incident_id"]
    assert "The role may not write to the bucket" == (await found("not authorized to write the bucket"))["title"]


async def test_corrections_build_on_what_was_read(world: World) -> None:
    """A second one on the same reading is refused, and one of a documented failure always is."""
    made = await world.service.record("team", TORN)
    id = UUID(made["precedent_id"])
    correction = Correction(verdict=Verdict.TRANSIENT)
    changed = await world.service.change("team", id, correction, expected_version=1, signed=Signed("ana"))
    await world.indexer.drain()
    found = await world.service.search("team", SearchQuery(text="SlowDown"))
    documented = UUID(found["results"][0]["precedent_id"])

    assert ("transient", True) == (changed["verdict"], changed["version"] > 1)
    with pytest.raises(StaleVersion):
        await world.service.change("team", id, correction, expected_version=1, signed=Signed())
    with pytest.raises((Conflict, NotFound)):
        await world.service.change("team", documented, correction, expected_version=1, signed=Signed())


async def test_advice_without_the_store_is_kept_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the id that the incident will have; under a key, the same for as often as it is asked."""
    await world.service.advise("team", TORN, dry_run=True)

    def away() -> object:
        raise StoreUnavailable

    monkeypatch.setattr(world.database, "connection", away)
    given = await world.service.advise("team", TORN)
    keyed = [await world.service.advise("team", TORN, once=once()) for _ in range(2)]

    assert [(["store"], None)] * 3 == [(each["degraded"], each["advice_id"]) for each in (given, *keyed)]
    assert (2, 3) == (len({UUID(each["incident_id"]) for each in (given, *keyed)}), world.spool.count())
    assert keyed[0] == keyed[1]
