"""Schemas that ship, schemas that workspaces register, and agents of different versions over the same rows."""

from __future__ import annotations

import asyncio
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from knowledge.errors import Conflict, InvalidInput, NotFound
from knowledge.state.memory import PipelineMemory
from knowledge.state.schemas import MOST_DOMAINS, Schemas, read_shipped
from knowledge.state.states import RunSaid, Status, StepSaid
from knowledge.store import workspaces
from knowledge.store.database import Connection, Database
from knowledge.workspaces import Workspaces

FIRST = {"run": {"properties": {"lr": {"type": "number"}}, "additionalProperties": False}, "step": None, "upcast": []}
SECOND = {
    "run": {"properties": {"rate": {"type": "number"}, "unit": {"type": "string"}}, "additionalProperties": False},
    "step": {"required": ["rows"]},
    "upcast": [
        {"op": "rename", "from": "lr", "to": "rate"},
        {"op": "default", "path": "unit", "value": "1/step"},
        {"op": "default", "path": "rows", "value": 0, "part": "step"},
    ],
}
#: Whatever the first version of ml-pipeline takes.
LABELS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
ML_RUNS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(min_size=1, max_size=5),
        "learning_rate": st.floats(min_value=1e-9, max_value=1e3),
        "batch_size": st.integers(1, 2**40),
        "dataset": st.text(min_size=1, max_size=5),
        "dataset_version": st.text(max_size=5),
        "gpus": st.integers(0, 10_000),
        "seed": st.integers(-(2**60), 2**60),
        "labels": LABELS,
    },
)
ML_STEPS = st.fixed_dictionaries(
    {},
    optional={
        "rows": st.integers(0, 2**60),
        "epoch": st.integers(0, 1_000),
        "metrics": st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=2),
        "labels": LABELS,
    },
)
SHIPPED = read_shipped()


@pytest.fixture
async def workspace(connection: Connection) -> int:
    """The id of a workspace."""
    return await workspaces.ensure(connection, "team")


@pytest.fixture
def schemas() -> Schemas:
    """Schemas as a process knows them that has just begun."""
    return read_shipped()


async def added(
    connection: Connection, schemas: Schemas, workspace: int, *documents: dict[str, Any], domain: str = "own"
) -> None:
    """Versions of a domain, in order."""
    for version, document in enumerate(documents, start=1):
        await schemas.register(connection, workspace_id=workspace, domain=domain, version=version, document=document)


async def test_those_that_ship(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """Of each domain its versions; nobody adds to them."""
    found = await schemas.domains(connection, workspace_id=workspace)

    assert [("customer-support", True, [1]), ("data-engineering", True, [1]), ("ml-pipeline", True, [1, 2])] == found
    with pytest.raises(Conflict):
        await schemas.register(connection, workspace_id=workspace, domain="ml-pipeline", version=3, document=FIRST)


@pytest.mark.parametrize(
    ("domain", "part", "attributes", "field"),
    [
        ("ml-pipeline", "run", {"modell": "m"}, "attributes"),
        ("ml-pipeline", "run", {"hyperparameters": {"learning_rate": 0}}, "attributes.hyperparameters.learning_rate"),
        ("ml-pipeline", "step", {"rows": 5}, "attributes.rows"),
        ("data-engineering", "run", {"sources": ["a", ""]}, "attributes.sources.1"),
        ("data-engineering", "step", {"partitions": ["a", "a"]}, "attributes.partitions"),
        ("customer-support", "run", {"language": "deutsch!"}, "attributes.language"),
        ("nothing", "run", {}, "domain"),
    ],
)
async def test_attributes_that_do_not_fit(
    connection: Connection, schemas: Schemas, workspace: int, domain: str, part: Any, attributes: Any, field: str
) -> None:
    """The field says where."""
    with pytest.raises(InvalidInput) as caught:
        await schemas.check(
            connection, workspace_id=workspace, domain=domain, version=None, part=part, attributes=attributes
        )

    assert field == caught.value.field


async def test_unknown_domain_lists_the_known(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """Those of the workspace among them."""
    await added(connection, schemas, workspace, FIRST)
    with pytest.raises(InvalidInput) as caught:
        await schemas.reader(connection, workspace_id=workspace, domains=["owm"])

    assert str(caught.value).endswith("there are customer-support, data-engineering, ml-pipeline, own.")


@hypothesis.given(ML_RUNS, ML_STEPS)
@hypothesis.settings(deadline=None)
def test_all_of_version_1_is_of_version_2_once_brought_up(run: dict[str, Any], step: dict[str, Any]) -> None:
    """What ships proves that schemas evolve."""
    first, second = SHIPPED.shipped("ml-pipeline")
    assert None is first.problem(run, part="run")
    assert None is first.problem(step, part="step")

    assert None is second.problem(second.from_before(run, part="run"), part="run")
    assert None is second.problem(second.from_before(step, part="step"), part="step")


async def test_versions_are_added_in_order_and_never_changed(
    connection: Connection, schemas: Schemas, workspace: int
) -> None:
    """The same again is the same; another one is refused."""
    add = {"workspace_id": workspace, "domain": "own"}
    with pytest.raises(Conflict, match="the next of own is 1"):
        await schemas.register(connection, version=2, document=SECOND, **add)
    row, new = await schemas.register(connection, version=1, document=FIRST, **add)
    again, repeated = await schemas.register(connection, version=1, document=dict(reversed(FIRST.items())), **add)

    assert (True, False, FIRST["run"], row.run) == (new, repeated, row.run, again.run)
    with pytest.raises(Conflict, match="add 2"):
        await schemas.register(connection, version=1, document=SECOND | {"upcast": []}, **add)
    with pytest.raises(Conflict, match="the next of own is 2"):
        await schemas.register(connection, version=3, document=SECOND, **add)


async def test_versions_that_fit_none_before_them(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """Refused before anything is kept; one that was taken when less was asked is answered as before, and read."""
    add = {"workspace_id": workspace, "domain": "own"}
    endless = {"run": {"$ref": "#"}, "step": None, "upcast": []}
    with pytest.raises(InvalidInput, match="back to itself"):
        await schemas.register(connection, version=1, document=endless, **add)
    await schemas.register(connection, version=1, document=FIRST, **add)
    with pytest.raises(InvalidInput, match="Version 1 has no 'lrr'"):
        document = SECOND | {"upcast": [{"op": "rename", "from": "lrr", "to": "rate"}]}
        await schemas.register(connection, version=2, document=document, **add)
    with pytest.raises(InvalidInput, match="may lack 'rows'"):
        await schemas.register(connection, version=2, document=SECOND | {"upcast": []}, **add)
    await connection.execute("UPDATE state_schemas SET run = %s", ('{"$ref": "#", "title": "of before"}',))
    row, new = await schemas.register(connection, version=1, document=FIRST, **add)
    version = await schemas.check(connection, version=1, part="step", attributes={"a": 1}, **add)

    assert (False, "of before", 1) == (new, row.run["title"], version)


async def test_many_add_the_same_version_at_once(database: Database, schemas: Schemas, workspace: int) -> None:
    """One of them does."""

    async def add(number: int) -> bool:
        async with database.transaction() as connection:
            run = {"title": f"by {number % 2}"}
            document = {"run": run, "step": None, "upcast": []}
            row, new = await schemas.register(
                connection, workspace_id=workspace, domain="own", version=1, document=document
            )
            assert run == row.run
            return new

    told = await asyncio.gather(*(add(number) for number in range(8)), return_exceptions=True)

    assert 1 == told.count(True)
    assert 3 == told.count(False)
    assert 4 == sum(isinstance(each, Conflict) for each in told)


async def test_other_processes_learn_of_new_versions(connection: Connection, workspace: int) -> None:
    """What one has registered holds for the next write and read of another, which has the domain in memory."""
    one, other = read_shipped(), read_shipped()
    await added(connection, one, workspace, FIRST)
    asked: dict[str, Any] = {"workspace_id": workspace, "domain": "own", "version": None, "part": "run"}
    assert 1 == await other.check(connection, attributes={"lr": 0.1}, **asked)
    await added(connection, one, workspace, FIRST, SECOND)
    with pytest.raises(InvalidInput):
        await other.check(connection, attributes={"lr": 0.1}, **asked)

    assert 2 == await other.check(connection, attributes={"rate": 0.1}, **asked)
    assert 1 == await other.check(connection, attributes={"lr": 0.1}, **asked | {"version": 1})


async def test_reading_by_version(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """Brought up to the one wanted, by default the latest; an older one cannot be had."""
    await added(connection, schemas, workspace, FIRST, SECOND)
    row: dict[str, Any] = {"workspace_id": workspace, "domain": "own", "part": "run"}
    old = {"written": 1, "attributes": {"lr": 0.1}}

    assert (1, {"lr": 0.1}) == await schemas.brought_up(connection, wanted=1, **row, **old)
    assert (2, {"rate": 0.1, "unit": "1/step"}) == await schemas.brought_up(connection, wanted=2, **row, **old)
    assert (2, {"rate": 0.1, "unit": "1/step"}) == await schemas.brought_up(connection, wanted=None, **row, **old)
    with pytest.raises(Conflict, match="written with version 2 of own and cannot be read as version 1"):
        await schemas.brought_up(connection, wanted=1, written=2, attributes={"rate": 0.1}, **row)
    with pytest.raises(InvalidInput, match="own has versions 1 to 2"):
        await schemas.brought_up(connection, wanted=3, **row, **old)


async def test_workspaces_have_schemas_of_their_own(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """Under the same name."""
    other = await workspaces.ensure(connection, "others")
    await added(connection, schemas, workspace, FIRST)
    with pytest.raises(NotFound):
        await schemas.domain(connection, workspace_id=other, domain="own")
    await added(connection, schemas, other, SECOND | {"upcast": []})
    mine = await schemas.domain(connection, workspace_id=workspace, domain="own")
    theirs = await schemas.domain(connection, workspace_id=other, domain="own")

    assert [FIRST["run"], SECOND["run"]] == [found[1][0].run for found in (mine, theirs)]
    check: dict[str, Any] = {"domain": "own", "version": None, "part": "run", "attributes": {"lr": 1}}
    assert 1 == await schemas.check(connection, workspace_id=workspace, **check)
    with pytest.raises(InvalidInput):
        await schemas.check(connection, workspace_id=other, **check)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"run": {"type": "nothing"}}, "run.type"),
        ({"run": {}, "step": {"$ref": "https://example.org"}}, "step.$ref"),
        ({"run": {}, "upcast": [{"op": "remove", "path": "a"}]}, "upcast"),
        ({"run": {"properties": {"a": {"const": "AKIA" + "Z7" * 8}}}}, "run.properties.a.const"),
    ],
)
async def test_schemas_that_are_refused(
    connection: Connection, schemas: Schemas, workspace: int, document: dict[str, Any], field: str
) -> None:
    """Nothing of them is kept."""
    with pytest.raises(InvalidInput) as caught:
        await added(connection, schemas, workspace, document)

    assert field == caught.value.field
    assert not any(name == "own" for name, _, _ in await schemas.domains(connection, workspace_id=workspace))


async def test_secrets_in_explanations_are_scrubbed(connection: Connection, schemas: Schemas, workspace: int) -> None:
    """A property may be named like one: it says that there is one."""
    key = "AKIA" + "Z7" * 8
    run = {"description": f"as {key}", "properties": {"password": {"type": "string", "title": f"not {key}"}}}
    await added(connection, schemas, workspace, {"run": run})
    _, [row] = await schemas.domain(connection, workspace_id=workspace, domain="own")

    assert key not in str(row.run)
    assert ["string"] == [each["type"] for each in row.run["properties"].values()]


async def test_number_of_domains_is_bounded(database: Database, schemas: Schemas, workspace: int) -> None:
    """The one too many is not kept."""
    async with database.transaction() as connection:
        for number in range(MOST_DOMAINS):
            await added(connection, schemas, workspace, {"run": {}}, domain=f"d{number}")
    with pytest.raises(Conflict):
        async with database.transaction() as connection:
            await added(connection, schemas, workspace, {"run": {}}, domain="more")
    async with database.connection() as connection:
        assert 3 + MOST_DOMAINS == len(await schemas.domains(connection, workspace_id=workspace))


async def test_agents_of_two_versions_over_one_run(database: Database) -> None:
    """One writes with version 1, one reads and writes with version 2, both live; neither loses what the other wrote."""
    old, new = (PipelineMemory(database, schemas=read_shipped(), workspaces=Workspaces(database)) for _ in range(2))
    first = RunSaid("p", Status.RUNNING, "ml-pipeline", 1, {"model": "fraud", "learning_rate": 0.1})
    await old.put_run("team", "r", first, expected_version=None)
    step = StepSaid("trainer", Status.RUNNING, schema_version=1, attributes={"rows": 7})
    await old.put_step("team", "r", "train", step, expected_version=None)
    seen = await new.run("team", "r", schema_version=2)
    kept = await old.run("team", "r", schema_version=1)

    brought = {"model": {"name": "fraud"}, "hyperparameters": {"learning_rate": 0.1}, "purpose": "training"}
    assert (brought, 2) == (seen["attributes"], seen["schema_version"])
    assert {"rows": {"read": 7}} == seen["steps"][0]["attributes"]
    assert (first.attributes, 1) == (kept["attributes"], kept["schema_version"])

    changed = RunSaid("p", Status.RUNNING, "ml-pipeline", 2, seen["attributes"] | {"seed": 5})
    await new.put_run("team", "r", changed, expected_version=seen["version"])
    with pytest.raises(Conflict, match="written with version 2 of ml-pipeline and cannot be read as version 1"):
        await old.run("team", "r", schema_version=1)
    again = await old.run("team", "r")
    done = RunSaid("p", Status.SUCCEEDED, "ml-pipeline", 1, {"model": "fraud", "learning_rate": 0.2})
    await old.put_run("team", "r", done, expected_version=again["version"])
    last = await new.run("team", "r", schema_version=2)

    assert 5 == again["attributes"]["seed"]
    assert (0.2, "succeeded") == (last["attributes"]["hyperparameters"]["learning_rate"], last["status"])
