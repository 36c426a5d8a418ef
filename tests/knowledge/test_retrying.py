"""Outcomes change what is advised: the whole way, on the real store and index."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from knowledge.failures import Cause, Failure, Resolution, Verdict
from knowledge.retries import Fared
from knowledge.store import precedents, workspaces
from tests.knowledge.conftest import World

TEXT = "FigError: the orchard throttles, too many baskets in flight"


async def told(world: World, *outcomes: tuple[str, float, int], text: str = TEXT) -> None:
    """Runs of a failure that is transient, each with an outcome: result, seconds waited, attempt."""
    for result, waited_s, attempt in outcomes:
        failure = Failure(text=text, verdict=Verdict.TRANSIENT, cause=Cause.RATE_LIMIT)
        made = await world.service.record("team", failure)
        await world.service.outcome("team", UUID(made["id"]), result=result, attempt=attempt, waited_s=waited_s)


async def asked(world: World, text: str = TEXT, **said: Any) -> dict[str, Any]:
    """The answer to it."""
    return await world.service.advise("team", Failure(text=text, **said), dry_run=True)


async def test_ten_outcomes_move_the_wait(world: World) -> None:
    """Retries after 10 s failed, after 300 s passed: it rises above a minute, and the reason says why."""
    await world.service.record("team", Failure(text=TEXT, verdict=Verdict.TRANSIENT, cause=Cause.RATE_LIMIT))
    before = await asked(world)
    await told(world, *[("failed", 10, 2), ("succeeded", 300, 3)] * 5)
    after = await asked(world)

    assert ("retry", "retry") == (before["decision"]["action"], after["decision"]["action"])
    assert 30 == before["decision"]["retry_delay_s"]
    assert after["decision"]["retry_delay_s"] > 60
    assert "0 of 5 retries passed within 15 s" in after["decision"]["reason"]
    assert after["strategy"]["max_delay_s"] >= after["decision"]["retry_delay_s"]


async def test_ten_outcomes_move_it_down(world: World) -> None:
    """Retries after 5 s passed."""
    await told(world, ("succeeded", 200, 2))
    before = await asked(world)
    await told(world, *[("succeeded", 5, 2)] * 10)
    after = await asked(world)

    assert after["decision"]["retry_delay_s"] <= 10 < before["decision"]["retry_delay_s"]


async def test_other_failures_of_the_cause_follow(world: World) -> None:
    """Where their own outcomes are few; they come with the neighbours."""
    other = "PlumError: the quota of the press is used up, slow down"
    await told(world, ("succeeded", 30, 2), text=other)
    await world.indexer.drain()
    before = await asked(world, other)
    await told(world, *[("failed", 10, 2), ("succeeded", 500, 3)] * 8)
    after = await asked(world, other)

    assert before["decision"]["retry_delay_s"] < after["decision"]["retry_delay_s"]


async def test_passes_that_nobody_explains_teach_the_cause(world: World) -> None:
    """They count for the cause that was advised, as the failures do that people explain."""
    await world.service.record("team", Failure(text=TEXT, verdict=Verdict.TRANSIENT, cause=Cause.RATE_LIMIT))
    await world.indexer.drain()
    for number, baskets in enumerate(("crates", "boxes", "trays", "bags", "buckets")):
        advice = await world.service.advise("team", Failure(text=TEXT.replace("baskets", baskets)))
        incident = UUID(advice["incident_id"])
        result = "succeeded" if number else "failed"
        await world.service.outcome("team", incident, result=result, attempt=2, waited_s=100)
        if not number:
            await world.service.resolve("team", incident, Resolution("It passed later."), cause=Cause.RATE_LIMIT)
    async with world.database.connection() as connection:
        found = await precedents.get(
            connection,
            workspace_id=await workspaces.ensure(connection, "team"),
            id=UUID(advice["precedent"]["id"]),
        )

    assert {Cause.RATE_LIMIT: (Fared(2, 2, 4, 1),)} == found.history.by_cause


async def test_hint_in_the_text_wins(world: World) -> None:
    """Over what retries did, however they fared."""
    await told(world, *[("succeeded", 5, 2)] * 5, text=f"{TEXT}. Please try again in 3s.")
    answer = await asked(world, f"{TEXT}. Please try again in 450s.")
    usual = await asked(world, f"{TEXT}. Please try again.")

    assert ("transient", 450.0, None) == (
        answer["verdict"],
        answer["decision"]["retry_delay_s"],
        answer["strategy"]["jitter"],
    )
    assert "; the service asks to wait 8 min." in answer["decision"]["reason"]
    assert usual["decision"]["retry_delay_s"] != 450


async def test_much_spent_makes_cautious(world: World) -> None:
    """Fewer attempts, after a longer wait: a restart loses 360 GPU-hours."""
    await told(world, *[("succeeded", 30, 2)] * 5)
    lightly, dearly = await asked(world), await asked(world, spent={"gpu_hours": 360.0})

    assert dearly["decision"]["max_attempts"] < lightly["decision"]["max_attempts"]
    assert dearly["decision"]["retry_delay_s"] > lightly["decision"]["retry_delay_s"]


async def test_failed_retries_end_in_the_callers_policy(world: World) -> None:
    """Attempt by attempt: never a stop, for the verdict is transient, and not for ever."""
    await told(world, *[("succeeded", 30, 2)] * 3)
    actions = [(await asked(world, attempt=attempt))["decision"]["action"] for attempt in range(1, 12)]

    assert ("retry", "default") == (actions[0], actions[-1])
    assert {"retry", "default"} == set(actions)
    assert actions == sorted(actions, reverse=True)


async def test_failed_retries_of_this_run_count(world: World) -> None:
    """Though the caller does not number its attempts; those of another run do not."""
    await told(world, *[("succeeded", 30, 2)] * 3)
    run: dict[str, Any] = {"run_id": "r-1", "step": "hpo"}
    made = await world.service.record("team", Failure(text=TEXT, **run))
    for attempt in range(2, 9):
        await world.service.outcome("team", UUID(made["id"]), result="failed", attempt=attempt, waited_s=30)
    mine, other = await asked(world, **run), await asked(world, run_id="r-2", step="hpo")

    assert "7 retries of this run have failed." in mine["decision"]["reason"]
    assert ("default", True) == (mine["decision"]["action"], "of this run" not in other["decision"]["reason"])


async def test_each_failed_retry_lowers_the_belief_in_transient(world: World) -> None:
    """From attempt to attempt."""
    await told(world, *[("succeeded", 30, 2)] * 3)
    answers = [await asked(world, attempt=attempt) for attempt in range(1, 7)]
    confidences = [each["confidence"] for each in answers]

    assert {"transient"} == {each["verdict"] for each in answers}
    assert confidences == sorted(set(confidences), reverse=True)
    assert confidences[-1] < 0.75 * confidences[0]


async def test_each_failed_retry_makes_a_genuine_failure_surer(world: World) -> None:
    """Up to the third: retries of one run are not independent."""
    await world.service.record("team", Failure(text="PearError: ledger torn", verdict=Verdict.GENUINE))
    answers = [await asked(world, "PearError: ledger torn", attempt=attempt) for attempt in (1, 2, 4, 9)]
    first, second, fourth, last = (each["confidence"] for each in answers)

    assert {"genuine"} == {each["verdict"] for each in answers}
    assert first < second < fourth == last


async def test_precedent_shows_how_retries_fared(world: World) -> None:
    """By wait and by attempt."""
    await told(world, ("failed", 10, 2), ("succeeded", 300, 3))
    answer = await asked(world)
    shown = await world.service.precedent("team", UUID(answer["precedent"]["id"]))

    assert {"succeeded": 1, "failed": 1} == {name: shown["retries"][name] for name in ("succeeded", "failed")}
    assert [
        {"from_s": 0.0, "to_s": 15.0, "succeeded": 0, "failed": 1},
        {"from_s": 240.0, "to_s": 900.0, "succeeded": 1, "failed": 0},
    ] == shown["retries"]["by_wait"]
    assert [
        {"attempt": 2, "succeeded": 0, "failed": 1},
        {"attempt": 3, "succeeded": 1, "failed": 0},
    ] == shown["retries"]["by_attempt"]


async def test_measured_waits_replace_those_of_an_action(world: World) -> None:
    """A preempted run is retried at once; here that never helped."""
    preempted = Failure(text=TEXT, verdict=Verdict.TRANSIENT, cause=Cause.PREEMPTION)
    await world.service.record("team", preempted)
    before = await asked(world)
    for result, waited_s, attempt in (("failed", 1, 2), ("succeeded", 300, 3)) * 6:
        made = await world.service.record("team", preempted)
        await world.service.outcome("team", UUID(made["id"]), result=result, attempt=attempt, waited_s=waited_s)
    after = await asked(world)

    assert (0.0, True) == (before["decision"]["retry_delay_s"], after["decision"]["retry_delay_s"] > 30)
