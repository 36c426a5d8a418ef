"""Past failures asked again on the real parts: nothing is known before its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.replay_report import Replayed
from knowledge.failures import DecisionAction, Failure, Resolution, Verdict
from knowledge.replaying import MovingClock, Past, PastOutcome, Replay, Untaken
from knowledge.service import KnowledgeService
from tests.knowledge.conftest import World

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
TORN = "PearError: the ledger is torn"
PLUM = "PlumError: no lease was given"


def past(number: int, text: str = TORN, *, hour: float | None = None, **known: Any) -> Past:
    """A failure at this hour; line by line where none is given."""
    stated = {name: known.pop(name) for name in ("verdict", "cause", "resolution", "run_id") if name in known}
    at = START + timedelta(hours=number if hour is None else hour)
    return Past(number=number, occurred_at=at, failure=Failure(text=text, **stated), **known)


async def replayed(world: World, history: Sequence[Past], *, delay: timedelta = timedelta(0)) -> list[Any]:
    """What is told to each, on a service with the clock of the history."""
    clock = MovingClock(START)
    service = KnowledgeService(
        database=world.database,
        index=world.index,
        embedder=world.embedder,
        indexer=world.indexer,
        spool=world.spool,
        starters=world.starters,
        settings=AdvisorSettings(),
        clock=clock,
    )
    replay = Replay(service, clock=clock, settle=world.indexer.drain)
    return [each async for each in replay.run(history, delay=delay)]


def verdicts(told: Sequence[Replayed]) -> list[str]:
    """In the order in which they were asked."""
    return [each.verdict.value for each in told]


async def test_each_is_judged_by_what_was_before(world: World) -> None:
    """Its own verdict helps the next, and never itself; lines need not be in order."""
    history = [past(number, verdict=Verdict.GENUINE) for number in (3, 1, 2)]
    told = await replayed(world, history)

    assert [1, 2, 3] == [each.number for each in told]
    assert ["unknown", "genuine", "genuine"] == verdicts(told)
    assert [False, True, True] == [each.seen_before for each in told]


async def test_at_the_very_same_time_nothing_is_known(world: World) -> None:
    """Two at once do not tell each other."""
    told = await replayed(world, [past(number, hour=1, verdict=Verdict.GENUINE) for number in (1, 2)])

    assert ["unknown", "unknown"] == verdicts(told)


@pytest.mark.parametrize(
    ("delay", "known_at", "expected"),
    [
        (timedelta(hours=1.5), None, ["unknown", "unknown", "genuine"]),
        (timedelta(0), START + timedelta(hours=2.5), ["unknown", "unknown", "genuine"]),
        (timedelta(hours=9), START, ["unknown", "genuine", "genuine"]),
    ],
)
async def test_truth_comes_at_its_time(
    world: World, delay: timedelta, known_at: datetime | None, expected: list[str]
) -> None:
    """After a delay, or when the line says; never before the failure itself."""
    history = [past(number, verdict=Verdict.GENUINE, known_at=known_at) for number in (1, 2, 3)]

    assert expected == verdicts(await replayed(world, history, delay=delay))


async def test_outcomes_teach(world: World) -> None:
    """Retries that passed twice, with nobody's word."""
    history = [past(number, outcome=PastOutcome("succeeded", 2, 30.0)) for number in range(1, 5)]
    told = await replayed(world, history)

    assert ("unknown", "transient") == (told[0].verdict.value, told[-1].verdict.value)
    assert [(Verdict.TRANSIENT, False)] * 4 == [(each.truth, each.by_people) for each in told]


async def test_what_was_learned_stops_retries(world: World) -> None:
    """The same genuine failure over and over, then another one that was never seen."""
    said = Resolution("Mended the ledger.")
    history = [
        past(number, verdict=Verdict.GENUINE, resolution=said, retries=3, wasted_hours=2.0) for number in range(6)
    ]
    told = await replayed(world, [*history, past(9, PLUM, verdict=Verdict.TRANSIENT)])

    assert DecisionAction.FAIL == told[5].decision
    assert (True, 3, 2.0) == (told[5].saved, told[5].retries, told[5].hours)
    assert (False, False) == (told[6].wrongly_stopped, told[0].saved)


async def test_neighbours_are_found_as_soon_as_they_are_known(world: World) -> None:
    """Other words for the same, an hour later."""
    told = await replayed(
        world,
        [
            past(1, "ValueError: column price of table orders has 17 nulls", verdict=Verdict.GENUINE),
            past(2, "ValueError: column amount of table orders has 99 nulls", verdict=Verdict.GENUINE),
        ],
    )

    assert ["unknown", "genuine"] == verdicts(told)


async def test_what_cannot_be_taken_costs_no_other(world: World) -> None:
    """A time that no clock can have told."""
    early = Past(number=1, occurred_at=datetime(1999, 1, 1, tzinfo=UTC), failure=Failure(text=TORN))
    told = await replayed(world, [early, past(2)])

    assert isinstance(told[0], Untaken)
    assert (1, "occurred_at" in told[0].problem, 2) == (told[0].number, True, told[1].number)
