"""Advice expires: what was fixed says where, and coming back there is a regression."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from knowledge.correcting import Correction, Merge, Signed, Undo
from knowledge.failures import Failure, Resolution, Verdict
from knowledge.once import Once
from knowledge.recording import Recorder
from tests.knowledge.conftest import World

TORN = "PearError: the ledger of the orchard is torn"
FIX = Resolution("Mended the ledger.", author="ada", fixed_in={"image": "repo/train:1.8", "torch": "2.13"})
OLD, NEW = {"torch": "2.11", "host": "n7"}, {"image": "repo/train:1.9", "torch": "2.13", "host": "n7"}

Document = dict[str, Any]


def torn(environment: dict[str, Any] | None = None, **given: Any) -> Failure:
    """The failure, in an environment."""
    return Failure(text=TORN, environment=environment or {}, **given)


async def fixed(world: World, *, verdict: Verdict | None = Verdict.GENUINE) -> str:
    """The precedent, reported and fixed."""
    made = await world.service.record("team", torn())
    await world.service.resolve("team", UUID(made["id"]), FIX, verdict=verdict)
    id: str = made["precedent_id"]
    return id


async def read(world: World, id: str) -> Document:
    """The precedent."""
    return await world.service.precedent("team", UUID(id))


async def regressions(world: World, id: str) -> list[Document]:
    """What the audit trail says of it."""
    entries = await world.service.history("team", UUID(id), after=None, limit=50)
    return [each for each in entries if each["action"] == "precedent.regressed"]


@pytest.mark.parametrize("verdict", [Verdict.GENUINE, None])
async def test_coming_back_where_it_was_fixed_is_a_regression(world: World, verdict: Verdict | None) -> None:
    """In the advice, at the precedent, and once in the audit trail; also where nothing settles the verdict."""
    id = await fixed(world, verdict=verdict)
    before = await read(world, id)
    answers = [await world.service.advise("team", torn(NEW)) for _ in range(2)]
    after = await read(world, id)
    found = await regressions(world, id)

    assert (dict(FIX.fixed_in), None) == (before["fixed_in"], before["regressed_at"])
    assert [
        (dict(FIX.fixed_in), {"image": "repo/train:1.9", "torch": "2.13"}, before["resolutions"][0]["created_at"])
    ] * 2 == [tuple(each["regression"].values()) for each in answers]
    assert all("is back in image repo/train:1.9, torch 2.13" in each["decision"]["reason"] for each in answers)
    assert after["regressed_at"] is not None
    assert [(answers[0]["incident_id"], "seenbefore")] == [
        (each["after"]["incident_id"], each["author"]) for each in found
    ]


async def test_an_older_environment_is_told_of_the_fix(world: World) -> None:
    """It is no regression."""
    id = await fixed(world)
    answer = await world.service.advise("team", torn(OLD))

    assert (None, None) == (answer["regression"], (await read(world, id))["regressed_at"])
    assert answer["decision"]["reason"].endswith("It was fixed in torch 2.13; you run 2.11.")


async def test_an_environment_that_says_nothing_of_it_changes_nothing(world: World) -> None:
    """Nobody can tell."""
    id = await fixed(world)
    answer = await world.service.advise("team", torn({"host": "n7"}))

    assert (None, None) == (answer["regression"], (await read(world, id))["regressed_at"])
    assert "fixed in" not in answer["decision"]["reason"]


@pytest.mark.parametrize("way", ["record", "record_many", "once", "spool"])
async def test_every_way_of_recording_flags_it(world: World, way: str) -> None:
    """Not only the one that answers."""
    id = await fixed(world)
    if way == "record":
        await world.service.record("team", torn(NEW))
    elif way == "record_many":
        await world.service.record_many("team", [torn(OLD), torn(NEW), torn(NEW)])
    elif way == "once":
        await world.service.advise("team", torn(NEW), once=Once.of("k", route="POST /advise", body=b"b"))
    else:
        with pytest.MonkeyPatch.context() as away:
            away.setattr(world.database, "connection", _away)
            await world.service.advise("team", torn(NEW))
        await Recorder(world.database, spool=world.spool, wake=lambda: None).replay()

    assert (await read(world, id))["regressed_at"] is not None
    assert 1 == len(await regressions(world, id))


def _away() -> object:
    from knowledge.errors import StoreUnavailable

    raise StoreUnavailable


async def test_imported_history_is_judged_in_its_order(world: World) -> None:
    """What happened before the fix was told is no regression; what happened after it is."""
    told = datetime.now(UTC) - timedelta(days=30)
    day = timedelta(days=1)
    history = [
        torn(NEW, occurred_at=told - day),
        torn(OLD, occurred_at=told, resolution=FIX, verdict=Verdict.GENUINE),
        torn(OLD, occurred_at=told + day),
    ]
    id = str((await world.service.record_many("team", history))[0].precedent_id)
    before = await read(world, id)
    await world.service.record_many("team", [torn(NEW, occurred_at=told + 2 * day)])
    after = await read(world, id)

    assert (dict(FIX.fixed_in), None) == (before["fixed_in"], before["regressed_at"])
    assert (told + 2 * day) == datetime.fromisoformat(after["regressed_at"])


async def test_a_new_fix_begins_anew(world: World) -> None:
    """It has not come back where that one is; the same fix told again is the same."""
    id = await fixed(world)
    incident = UUID((await world.service.advise("team", torn(NEW)))["incident_id"])
    await world.service.resolve("team", incident, Resolution("Mended it well.", fixed_in={"torch": "2.15"}))
    renewed = await read(world, id)
    answer = await world.service.advise("team", torn(NEW))

    assert ({"torch": "2.15"}, None) == (renewed["fixed_in"], renewed["regressed_at"])
    assert answer["regression"] is None
    assert answer["decision"]["reason"].endswith("It was fixed in torch 2.15; you run 2.13.")


async def test_fix_goes_with_its_incident(world: World) -> None:
    """Through a merge and its undo; said of the precedent as a whole, it is a correction like others."""
    id = await fixed(world)
    other = (await world.service.record("team", Failure(text="PlumError: no lease was given")))["precedent_id"]

    async def change(of: str, change: Any) -> Document:
        version = (await read(world, of))["version"]
        return await world.service.change("team", UUID(of), change, expected_version=version, signed=Signed("ada"))

    merged = await change(other, Merge([UUID(id)]))
    last = (await world.service.history("team", UUID(other), after=None, limit=1))[0]["id"]
    parted = await change(other, Undo(UUID(last)))
    said = await change(other, Correction(resolution=Resolution("Gave a lease.", fixed_in={"leases": "3"})))

    assert [dict(FIX.fixed_in), None, {"leases": "3"}] == [each["fixed_in"] for each in (merged, parted, said)]
    assert dict(FIX.fixed_in) == (await read(world, id))["fixed_in"]


async def test_secrets_in_a_fix_are_scrubbed(world: World) -> None:
    """As everywhere."""
    made = await world.service.record("team", torn())
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    fix = Resolution("Mended.", fixed_in={"index": f"https://ada:{secret}@example.org/simple"})
    answer = await world.service.resolve("team", UUID(made["id"]), fix)

    assert secret not in str(answer)
    assert secret not in str(await read(world, made["precedent_id"]))
