"""Runs, steps and sub-tasks as PostgreSQL keeps them: one statement a write, behind the row's lock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from knowledge.errors import Conflict, NotFound, StaleVersion, VersionRequired
from knowledge.state.states import (
    PastRun,
    Run,
    RunSaid,
    Status,
    Step,
    StepCounts,
    StepSaid,
    StepWork,
    SubTask,
    SubTaskSaid,
    SubTaskStatus,
)
from knowledge.store import runs, steps, sub_tasks
from knowledge.store.database import Connection, Database

HASH = "0123456789abcdef" * 4


class Writer:
    """Writes runs of a workspace, with what tests leave out."""

    def __init__(self, connection: Connection, *, workspace: int) -> None:
        self.connection = connection
        self.workspace = workspace

    async def run(self, name: str = "r", *, version: int | None = None, **said: Any) -> Run:
        """A run of the fraud pipeline."""
        given = RunSaid(**{"pipeline": "fraud", "status": Status.RUNNING, **said})
        place = {"workspace_id": self.workspace, "run_id": name}
        return (await runs.put(self.connection, said=given, schema_version=None, expected_version=version, **place))[0]

    async def step(self, name: str = "s", *, of: str = "r", version: int | None = None, **said: Any) -> Step:
        """A step of it, ana's."""
        given = StepSaid(**{"owner": "ana", "status": Status.RUNNING, **said})
        place = {"workspace_id": self.workspace, "run_id": of, "name": name}
        return (await steps.put(self.connection, said=given, schema_version=None, expected_version=version, **place))[0]

    async def sub_task(
        self, name: str, *, step: str = "s", of: str = "r", version: int | None = None, **said: Any
    ) -> SubTask:
        """A sub-task of that, completed."""
        fields = {"owner": "ana", "status": SubTaskStatus.COMPLETED, "holder": "ana", "lease_s": 60.0, **said}
        place = {"workspace_id": self.workspace, "run_id": of, "step": step, "name": name}
        given = SubTaskSaid(**fields)
        return (await sub_tasks.put(self.connection, said=given, expected_version=version, **place))[0]


@pytest.fixture
def write(connection: Connection, workspace: int) -> Writer:
    """Write runs of the test's workspace."""
    return Writer(connection, workspace=workspace)


async def test_versions_move_with_changes_only(write: Writer) -> None:
    """What is said again moves nothing; of an old version it is stale: of two that both make 1 of 0 one were lost."""
    first = await write.run(attributes={"a": 1, "b": [1.5]})
    same = [await write.run(attributes={"b": [1.5], "a": 1}), await write.run(), await write.run(version=1)]
    with pytest.raises(VersionRequired) as unread:
        await write.run(attributes={"a": 2})
    with pytest.raises(StaleVersion) as stale:
        await write.run(attributes={"a": 2}, version=2)
    changed = await write.run(attributes={"a": 2}, version=1)
    with pytest.raises(StaleVersion):
        await write.run(attributes={"a": 2}, version=1)

    assert [first] * 3 == same
    assert ({"version": 1}, {"version": 1}) == (unread.value.members, stale.value.members)
    assert (2, {"a": 2}, True) == (changed.version, changed.attributes, changed.updated_at > first.updated_at)


async def test_end_of_a_run_is_when_it_ended(write: Writer) -> None:
    """Not when it was written again; none while it runs again."""
    await write.run()
    ended = await write.run(status=Status.FAILED, version=1)
    noted = await write.run(status=Status.FAILED, attributes={"a": 1}, version=2)
    resumed = await write.run(version=3)

    assert (True, ended.ended_at, None) == (ended.ended_at is not None, noted.ended_at, resumed.ended_at)


async def test_steps_and_sub_tasks_come_in_order_of_first_write(
    connection: Connection, write: Writer, workspace: int
) -> None:
    """Whatever is written of them later."""
    await write.run()
    for name in "zay":
        await write.step(name)
        for each in "qbp":
            await write.sub_task(each, step=name, status=SubTaskStatus.STARTED)
    await write.sub_task("q", step="z", version=1)
    await write.step("z", status=Status.FAILED, version=1)
    found = await steps.of_run(connection, workspace_id=workspace, run_id="r")
    work, more = await sub_tasks.page(connection, workspace_id=workspace, run_id="r")

    assert not more
    assert list("zay") == [each.name for each in found]
    assert [(step, name) for step in "zay" for name in "qbp"] == [(each.step, each.name) for each in work]


async def test_work_tells_what_is_completed_by_when(connection: Connection, write: Writer, workspace: int) -> None:
    """Names only; and that a run is there which has done nothing."""
    await write.run()
    nothing = await steps.work_of_run(connection, workspace_id=workspace, run_id="r")
    await write.step(plan=("a", "b", "c"))
    for name, status in (("a", SubTaskStatus.STARTED), ("b", SubTaskStatus.COMPLETED), ("c", SubTaskStatus.FAILED)):
        await write.sub_task(name, status=status)
    await write.sub_task("a", version=1)
    work = await steps.work_of_run(connection, workspace_id=workspace, run_id="r")
    with pytest.raises(NotFound):
        await steps.work_of_run(connection, workspace_id=workspace, run_id="s")

    assert [] == nothing
    assert [StepWork("s", Status.RUNNING, ("a", "b", "c"), ("a", "b", "c"), ("b", "a"))] == work


async def test_first_write_that_waits_for_another(database: Database, write: Writer, workspace: int) -> None:
    """It finds the row that the other has written."""
    await write.run()
    async with database.connection() as first, database.connection() as second:
        async with first.transaction():
            await Writer(first, workspace=workspace).step()
            other = asyncio.create_task(Writer(second, workspace=workspace).step(owner="ben"))
            await asyncio.sleep(0.1)
            assert not other.done()
        with pytest.raises(Conflict) as refused:
            await other

    assert {"owner": "ana"} == refused.value.members


async def test_plan_waits_for_what_is_being_completed(database: Database, write: Writer, workspace: int) -> None:
    """And does not lose it."""
    await write.run()
    await write.step(plan=("a", "b"))
    async with database.connection() as first, database.connection() as second:
        async with first.transaction():
            await Writer(first, workspace=workspace).sub_task("a")
            shrinking = asyncio.create_task(Writer(second, workspace=workspace).step(plan=("b",), version=1))
            await asyncio.sleep(0.1)
            assert not shrinking.done()
        with pytest.raises(Conflict) as refused:
            await shrinking

    assert {"completed": ["a"]} == refused.value.members


async def test_lease_is_looked_at_when_the_lock_is_there(database: Database, write: Writer, workspace: int) -> None:
    """One that ends while its row is waited for is over."""
    await write.run()
    await write.step()
    await write.sub_task("a", status=SubTaskStatus.STARTED, holder="w-1", lease_s=0.2)
    async with database.connection() as first, database.connection() as second:
        async with first.transaction():
            await first.execute("SELECT FROM sub_tasks FOR UPDATE")
            taking = asyncio.create_task(
                Writer(second, workspace=workspace).sub_task("a", status=SubTaskStatus.STARTED, holder="w-2", version=1)
            )
            await asyncio.sleep(0.3)
        taken = await taking

    assert ("w-2", 2) == (taken.holder, taken.version)


async def test_same_work_is_found_by_its_inputs(connection: Connection, write: Writer, workspace: int) -> None:
    """The latest that is completed."""
    for name in ("r-1", "r-2", "r-3"):
        await write.run(name)
        await write.step(of=name)
    for name in ("r-2", "r-1"):
        await write.sub_task("a", of=name, inputs_hash=HASH, artifacts={"x": {"sha256": HASH}})
    await write.sub_task("a", of="r-3", inputs_hash=HASH, status=SubTaskStatus.FAILED)
    asked = {"workspace_id": workspace, "pipeline": "fraud", "step": "s", "name": "a"}
    found = await sub_tasks.reusable(connection, inputs_hash=HASH, **asked)

    assert found is not None
    assert ("r-1", HASH, {"x": {"sha256": HASH}}) == (found.run_id, found.inputs_hash, found.artifacts)
    assert await sub_tasks.reusable(connection, inputs_hash="f" * 64, **asked) is None


async def test_past_runs_are_the_latest_that_succeeded(connection: Connection, write: Writer, workspace: int) -> None:
    """Of each pipeline, with how long they took and how many steps they had."""
    for number in range(runs.MOST_PAST + 3):
        name = f"r-{number}"
        await write.run(name)
        if number % 2:
            await write.step(of=name)
        await write.run(name, status=Status.SUCCEEDED, version=1)
        await connection.execute(
            "UPDATE runs SET started_at = ended_at - make_interval(secs => %s) WHERE run_id = %s", (number, name)
        )
    await write.run("failed", status=Status.FAILED)
    past = await runs.past(connection, workspace_id=workspace, pipelines=["fraud", "other"])

    assert [PastRun(float(n), n % 2) for n in range(runs.MOST_PAST + 2, 2, -1)] == past["fraud"]
    assert [] == past["other"]


async def test_pages_of_runs(connection: Connection, write: Writer, workspace: int) -> None:
    """Newest first, by the place of the last one, and by what is asked for."""
    written = [await write.run(f"r-{n}", pipeline="ab"[n % 2], attributes={"a": 1}) for n in range(5)]
    await connection.execute("UPDATE runs SET started_at = %s", (written[2].started_at,))  # all at once

    async def page(**asked: Any) -> list[UUID]:
        found = await runs.list_page(connection, workspace_id=workspace, **asked)
        assert [{}] * len(found) == [each.attributes for each in found]
        return [each.id for each in found]

    newest = sorted((each.id for each in written), reverse=True)
    at = written[2].started_at

    assert newest == await page() == await page(since=at)
    assert newest[2:4] == await page(after=(at, newest[1]), limit=2)
    assert {written[1].id, written[3].id} == set(await page(pipeline="b"))
    assert ([], []) == (await page(since=at + timedelta(seconds=1)), await page(status=Status.FAILED))


async def test_counts_by_run(connection: Connection, write: Writer) -> None:
    """Steps in order, with what is planned and completed."""
    one, two = await write.run("r"), await write.run("r-2")
    await write.step("s", plan=("a", "b"))
    await write.step("t", progress=0.5, status=Status.FAILED)
    await write.sub_task("a")
    await write.sub_task("b", status=SubTaskStatus.STARTED)
    found = await runs.counts(connection, [one.id, two.id])

    assert [StepCounts(Status.RUNNING, None, 2, 1), StepCounts(Status.FAILED, 0.5, None, 0)] == found[one.id]
    assert two.id not in found


async def test_pages_of_sub_tasks(
    connection: Connection, write: Writer, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many, or until their artifacts are so large: one at least; with what is left told."""
    await write.run()
    for step in "st":
        await write.step(step)
        for number in range(3):
            made = {f"a-{each}": {"sha256": HASH, "uri": f"s3://bucket/{number}/{each}"} for each in range(20)}
            await write.sub_task(f"{step}-{number}", step=step, artifacts=made)

    async def page(**asked: Any) -> tuple[str, bool]:
        found, more = await sub_tasks.page(connection, workspace_id=workspace, run_id="r", **asked)
        return " ".join(each.name for each in found), more

    assert ("s-0 s-1 s-2 t-0 t-1 t-2", False) == await page() == await page(limit=6)
    assert ("s-0 s-1 s-2 t-0", True) == await page(limit=4)
    assert ("t-1", True) == await page(step="t", after="t-0", limit=1)
    assert ("t-2", False) == await page(step="t", after="t-1", limit=1)
    assert ("", False) == await page(step="t", after="t-2")
    assert {"s": 3, "t": 3} == await sub_tasks.numbers(connection, workspace_id=workspace, run_id="r")
    monkeypatch.setattr(sub_tasks, "MOST_BYTES", 1)
    assert ("s-0", True) == await page()
    assert ("t-2", False) == await page(step="t", after="t-1")
