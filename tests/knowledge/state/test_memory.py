"""Pipeline memory: attributes by their schemas, hand-overs in the audit log, failures whose run can go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from knowledge.advisor.advice import Resume
from knowledge.errors import Conflict, InvalidInput, KnowledgeError, NotFound, StoreUnavailable, VersionRequired
from knowledge.once import Once
from knowledge.state.memory import PipelineMemory, Written
from knowledge.state.resuming import Resuming
from knowledge.state.states import RunSaid, Status, StepSaid, SubTaskSaid, SubTaskStatus
from knowledge.store import audit, sub_tasks, workspaces
from knowledge.store.database import Connection, Database

OLD = {"model": "xgb", "learning_rate": 0.1, "gpus": 8}
HASH = "0123456789abcdef" * 4


async def run(memory: PipelineMemory, name: str = "r", *, version: int | None = None, **said: Any) -> Written:
    """Write a run of the fraud pipeline."""
    given = {"pipeline": "fraud", "status": Status.RUNNING, **said}
    return await memory.put_run("team", name, RunSaid(**given), expected_version=version)


async def step(memory: PipelineMemory, name: str = "s", *, version: int | None = None, **said: Any) -> Written:
    """Write a step of it."""
    given = {"owner": "ana", "status": Status.RUNNING, **said}
    return await memory.put_step("team", "r", name, StepSaid(**given), expected_version=version)


async def done(memory: PipelineMemory, name: str, *, of: str = "s", **said: Any) -> Written:
    """Complete a sub-task of the step."""
    given = SubTaskSaid("ana", SubTaskStatus.COMPLETED, "ana", 60.0, **said)
    return await memory.put_sub_task("team", "r", of, name, given, expected_version=None)


async def test_old_writer_and_new_reader(memory: PipelineMemory) -> None:
    """What was written with version 1 is read as version 2, and can still be read as it was written."""
    await run(memory, domain="ml-pipeline", attributes=OLD, schema_version=1)
    await step(memory, attributes={"rows": 7}, schema_version=1)
    new = await memory.run("team", "r")
    old = await memory.run("team", "r", schema_version=1)
    stored = await run(memory, domain="ml-pipeline", attributes=OLD, schema_version=1)

    assert (2, 2) == (new["schema_version"], new["steps"][0]["schema_version"])
    assert {"gpus": 8} == new["attributes"]["resources"]
    assert {"rows": {"read": 7}} == new["steps"][0]["attributes"] == (await memory.step("team", "r", "s"))["attributes"]
    assert (OLD, {"rows": 7}) == (old["attributes"], old["steps"][0]["attributes"])
    assert (1, OLD, 1) == (stored.row["schema_version"], stored.row["attributes"], stored.row["version"])


async def test_reader_is_too_old(memory: PipelineMemory) -> None:
    """It is told both versions; and which there are, for one that there is not."""
    await run(memory, domain="ml-pipeline", attributes={"model": {"name": "xgb"}})
    with pytest.raises(Conflict, match=r"version 2 .* version 1"):
        await memory.run("team", "r", schema_version=1)
    with pytest.raises(InvalidInput, match="versions 1 to 2"):
        await memory.run("team", "r", schema_version=3)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"domain": "astrology"}, "domain"),
        ({"domain": "astrology", "attributes": {}}, "domain"),
        ({"domain": "ml-pipeline", "attributes": OLD, "schema_version": 9}, "schema_version"),
        ({"domain": "ml-pipeline", "attributes": OLD}, "attributes"),
        ({"attributes": OLD, "schema_version": 1}, "schema_version"),
    ],
)
async def test_attributes_that_keep_to_no_schema(memory: PipelineMemory, said: dict[str, Any], field: str) -> None:
    """Refused, and nothing is written."""
    with pytest.raises(InvalidInput) as refused:
        await run(memory, **said)
    assert str(refused.value.field).startswith(field)
    with pytest.raises(NotFound):
        await memory.run("team", "r")


async def test_attributes_without_a_domain_are_checked_by_the_runs_own(memory: PipelineMemory) -> None:
    """Which its first write has fixed; steps too."""
    await run(memory, domain="ml-pipeline")
    with pytest.raises(InvalidInput):
        await run(memory, attributes={"model": 7}, version=1)
    with pytest.raises(InvalidInput):
        await step(memory, attributes={"rows": "many"})
    changed = await run(memory, attributes=OLD, schema_version=1, version=1)

    assert ("ml-pipeline", 1, 2) == tuple(changed.row[name] for name in ("domain", "schema_version", "version"))


async def test_attributes_race_with_the_first_write(memory: PipelineMemory) -> None:
    """Of a run with a domain and one without, one is first, and what is stored keeps to its domain."""
    for number in range(10):
        told = await asyncio.gather(
            run(memory, f"r-{number}", domain="ml-pipeline", attributes=OLD, schema_version=1),
            run(memory, f"r-{number}", attributes={"model": 7}),
            return_exceptions=True,
        )
        stored = await memory.run("team", f"r-{number}")

        assert [True] == [each.created for each in told if isinstance(each, Written)]
        assert all(isinstance(each, Written | Conflict | InvalidInput) for each in told), told
        assert (stored["domain"] is None) == (stored["attributes"] == {"model": 7})


async def test_what_is_left_out_stays(memory: PipelineMemory) -> None:
    """Attributes, progress, plan."""
    await run(memory, attributes={"a": 1})
    await step(memory, progress=0.5, plan=("x", "y"), attributes={"b": 2})
    ended = (await run(memory, status=Status.FAILED, version=1)).row
    failed = (await step(memory, status=Status.FAILED, version=1)).row

    assert {"a": 1} == ended["attributes"]
    assert (0.5, ["x", "y"], {"b": 2}) == tuple(failed[name] for name in ("progress", "plan", "attributes"))


async def test_hand_over_is_kept_in_the_audit_log(memory: PipelineMemory, connection: Connection) -> None:
    """Who, to whom, why, without secrets; once under a key, and not where nothing is handed over."""
    await run(memory)
    await step(memory)
    once, reason = Once.of("k", route="r", body=b""), "node drained, password=hunter2222"
    answers = [
        await memory.hand_over("team", "r", "s", owner="ana", to="ben", reason=reason, expected_version=1, once=once)
        for _ in range(2)
    ]
    await memory.hand_over("team", "r", "s", owner="ben", to="ben", reason=None, expected_version=2)
    entries = await audit.list_recent(connection, workspace_id=await workspaces.ensure(connection, "team"))

    assert ("ben", 2, answers[0]) == (answers[0]["owner"], answers[0]["version"], answers[1])
    assert [("ana", "step.handed_over", {"owner": "ana"}, {"owner": "ben", "run_id": "r", "step": "s"})] == [
        (each.actor, each.action, each.before, each.after) for each in entries
    ]
    assert (True, False) == ("node drained" in (entries[0].reason or ""), "hunter2222" in (entries[0].reason or ""))


async def test_keyed_write_is_answered_as_the_first_time(memory: PipelineMemory) -> None:
    """Also that it was the first; a refusal uses no key up."""
    said, once = RunSaid("fraud", Status.RUNNING), Once.of("k", route="r", body=b"")
    first = await memory.put_run("team", "r", said, expected_version=None, once=once)
    await run(memory, status=Status.FAILED, version=1)
    again = await memory.put_run("team", "r", said, expected_version=None, once=once)
    other = Once.of("k-2", route="r", body=b"")
    for _ in range(2):
        with pytest.raises(VersionRequired):
            await memory.put_run("team", "r", said, expected_version=None, once=other)

    assert (True, first) == (again.created, again)


async def test_resume_of_a_failure(memory: PipelineMemory, database: Database, connection: Connection) -> None:
    """In the step that failed where it has a checkpoint, else in the last that has; with what it saves."""
    workspace_id = await workspaces.ensure(connection, "team")
    await run(memory)
    for name, plan in (("s", ("a", "b")), ("t", ("c", "d"))):
        await step(memory, name, plan=plan)

    async def find(failed_step: str | None, run_id: str = "r", *, pipeline: str | None = None) -> Resume | None:
        return await Resuming(database).find(
            run_id, pipeline=pipeline, failed_step=failed_step, workspace_id=workspace_id
        )

    nothing = [await find("s"), await find("s", "x")]
    await done(memory, "a", artifacts={"scaled": {"sha256": HASH}})
    one = await find("t")
    await done(memory, "c", of="t")
    await done(memory, "d", of="t")

    of_pipelines = [await find("s", pipeline=pipeline) is None for pipeline in ("fraud", "another")]

    assert [None, None] == nothing
    assert [False, True] == of_pipelines
    assert Resume("r", "s", "a", {"scaled": f"sha256:{HASH}"}, saves=1 / 3) == one
    assert Resume("r", "s", "a", {"scaled": f"sha256:{HASH}"}, saves=0.75) == await find("s")
    assert [Resume("r", "t", "d", {}, saves=0.75)] * 2 == [await find(None), await find("other")]


async def test_no_resume_while_the_store_is_away(database_url: str) -> None:
    """An advice is answered without it."""
    async with Database(database_url) as database:
        resuming = Resuming(database)
    found = await resuming.find("r", pipeline=None, failed_step=None, workspace_id=1)

    assert found is None


async def test_writes_while_the_store_is_away(memory: PipelineMemory, database: Database) -> None:
    """Are told so: the client keeps them and repeats them."""
    await run(memory)
    await database.close()
    with pytest.raises(StoreUnavailable):
        await run(memory, status=Status.FAILED, version=1)


async def test_refusals_are_known_errors(memory: PipelineMemory) -> None:
    """With what programs need of them."""
    await run(memory)
    told: list[KnowledgeError] = []
    for work in (
        lambda: run(memory, pipeline="other"),
        lambda: run(memory, status=Status.FAILED),
        lambda: done(memory, "x"),
    ):
        with pytest.raises(KnowledgeError) as refused:
            await work()
        told.append(refused.value)

    assert [{"pipeline": "fraud"}, {"version": 1}, {"missing": "step"}] == [each.members for each in told]


async def test_run_is_read_with_its_first_sub_tasks(memory: PipelineMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step tells where the rest of its own begins; what is there is all of them where they are few."""
    await run(memory)
    for name in "stu":
        await step(memory, name)
        for number in range(2):
            await done(memory, f"{name}-{number}", of=name)

    async def told() -> list[tuple[int, str | None]]:
        shown = (await memory.run("team", "r"))["steps"]
        return [(len(each["sub_tasks"]), each["sub_tasks_next"]) for each in shown]

    assert [(2, None), (2, None), (2, None)] == await told()
    monkeypatch.setattr(sub_tasks, "MOST_OF_RUN", 3)
    assert [(2, None), (1, "t-0"), (0, "")] == await told()
    rest = [
        await memory.sub_tasks("team", "r", name, after=after, limit=9) for name, after in (("t", "t-0"), ("u", None))
    ]
    assert [["t-1"], ["u-0", "u-1"]] == [[each["sub_task"] for each in page["sub_tasks"]] for page in rest]
