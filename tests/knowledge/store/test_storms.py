"""What is usual for a precedent, as the store counts it, and storms that only one of many can change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from knowledge.advisor.storms import WINDOW, Asker, Sight, Storm, StormState
from knowledge.store import incidents, storms
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from tests.knowledge.store.conftest import MakeIncident

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)


async def hit(
    connection: Connection, incident: MakeIncident, *times: datetime, run: str | None = "r"
) -> tuple[int, UUID]:
    """Runs hit at these times, each one by a run of its own where `run` is given; the workspace and the precedent."""
    rows = [incident(occurred_at=at, run_id=run and f"{run}-{n}-{at}") for n, at in enumerate(times)]
    recorded = await incidents.record(connection, rows)
    return rows[0].workspace_id, recorded[0].precedent_id


async def seen(connection: Connection, where: tuple[int, UUID], *, now: datetime, at: datetime | None = None) -> Sight:
    """What a new run sees."""
    asker = Asker(uuid7(), "asking", at or now)
    found = await storms.sight(connection, workspace_id=where[0], precedent_id=where[1], asker=asker, now=now)
    assert found is not None
    return found


def storm_of(where: tuple[int, UUID], *, since: datetime, wait_s: float = 60.0) -> Storm:
    """A storm that lasts for twenty minutes."""
    return Storm(
        id=uuid7(),
        precedent_id=where[1],
        state=StormState.ACTIVE,
        since=since,
        ends_at=since + timedelta(minutes=20),
        latest_end=since + timedelta(days=1),
        wait_s=wait_s,
        next_try_at=since + timedelta(seconds=wait_s),
        usual_runs=0.05,
    )


async def test_window_counts_distinct_runs(connection: Connection, incident: MakeIncident) -> None:
    """The asking one among them; not those before the window, nor failures without a run."""
    where = await hit(connection, incident, NOW - WINDOW, NOW - WINDOW / 2, NOW)
    await hit(connection, incident, NOW, run=None)
    late = await seen(connection, where, now=NOW, at=NOW - WINDOW)
    found = await seen(connection, where, now=NOW)

    assert (3, NOW - WINDOW / 2, None) == (found.runs, found.since, found.storm)
    assert (0, None) == (late.runs, late.usual)


async def test_runs_of_one_name_in_two_pipelines_are_two(connection: Connection, incident: MakeIncident) -> None:
    """Before the storm, in what is usual, when it begins and when others join: schedulers name runs by date."""
    before = NOW - timedelta(hours=2)
    rows = [incident(occurred_at=at, pipeline=name, run_id="23") for at in (before, NOW) for name in ("fraud", "churn")]
    where = rows[0].workspace_id, (await incidents.record(connection, rows))[0].precedent_id
    asker = Asker(uuid7(), "23", NOW, pipeline="fraud")
    own, another = [
        await storms.sight(connection, workspace_id=where[0], precedent_id=where[1], asker=each, now=NOW)
        for each in (asker, replace(asker, pipeline="ranking"))
    ]
    begun = await storms.begin(connection, storm_of(where, since=NOW), workspace_id=where[0], now=NOW)
    assert begun is not None
    await incidents.record(connection, [incident(occurred_at=NOW, pipeline="ranking", run_id="23") for _ in range(2)])
    [row] = await storms.list_page(connection, workspace_id=where[0], now=NOW)

    assert own is not None
    assert another is not None
    assert [(2, True), (3, False)] == [(each.runs, each.joined) for each in (own, another)]
    assert 2 == (another.usual and another.usual.hits)
    assert [2, 3] == [begun.runs, row.storm.runs]


async def test_usual_is_counted_once_a_day_and_added_to(connection: Connection, incident: MakeIncident) -> None:
    """Windows are those since it was first seen; what is new shows at once, what is reported late the next day."""
    hours = [NOW - timedelta(hours=hour) for hour in range(10, 0, -1)]
    where = await hit(connection, incident, *hours, NOW, NOW)
    first = await seen(connection, where, now=NOW)
    await hit(connection, incident, hours[3], *[NOW + timedelta(minutes=30)] * 2, *[NOW + timedelta(hours=1)] * 2)
    second = await seen(connection, where, now=NOW + timedelta(hours=1))
    day = NOW + timedelta(hours=25)
    await hit(connection, incident, day, day)
    third = await seen(connection, where, now=day)

    assert first.usual
    assert second.usual
    assert third.usual
    assert [(10, 119), (14, 131), (17, 419)] == [
        (each.usual.hits, each.usual.windows) for each in (first, second, third) if each.usual
    ]


@pytest.mark.parametrize(("lasted", "hits", "windows"), [(timedelta(minutes=20), 2, 20 - 1), (None, 5, 24 - 1)])
async def test_time_of_storms_is_left_out(
    connection: Connection, incident: MakeIncident, lasted: timedelta | None, hits: int, windows: float
) -> None:
    """Its runs and its minutes; but not of one that lasted as long as one may (here: 20 minutes)."""
    began = NOW - timedelta(hours=1)
    where = await hit(connection, incident, NOW - timedelta(hours=2))
    storm = storm_of(where, since=began)
    if lasted is None:
        storm = replace(storm, latest_end=storm.ends_at)
    assert await storms.begin(connection, storm, workspace_id=where[0], now=began)
    await connection.execute(b"UPDATE storms SET quiet = '0'")  # nor do those that join make it longer
    await hit(connection, incident, *[began + timedelta(minutes=minute) for minute in (1, 6, 11)])
    await hit(connection, incident, NOW - timedelta(minutes=20), NOW, NOW)
    found = await seen(connection, where, now=NOW)

    assert found.usual
    assert (hits, windows) == (found.usual.hits, found.usual.windows)


async def test_one_of_many_changes_a_storm(connection: Connection, incident: MakeIncident) -> None:
    """Who decided on an earlier state gets nothing; so does who begins a second one."""
    where = await hit(connection, incident, NOW)
    storm = await storms.begin(connection, storm_of(where, since=NOW), workspace_id=where[0], now=NOW)
    again = await storms.begin(connection, storm_of(where, since=NOW), workspace_id=where[0], now=NOW)
    assert storm is not None
    moved = await storms.move(connection, replace(storm, wait_s=120.0))
    late = await storms.move(connection, replace(storm, wait_s=240.0))

    assert (None, None) == (again, late)
    assert moved == replace(storm, wait_s=120.0, version=storm.version + 1)


async def test_storm_begins_where_an_old_one_expired(connection: Connection, incident: MakeIncident) -> None:
    """Nobody had written down that it was over."""
    where = await hit(connection, incident, NOW)
    assert await storms.begin(connection, storm_of(where, since=NOW), workspace_id=where[0], now=NOW)
    later = NOW + timedelta(minutes=21)

    assert await storms.begin(connection, storm_of(where, since=later), workspace_id=where[0], now=later)
    assert [True, False] == [
        row.storm.is_active(later) for row in await storms.list_page(connection, workspace_id=where[0], now=later)
    ]


async def test_clock_that_is_ahead_counts_as_now(connection: Connection, incident: MakeIncident) -> None:
    """By the time of recording: hours later nobody takes it for new."""
    now = datetime.now(UTC)
    where = await hit(connection, incident, *[now + timedelta(hours=3)] * 2)
    at_once = await seen(connection, where, now=now + timedelta(seconds=1))
    hours_later = await seen(connection, where, now=now + timedelta(hours=3))

    assert (3, 1) == (at_once.runs, hours_later.runs)
    assert at_once.since is not None
    assert at_once.since < now + timedelta(seconds=30)
