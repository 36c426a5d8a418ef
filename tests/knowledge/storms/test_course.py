"""What becomes of a storm: its canaries, its waits, its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

from knowledge.advisor.storms import FIRST_WAIT_S, QUIET, TELL_S, TOLD_FOR
from knowledge.service import KnowledgeService
from tests.knowledge.storms.asking import Clock, MakeService, hit, role, storms, stormy


async def test_recovery_is_told_to_all(service: KnowledgeService, clock: Clock) -> None:
    """The canary passes; who asks after that retries soon, each at a moment of its own; later nobody hears of it."""
    canary = (await stormy(service, clock))[-1]
    passed = clock.pass_by(FIRST_WAIT_S + 5)
    await service.outcome("team", UUID(canary["incident_id"]), result="succeeded", attempt=2, waited_s=60)
    late = [await hit(service, run, attempt=2, occurred_at=passed - timedelta(seconds=1)) for run in (0, 1, 5, 6)]
    [storm] = await storms(service)
    clock.pass_by(TOLD_FOR.total_seconds() + 1)
    delays = {answer["decision"]["retry_delay_s"] for answer in late}

    assert {("recovered", "none", None)} == {
        (answer["storm"]["state"], answer["storm"]["role"], answer["storm"]["next_try_at"]) for answer in late
    }
    assert {"retry"} == {answer["decision"]["action"] for answer in late}
    assert 4 == len(delays)
    assert max(delays) <= 30
    assert ("recovered", passed.isoformat().replace("+00:00", "Z")) == (storm["state"], storm["ended_at"])
    assert ([], 1) == (await storms(service, active=True), len(await storms(service, active=False)))
    assert (await hit(service, 7))["storm"] is None


async def test_failed_canary_doubles_the_wait(service: KnowledgeService, clock: Clock) -> None:
    """By its outcome, and by its coming back; another run takes its place each time."""
    first = (await stormy(service, clock))[-1]
    clock.pass_by(FIRST_WAIT_S)
    await service.outcome("team", UUID(first["incident_id"]), result="failed", attempt=2)
    back = await hit(service, 2, attempt=2)
    second = await hit(service, 1, attempt=1)
    clock.pass_by(2 * FIRST_WAIT_S)
    returned = await hit(service, 1, attempt=2)
    third = await hit(service, 0, attempt=2)

    assert ["canary", "hold", "canary", "hold", "canary"] == [
        role(each) for each in (first, back, second, returned, third)
    ]
    assert [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S] == [
        each["decision"]["retry_delay_s"] for each in (first, second, third)
    ]
    assert [4 * FIRST_WAIT_S] == [each["wait_s"] for each in await storms(service)]


async def test_outcome_told_twice_counts_once(service: KnowledgeService, clock: Clock) -> None:
    """The wait doubles once."""
    canary = UUID((await stormy(service, clock))[-1]["incident_id"])
    for _ in range(2):
        await service.outcome("team", canary, result="failed", attempt=2)

    assert [2 * FIRST_WAIT_S] == [each["wait_s"] for each in await storms(service)]


async def test_silent_canary_is_followed_by_one(service: KnowledgeService, replica: MakeService, clock: Clock) -> None:
    """When its lease is over many ask at once, over two replicas: one of them has the place."""
    await stormy(service, clock)
    other = await replica()
    clock.pass_by(FIRST_WAIT_S + TELL_S - 1)
    early = await hit(service, 50)
    clock.pass_by(1)
    answers = await asyncio.gather(*(hit((service, other)[run % 2], run) for run in range(60, 90)))

    assert "hold" == role(early)
    assert {"canary": 1, "hold": 29} == Counter(role(answer) for answer in answers)
    assert [60 + [role(answer) for answer in answers].index("canary")] == [
        int(each["canary"]["run_id"].removeprefix("r-")) for each in await storms(service)
    ]


async def test_restart_forgets_nothing(service: KnowledgeService, replica: MakeService, clock: Clock) -> None:
    """A new process knows the storm and its canary."""
    first = (await stormy(service, clock))[-1]
    restarted: KnowledgeService = await replica()
    held = await hit(restarted, 3)
    clock.pass_by(FIRST_WAIT_S)
    await restarted.outcome("team", UUID(first["incident_id"]), result="failed", attempt=2)

    assert (first["storm"]["id"], "hold") == (held["storm"]["id"], role(held))
    assert "canary" == role(await hit(restarted, 4))


async def test_storm_that_nobody_joins_is_over(service: KnowledgeService, clock: Clock) -> None:
    """Without anybody's writing it down; the next three runs are another."""
    storm = (await stormy(service, clock))[-1]["storm"]
    clock.pass_by(FIRST_WAIT_S + TELL_S + 30 + QUIET.total_seconds())
    [over] = await storms(service)
    answers = [await hit(service, run, occurred_at=clock.pass_by(1)) for run in range(3)]

    assert ("expired", None, None) == (over["state"], over["next_try_at"], over["canary"])
    assert ["none", "none", "canary"] == [role(answer) for answer in answers]
    assert [(storm["id"], "expired")] * 2 == [
        (answer["storm"]["id"], answer["storm"]["state"]) for answer in answers[:2]
    ]
    assert ["active", "expired"] == [each["state"] for each in await storms(service)]


async def test_whoever_must_stop_still_stops(service: KnowledgeService, clock: Clock) -> None:
    """What is surely genuine, and who has no attempt left, is told of the storm, and not to retry."""
    await stormy(service, clock)
    clock.pass_by(FIRST_WAIT_S + TELL_S)
    spent = await hit(service, 3, attempt=4, max_attempts=4)
    free = await hit(service, 4, attempt=3, max_attempts=4)

    assert ("none", "default") == (role(spent), spent["decision"]["action"])
    assert ("canary", "retry", 4) == (role(free), free["decision"]["action"], free["decision"]["max_attempts"])
