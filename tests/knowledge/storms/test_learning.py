"""Incidents of a storm are marked, however they come in, and teach nothing of their precedent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from knowledge.advisor.storms import LONGEST
from knowledge.correcting import Merge, Signed
from knowledge.errors import StoreUnavailable
from knowledge.service import KnowledgeService
from tests.knowledge.storms.asking import HIT, Clock, hit, known, role, storms, stormy


async def test_storm_is_left_out_of_learning(service: KnowledgeService, clock: Clock) -> None:
    """Outcomes of its incidents count for it, also those that were told before it began; being seen still counts."""
    await known(service, clock)
    first = await hit(service, 0)
    await service.outcome("team", UUID(first["incident_id"]), result="failed", attempt=2)
    counted = await service.precedent("team", UUID(first["precedent"]["id"]))
    rest = [await hit(service, run) for run in (1, 2, 3)]
    for answer in rest:
        await service.outcome("team", UUID(answer["incident_id"]), result="failed", attempt=2)
    after = await service.precedent("team", UUID(first["precedent"]["id"]))
    [storm] = await storms(service)
    marked = [await service.incident("team", UUID(answer["incident_id"])) for answer in (first, *rest)]

    assert [(0, 1), (0, 0)] == [(each["retries"]["succeeded"], each["retries"]["failed"]) for each in (counted, after)]
    assert ([], []) == (after["retries"]["by_wait"], after["retries"]["by_attempt"])
    assert {storm["id"]} == {each["storm_id"] for each in marked}
    assert (5, clock()) == (after["occurrences"], datetime.fromisoformat(after["last_seen"]))


async def test_late_report_joins_what_it_fell_into(service: KnowledgeService, clock: Clock) -> None:
    """Marked by the time of occurrence; it begins nothing, and holds while the storm goes on."""
    first = (await stormy(service, clock))[-1]
    began = datetime.fromisoformat(first["storm"]["since"])
    clock.pass_by(600)
    late = await hit(service, 70, occurred_at=began + timedelta(seconds=1))
    earlier = await hit(service, 71, occurred_at=began - timedelta(seconds=1))
    inside, outside = [await service.incident("team", UUID(each["incident_id"])) for each in (late, earlier)]

    assert (first["storm"]["id"], None) == (inside["storm_id"], outside["storm_id"])
    assert ("canary", "hold") == (role(late), role(earlier))


async def test_imported_failures_are_marked(service: KnowledgeService, clock: Clock) -> None:
    """They belong to the outage as well, with a run or without."""
    storm = (await stormy(service, clock))[-1]["storm"]
    failures = [replace(HIT, run_id=run, occurred_at=clock()) for run in ("r-0", "r-80", None)]
    recorded = await service.record_many("team", failures)
    marked = [(await service.incident("team", each.incident_id))["storm_id"] for each in recorded]

    assert [storm["id"]] * 3 == marked
    assert [(4, 6)] == [(each["runs"], each["incidents"]) for each in await storms(service)]


async def test_storms_of_others_are_not_seen(service: KnowledgeService, clock: Clock) -> None:
    """Workspaces keep apart."""
    await stormy(service, clock)
    theirs = await service.advise("others", replace(HIT, run_id="r-5"))

    assert theirs["storm"] is None
    assert [] == await service.storms("others", active=None, after=None, limit=10)


async def test_without_the_store_there_is_no_storm(
    service: KnowledgeService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can say then who tries; the failure is kept aside, and is the storm's when it is written."""
    await stormy(service, clock)

    def away() -> object:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(service._database, "connection", away)
        answer = await hit(service, 9, occurred_at=clock())

    assert (None, ["store"]) == (answer["storm"], answer["degraded"])
    await service._recorder.replay()
    assert (await storms(service))[0]["id"] == (await service.incident("team", UUID(answer["incident_id"])))["storm_id"]


async def test_merging_keeps_storms_apart_from_learning(service: KnowledgeService, clock: Clock) -> None:
    """The counts are made anew without their outcomes; of two storms that go on one is left, and all hold for it."""
    other = "KiwiError: the crate of the market is not to be had"
    told = (await stormy(service, clock))[-1]
    for run in range(3, 6):
        last = await hit(service, run, text=other)
    for answer in (told, last):
        await service.outcome("team", UUID(answer["incident_id"]), result="failed", attempt=2)
    into, source = UUID(told["precedent"]["id"]), UUID(last["precedent"]["id"])
    version = (await service.precedent("team", into))["version"]
    merged = await service.change("team", into, Merge((source,)), expected_version=version, signed=Signed())
    [first, second] = await storms(service)
    held = [await hit(service, run, attempt=2, text=text) for run, text in ((0, HIT.text), (5, other))]

    assert (0, 0, 7) == (merged["retries"]["succeeded"], merged["retries"]["failed"], merged["occurrences"])
    assert ["active", "expired"] == sorted([first["state"], second["state"]])
    assert {str(into)} == {first["precedent_id"], second["precedent_id"]}
    assert 1 == len({answer["storm"]["id"] for answer in held})


async def test_what_lasts_a_day_is_usual(service: KnowledgeService, clock: Clock) -> None:
    """A storm ends after that, however many join, and its runs count for the next test."""
    await known(service, clock)
    clock.pass_by(-LONGEST.total_seconds() - 3600)
    times = [clock() + timedelta(minutes=14) * number for number in range(107)]
    for number, clock.now in enumerate(times):
        runs = range(3 if number == 0 or clock.now >= times[0] + LONGEST else 1)
        answers = [await hit(service, 3 * number + run) for run in runs]
    [storm] = await storms(service)

    assert ("expired", times[0] + LONGEST) == (storm["state"], datetime.fromisoformat(storm["ended_at"]))
    assert [None] * 3 == [role(answer) for answer in answers]
