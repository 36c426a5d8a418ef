"""Counts of days: kept, made again beside the answer, and made ahead where there is much."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from knowledge import counting
from knowledge.counting import Counting
from knowledge.store import incidents, overview
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.overview import Span
from tests.knowledge.store.conftest import MakeIncident

NOON = datetime.now(UTC).replace(hour=12, minute=30) - timedelta(days=5)


def failures(counts: counting.Counts) -> int:
    """In all of these days."""
    return sum(sum(day["failures"].values()) for day in counts.values())


@pytest.fixture
def counts(database: Database) -> Counting:
    """Counting at noon of a day that is past."""
    return Counting(database, clock=lambda: NOON)


async def test_of_a_day(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Its own failures, whole; days on which nothing happened are left out."""
    times = [NOON - timedelta(days=1), NOON, NOON, NOON + timedelta(days=1)]
    await incidents.record(connection, [incident("a", occurred_at=at, run_id="r") for at in times])
    span = Span(NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    async with connection.transaction():
        found = await overview.count(connection, span, workspace_id=workspace)

    assert [NOON.date()] == list(found)
    assert {"unknown": 2} == found[NOON.date()]["failures"]
    assert {"unasked": 2} == found[NOON.date()]["told"]
    assert [[1, 2]] == [each[1:] for each in found[NOON.date()]["unresolved"]]


async def test_runs_are_told_apart_by_pipeline(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Schedulers name runs alike; a failure without a run counts as one."""
    where = [("p", "r"), ("p", "r"), ("q", "r"), (None, "r"), (None, None), (None, None)]
    await incidents.record(
        connection, [incident("a", occurred_at=NOON, pipeline=pipeline, run_id=run) for pipeline, run in where]
    )
    async with connection.transaction():
        found = await overview.count(connection, counting.whole([NOON.date()]), workspace_id=workspace)

    assert [[5, 6]] == [each[1:] for each in found[NOON.date()]["unresolved"]]


async def test_a_failure_without_a_run_is_not_known_to_be_spared(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Nobody can see whether it went on: attempts 3, 4 and 5 of one step are not six retries saved."""
    for attempt in (3, 4, 5):
        row = incident(
            "a",
            occurred_at=NOON + timedelta(minutes=attempt),
            step="s",
            attempt=attempt,
            max_attempts=6,
            spent={"gpu_hours": 10.0},
        )
        told = {"verdict": "genuine", "decision": {"action": "fail"}, "confidence": 0.9}
        await incidents.record_with_advice(connection, row, advice_id=uuid7(), answer=told)
    async with connection.transaction():
        found = await overview.count(connection, counting.whole([NOON.date()]), workspace_id=workspace)

    assert {"failures": 3, "retries": 0, "untold": 3, "hours": 0.0} == found[NOON.date()]["spared"]["stopped"]
    assert {"told genuine": 3} == found[NOON.date()]["failures"]


async def test_a_later_count_stays(connection: Connection, workspace: int) -> None:
    """Whoever counted earlier and writes later does not undo it."""
    day = NOON.date()
    for failures, minutes in ((1, 0), (2, 10), (3, 5)):
        at = NOON + timedelta(minutes=minutes)
        await overview.store(connection, {day: {"failures": failures}}, workspace_id=workspace, at=at)
    (found,) = await overview.stored(connection, workspace_id=workspace, since=day, until=day + timedelta(days=1))

    assert ({"failures": 2}, NOON + timedelta(minutes=10)) == (found.counts, found.counted_at)


async def test_many_failures_of_today_are_counted_beside(
    counts: Counting,
    connection: Connection,
    workspace: int,
    incident: MakeIncident,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who looks gets what was counted a moment ago, and does not wait; few are counted each time."""
    monkeypatch.setattr(counting, "FEW", 2)
    monkeypatch.setattr(counting, "AGAIN_S", 0.0)
    monkeypatch.setattr(counting, "AGAIN_TIMES", 0.0)
    seen = []
    for _ in range(4):
        await incidents.record(connection, [incident("a", occurred_at=NOON)])
        seen.append(failures((await counts.days(workspace, number=1))[0]))
    await counts.close()

    assert [1, 2, 3, 3] == seen


async def test_what_was_counted_long_ago_is_not_shown(
    counts: Counting,
    connection: Connection,
    workspace: int,
    incident: MakeIncident,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then who looks waits."""
    monkeypatch.setattr(counting, "FEW", 0)
    monkeypatch.setattr(counting, "AGAIN_S", 0.0)
    monkeypatch.setattr(counting, "AGAIN_TIMES", 0.0)
    monkeypatch.setattr(counting, "LONGEST_S", 0.0)
    seen = []
    for _ in range(2):
        await incidents.record(connection, [incident("a", occurred_at=NOON)])
        seen.append((await counts.last_day(workspace)).failures)

    assert [1, 2] == seen


async def test_large_workspaces_are_counted_ahead(
    counts: Counting,
    connection: Connection,
    workspace: int,
    incident: MakeIncident,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of their days that is over, once; small ones when somebody looks."""
    await incidents.record(connection, [incident("a", occurred_at=NOON - timedelta(days=2)) for _ in range(3)])
    monkeypatch.setattr(counting, "LARGE", 4)
    small = await counts.ahead(number=30)
    monkeypatch.setattr(counting, "LARGE", 3)
    large = [await counts.ahead(number=30), await counts.ahead(number=30)]
    since, until = NOON.date() - timedelta(days=29), NOON.date()
    found = await overview.stored(connection, workspace_id=workspace, since=since, until=until)

    assert (0, [1, 0]) == (small, large)
    assert 29 == len(found)
    assert 3 == failures({each.day: dict(each.counts) for each in found})


async def test_busy_workspaces_are_counted_ahead(
    counts: Counting,
    connection: Connection,
    workspace: int,
    incident: MakeIncident,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who looks first, after a start or after a while, does not wait for many failures of today."""
    monkeypatch.setattr(counting, "FEW", 2)
    seen = []
    for _ in range(4):
        await incidents.record(connection, [incident("a", occurred_at=NOON)])
        seen.append(await counts.ahead(number=30))
    await incidents.record(connection, [incident("a", occurred_at=NOON)])
    today, last_day = (await counts.days(workspace, number=1))[0], await counts.last_day(workspace)
    await counts.close()

    assert [0, 0, 1, 1] == seen
    assert (4, 4) == (failures(today), last_day.failures)


async def test_past_days_are_made_anew_beside(
    counts: Counting, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """What was imported late is there the next time."""
    seen = []
    for _ in range(2):
        await incidents.record(connection, [incident("a", occurred_at=NOON - timedelta(days=2))])
        seen.append(failures((await counts.days(workspace, number=7))[0]))
    async with asyncio.timeout(10):
        while failures((await counts.days(workspace, number=7))[0]) < 2:
            pass  # it asks the database, and so others come between
    await counts.close()

    assert [1, 1] == seen
