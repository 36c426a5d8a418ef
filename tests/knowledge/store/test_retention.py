"""What is forgotten after a time, and what is not: runs with all that is below them, idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from knowledge.once import Once
from knowledge.retention import forget
from knowledge.state.states import Status, SubTaskStatus
from knowledge.store import decisions, idempotency, incidents, runs, steps, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident
from tests.knowledge.store.test_runs import Writer

YEAR = timedelta(days=365)


@pytest.fixture
def write(connection: Connection, workspace: int) -> Writer:
    """Write runs of the test's workspace."""
    return Writer(connection, workspace=workspace)


async def decide(connection: Connection, workspace: int, run_id: str) -> None:
    """A decision in a run."""
    record = decisions.DecisionRecord(
        id=uuid7(),
        run_id=run_id,
        pipeline="fraud",
        step=None,
        agent="ana",
        kind="release",
        choice={},
        rationale="why not",
        reasons=[],
        incident_id=None,
        created_at=datetime.now(UTC),
    )
    await decisions.add(connection, record, workspace_id=workspace, embedding=None, model_id=None)


async def whole(write: Writer, name: str) -> None:
    """A run with a step, sub-tasks and a decision."""
    await write.run(name)
    await write.step(of=name)
    await write.sub_task("a", of=name)
    await write.sub_task("b", of=name, status=SubTaskStatus.STARTED)
    await decide(write.connection, write.workspace, name)


async def grow_old(connection: Connection, *, days: float = 366) -> None:
    """All that there is was said so long ago."""
    for table, column in (("runs", "ended_at"), ("steps", "ended_at"), ("sub_tasks", "lease_expires_at")):
        columns = ("started_at", "updated_at", "said_at", column)
        earlier = ", ".join(f"{each} = {each} - %(age)s" for each in columns)
        await connection.execute(f"UPDATE {table} SET {earlier}".encode(), {"age": timedelta(days=days)})
    await connection.execute("UPDATE decision_records SET created_at = created_at - %s", (timedelta(days=days),))


async def left(connection: Connection) -> list[int]:
    """Runs, steps, sub-tasks and decisions."""
    tables = ("runs", "steps", "sub_tasks", "decision_records")
    cursors = [await connection.execute(f"SELECT count(*) FROM {table}".encode()) for table in tables]
    return [(await cursor.fetchone() or (0,))[0] for cursor in cursors]


async def test_run_goes_with_all_that_is_below_it(database: Database, connection: Connection, write: Writer) -> None:
    """Once it is old enough, whether it ended or was left; those of others stay whole."""
    await whole(write, "left")
    await whole(write, "ended")
    await write.run("ended", status=Status.FAILED, version=1)
    await grow_old(connection)
    await whole(write, "young")
    kept = await forget(database, runs_kept=None)
    forgotten = await forget(database, runs_kept=YEAR)
    again = await forget(database, runs_kept=YEAR)

    assert [(0, 0), (0, 2), (0, 0)] == [kept, forgotten, again]
    assert [1, 1, 2, 1] == await left(connection)
    assert "young" == (await runs.get(connection, workspace_id=write.workspace, run_id="young")).run_id


@pytest.mark.parametrize(
    "touch", ["run", "same run", "step", "same step", "sub-task", "lease", "decision", "hand-over"]
)
async def test_whatever_is_said_of_a_run_keeps_it(
    database: Database, connection: Connection, write: Writer, workspace: int, touch: str
) -> None:
    """Also what changes nothing of it, and what is below it."""
    await whole(write, "r")
    await grow_old(connection)
    match touch:
        case "run":
            await write.run(status=Status.FAILED, version=1)
        case "same run":
            await write.run()
        case "step":
            await write.step(status=Status.FAILED, version=1)
        case "same step":
            await write.step()
        case "sub-task":
            await write.sub_task("b", version=1)
        case "lease":
            await write.sub_task("b", status=SubTaskStatus.STARTED)
        case "decision":
            await decide(connection, workspace, "r")
        case "hand-over":
            place = {"workspace_id": workspace, "run_id": "r", "name": "s", "pipeline": None}
            await steps.hand_over(connection, owner="ana", to="ben", expected_version=1, **place)

    assert (0, 0) == await forget(database, runs_kept=YEAR)
    assert [1, 1, 2] == (await left(connection))[:3]


async def test_incidents_that_name_a_run_stay(
    database: Database,
    connection: Connection,
    write: Writer,
    workspace: int,
    incident: Callable[..., NewIncident],
) -> None:
    """With its name."""
    await whole(write, "r")
    recorded = (await incidents.record(connection, [incident(run_id="r", pipeline="fraud")]))[0]
    await grow_old(connection)

    assert (0, 1) == await forget(database, runs_kept=YEAR)
    assert "r" == (await incidents.get(connection, workspace_id=workspace, id=recorded.incident_id)).run_id


async def test_runs_are_forgotten_in_bounded_batches(connection: Connection, write: Writer) -> None:
    """The oldest first: as many runs as one transaction takes, and no further one after as many rows."""
    for number in range(5):
        await whole(write, f"r-{number}")
    await grow_old(connection)
    by_runs = await runs.forget(connection, untouched_for=YEAR, most_runs=1)
    by_rows = await runs.forget(connection, untouched_for=YEAR, most_rows=3)
    page = await runs.list_page(connection, workspace_id=write.workspace)

    assert (1, 2, ["r-4", "r-3"]) == (by_runs, by_rows, [each.run_id for each in page])


async def test_replicas_forget_beside_each_other(database: Database, connection: Connection, write: Writer) -> None:
    """Each run once, and nobody waits for another."""
    for number in range(20):
        await whole(write, f"r-{number}")
    await grow_old(connection)
    told = await asyncio.gather(*(forget(database, runs_kept=YEAR) for _ in range(4)))

    assert (20, [0, 0, 0, 0]) == (sum(number for _, number in told), await left(connection))


async def test_run_that_is_written_just_now_stays(database: Database, write: Writer, workspace: int) -> None:
    """Forgetting waits for the write, and sees it."""
    await whole(write, "r")
    await grow_old(write.connection)
    async with database.connection() as writing:
        async with writing.transaction():
            await Writer(writing, workspace=workspace).sub_task("b", version=1)
            forgetting = asyncio.create_task(forget(database, runs_kept=YEAR))
            await asyncio.sleep(0.2)
            assert not forgetting.done()

        assert (0, 0) == await forgetting
    assert [1, 1, 2, 1] == await left(write.connection)


async def test_write_that_meets_forgetting_comes_after_it(database: Database, write: Writer, workspace: int) -> None:
    """The run is a new one then; what is below it is told that there is none."""
    await whole(write, "r")
    await grow_old(write.connection)
    async with database.connection() as forgetting, database.connection() as one, database.connection() as other:
        async with forgetting.transaction():
            assert 1 == await runs.forget(forgetting, untouched_for=YEAR)
            run = asyncio.create_task(Writer(one, workspace=workspace).run("r", status=Status.FAILED))
            step = asyncio.create_task(Writer(other, workspace=workspace).step(of="r"))
            await asyncio.sleep(0.2)
            assert [False, False] == [run.done(), step.done()]
        written = await run
        told = (await asyncio.gather(step, return_exceptions=True))[0]

    assert (1, Status.FAILED) == (written.version, written.status)
    assert "There is no run r in this workspace." == str(told)


async def test_old_keys_are_forgotten_in_bounded_batches(
    database: Database, connection: Connection, workspace: int
) -> None:
    """With their answers, in whichever workspace."""
    for place in (workspace, await workspaces.ensure(connection, "others")):
        for number in range(4):
            await idempotency.claim(connection, Once.of(f"k-{number}", route="r", body=b""), workspace_id=place)
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await idempotency.claim(connection, Once.of("young", route="r", body=b""), workspace_id=workspace)

    assert [3, 3] == [await idempotency.purge(connection, most=3) for _ in range(2)]
    assert (2, 0) == await forget(database, runs_kept=YEAR)
