"""The same failure asked again claims nothing twice; who is in no storm pays nothing for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from knowledge.advisor.storms import FIRST_WAIT_S, TELL_S
from knowledge.once import Once
from knowledge.service import KnowledgeService
from knowledge.store import advice, incidents, outcomes, precedents
from knowledge.store import storms as stored
from knowledge.store.database import Connection
from tests.knowledge.storms.asking import HIT, Clock, MakeService, hit, known, role


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each named statement is run from now on."""
    counted: Counter[str] = Counter()
    for module in (advice, incidents, outcomes, precedents, stored):
        for name in {"fetch_all", "fetch_one", "execute"} & vars(module).keys():
            run = getattr(module, name)

            def counting(connection: Connection, statement: str, /, *, _run: Any = run, **values: Any) -> Any:
                counted[statement] += 1
                return _run(connection, statement, **values)

            monkeypatch.setattr(module, name, counting)
    return counted


async def test_external_id_again_gets_the_same_part(
    service: KnowledgeService, replica: MakeService, clock: Clock
) -> None:
    """One after the other, and at once over two replicas: never a second canary."""
    await known(service, clock)
    other = await replica()
    for run in range(2):
        await hit(service, run)
    at_once = await asyncio.gather(*(hit(each, 2, external_id="x") for each in (service, other) * 4))
    held = await hit(service, 3, external_id="y")
    clock.pass_by(FIRST_WAIT_S + TELL_S)
    again = [await hit(service, 2, external_id="x"), await hit(other, 3, external_id="y")]

    assert [at_once[0]] * 8 == at_once
    assert ("canary", "hold") == (role(at_once[0]), role(held))
    assert [at_once[0], held] == again
    assert "canary" == role(await hit(service, 4))


async def test_key_again_gets_the_same_part(service: KnowledgeService, clock: Clock) -> None:
    """An idempotency key claims once; the storm is as it would be without one."""
    await known(service, clock)
    answers = [
        await service.advise(
            "team", replace(HIT, run_id=f"r-{run}"), once=Once.of(f"k-{run}", route="POST /advise", body=b"")
        )
        for run in (0, 1, 2, 3, 2, 3)
    ]
    clock.pass_by(FIRST_WAIT_S + TELL_S)
    again = await service.advise(
        "team", replace(HIT, run_id="r-3"), once=Once.of("k-3", route="POST /advise", body=b"")
    )

    assert [None, None, "canary", "hold", "canary", "hold"] == [role(answer) for answer in answers]
    assert (answers[2], answers[3]) == (answers[4], answers[5])
    assert answers[3] == again
    assert (4, 4) == (answers[3]["storm"]["runs"], answers[3]["storm"]["incidents"])


async def test_dry_run_sees_the_storm_and_claims_nothing(service: KnowledgeService, clock: Clock) -> None:
    """Neither before it has begun nor while the canary's place is free."""
    await known(service, clock)
    ask = replace(HIT, run_id="r-9")
    for run in range(2):
        await hit(service, run)
    before = await service.advise("team", ask, dry_run=True)
    await hit(service, 2)
    clock.pass_by(FIRST_WAIT_S + TELL_S)
    dry = await service.advise("team", ask, dry_run=True)

    assert (None, "hold", 3) == (before["storm"], role(dry), dry["storm"]["runs"])
    assert "canary" == role(await hit(service, 9))


async def test_storms_cost_others_nothing(service: KnowledgeService, clock: Clock, statements: Counter[str]) -> None:
    """No look for what is unseen, has no run, or was last seen long ago; one while there may be a storm or is one."""
    await hit(service, 1, text="KiwiError: nobody has seen this")
    await known(service, clock)
    await hit(service, 1)
    await service.advise("team", HIT)
    assert 0 == statements["storms.sight"]
    await hit(service, 2)
    await hit(service, 3)
    statements.clear()
    assert "hold" == role(await hit(service, 4))

    assert {"precedents.known": 1, "storms.sight": 1, "incidents.record": 1} == statements
