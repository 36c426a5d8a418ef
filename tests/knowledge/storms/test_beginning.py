"""What is a storm and what is none; who tries and who holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.storms import FIRST_WAIT_S, TELL_S, WINDOW
from knowledge.failures import Verdict
from knowledge.service import KnowledgeService
from tests.knowledge.storms.asking import HIT, Clock, Document, MakeService, hit, known, role, storms

AT_ONCE = 12


async def test_500_failures_of_200_runs_are_one_storm(
    service: KnowledgeService, replica: MakeService, clock: Clock
) -> None:
    """Within two minutes, over two replicas, many at once: one canary, and all others hold.

    Not told are those that looked before a second run was recorded: with `AT_ONCE` requests under way at a time at most
    one more than that.
    """
    await known(service, clock)
    services, under_way, start = [service, await replica()], asyncio.Semaphore(AT_ONCE), clock()
    clock.pass_by(120)

    async def fail(number: int) -> Document:
        async with under_way:
            at = start + timedelta(seconds=number * 120 / 500)
            return await hit(services[number % 2], number % 200, occurred_at=at)

    answers = await asyncio.gather(*(fail(number) for number in range(500)))
    told = Counter(role(answer) for answer in answers)
    holding = [answer for answer in answers if role(answer) == "hold"]
    canary = next(answer for answer in answers if role(answer) == "canary")
    [storm] = await storms(service)

    assert 1 == told["canary"]
    assert told[None] <= AT_ONCE + 1
    assert 500 == told["canary"] + told["hold"] + told[None]
    assert (200, 500, "active") == (storm["runs"], storm["incidents"], storm["state"])
    assert canary["incident_id"] == storm["canary"]["incident_id"]
    assert {"retry"} == {answer["decision"]["action"] for answer in (*holding, canary)}
    assert FIRST_WAIT_S == canary["decision"]["retry_delay_s"]
    assert all(answer["decision"]["retry_delay_s"] >= FIRST_WAIT_S + TELL_S for answer in holding)
    assert len({answer["decision"]["retry_delay_s"] for answer in holding}) > 0.9 * len(holding)


async def test_one_after_another_the_third_run_tries(service: KnowledgeService, clock: Clock) -> None:
    """Exactly the first two failures are told of no storm, and none but the third is the canary."""
    await known(service, clock)
    answers = [await hit(service, run, occurred_at=clock.pass_by(1)) for run in (0, 1, 2, 3, 0, 1, 2, 4)]

    assert [None, None, "canary", *["hold"] * 5] == [role(answer) for answer in answers]
    assert [3, 4, 4, 4, 4, 5] == [answer["storm"]["runs"] for answer in answers[2:]]
    assert [3, 4, 5, 6, 7, 8] == [answer["storm"]["incidents"] for answer in answers[2:]]
    assert answers[0]["precedent"]["first_seen"] < answers[2]["storm"]["since"] < answers[2]["storm"]["next_try_at"]


@pytest.mark.parametrize("verdict", [None, Verdict.TRANSIENT])
async def test_failure_that_nobody_has_judged_storms_too(
    service: KnowledgeService, clock: Clock, verdict: Verdict | None
) -> None:
    """Also one that was never seen: what hits all at once is tried by one before it is believed."""
    if verdict is not None:
        await known(service, clock, verdict)
    answers = [await hit(service, run) for run in range(4)]

    assert [None, None, "canary", "hold"] == [role(answer) for answer in answers]
    assert ["retry", "retry"] == [answer["decision"]["action"] for answer in answers[2:]]
    assert "3 runs since" in answers[2]["decision"]["reason"]
    assert "4 runs since" in answers[3]["decision"]["reason"]


@pytest.mark.parametrize(
    ("fail_from", "roles", "actions"),
    [
        (0.5, [None, None, "none", "none", "none"], ["fail"] * 5),
        (1.0, [None, None, "canary", "none", "none"], ["default", "default", "retry", "default", "default"]),
    ],
)
async def test_genuine_failure_of_many_runs_stays_genuine(
    replica: MakeService, clock: Clock, fail_from: float, roles: list[str | None], actions: list[str]
) -> None:
    """A bad deploy: one run tries where it is not sure, all others are told what they would be told without a storm."""
    service = await replica(AdvisorSettings(fail_from=fail_from, wrong_fail_bound=None))
    await known(service, clock, Verdict.GENUINE)
    answers = [await hit(service, run) for run in range(5)]
    reasons = [answer["decision"]["reason"] for answer in answers]

    assert (["genuine"] * 5, roles) == ([answer["verdict"] for answer in answers], [role(answer) for answer in answers])
    assert actions == [answer["decision"]["action"] for answer in answers]
    assert all("it fails again until someone changes something." in reason for reason in reasons)
    assert [False, False, True, True, True] == ["This is a storm" in reason for reason in reasons]


async def test_many_failures_of_one_run_are_no_storm(service: KnowledgeService, clock: Clock) -> None:
    """Nor are those of two."""
    await known(service, clock)
    answers = [await hit(service, number % 2, attempt=number + 1) for number in range(20)]

    assert {None} == {role(answer) for answer in answers}
    assert [] == await storms(service)


async def test_usual_rate_is_no_storm(service: KnowledgeService, clock: Clock) -> None:
    """50 runs in each 5 minutes for two hours, and then 50 again; a hundred would be one."""
    start = clock() - timedelta(hours=2) - WINDOW
    for window in range(24):
        times = [start + WINDOW * window + timedelta(seconds=5 * number) for number in range(50)]
        past = [replace(HIT, run_id=f"{window}-{number}", occurred_at=at) for number, at in enumerate(times)]
        await service.record_many("team", past)
    answers = [await hit(service, run) for run in range(50)]
    more = [await hit(service, run) for run in range(50, 100)]

    assert {None} == {role(answer) for answer in answers}
    assert "canary" in {role(answer) for answer in more}
    [storm] = await storms(service)
    assert storm["usual_runs"] == pytest.approx(50 * 24 / 34, rel=0.1)  # the prior weighs 10 windows


async def test_nothing_is_a_storm_after_an_import_of_the_past(service: KnowledgeService, clock: Clock) -> None:
    """Time is that of occurrence: what happened last week happens to nobody now."""
    past = [replace(HIT, run_id=f"r-{run}", occurred_at=clock() - timedelta(days=7)) for run in range(30)]
    await service.record_many("team", past)

    assert role(await hit(service, 1)) is None


async def test_replicas_at_once_begin_one_storm(service: KnowledgeService, replica: MakeService, clock: Clock) -> None:
    """Both see it begin at the same moment."""
    await known(service, clock)
    services = [service, await replica()]
    await asyncio.gather(*(hit(service, run) for run in range(2)))
    answers = await asyncio.gather(*(hit(services[run % 2], run) for run in range(2, 42)))

    assert {"canary": 1, "hold": 39} == Counter(role(answer) for answer in answers)
    assert [(42, 42)] == [(each["runs"], each["incidents"]) for each in await storms(service)]
