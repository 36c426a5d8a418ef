"""Twenty agents at once on the real PostgreSQL: no lost update, no double claim, order kept."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from itertools import combinations
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.documents import Document
from knowledge.errors import Conflict
from knowledge.state.memory import PipelineMemory, Written
from knowledge.state.schemas import read_shipped
from knowledge.state.states import RunSaid, Status, StepSaid, SubTaskSaid, SubTaskStatus
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces
from tests.knowledge.state.agents import (
    OWNER,
    RUN,
    SHARED,
    STEPS,
    WORKSPACE,
    Accepted,
    Deed,
    begin,
    beliefs,
    live_together,
    outcome,
)

AGENTS = 20
#: Leases that end while the others write, and one that outlives them.
LEASES_S = (0.002, 0.02, 0.1, 60.0)
DEEDS = st.tuples(
    st.sampled_from(("claim", "claim", "complete", "complete", "fail", "note", "add", "guess")),
    st.integers(0, SHARED - 1),
    st.sampled_from(LEASES_S),
    st.sampled_from((0.0, 0.0, 0.001, 0.01, 0.03)),
)
LIVES = st.lists(st.lists(DEEDS, min_size=1, max_size=6), min_size=AGENTS, max_size=AGENTS)


@pytest.fixture
async def replicas(database_url: str) -> AsyncIterator[list[PipelineMemory]]:
    """Two services with connections of their own: what holds does not hold by luck of one process."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database(database_url)) for _ in range(2)]
        yield [PipelineMemory(each, schemas=read_shipped(), workspaces=Workspaces(each)) for each in databases]


@given(lives=LIVES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_twenty_agents_write_one_run(replicas: list[PipelineMemory], lives: list[list[Deed]]) -> None:
    """Whatever they do, and however their leases end."""
    run_id = f"{RUN}-{uuid4().hex}"
    await begin(replicas[0], run_id)
    log = await live_together(replicas, lives, run_id=run_id)
    run = await replicas[1].run(WORKSPACE, run_id)

    assert_no_update_is_lost(log, run)
    assert_nobody_claims_twice(log)
    assert_order_is_kept(log, run)
    assert run == await replicas[0].run(WORKSPACE, run_id)


def assert_no_update_is_lost(log: list[Accepted], run: Document) -> None:
    """Every version of every row was written by exactly one, upon the version that it had read; the last is what is
    stored, and every note is there."""
    written: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for each in log:
        if each.changed:
            assert (each.expected or 0) + 1 == each.row["version"]
            written[each.place].append(each.row["version"])
    for step in run["steps"]:
        notes = [each.noted for each in log if each.place == (step["step"],)]
        assert Counter(notes) == Counter(step["attributes"].get("notes", []))
        assert list(range(2, step["version"] + 1)) == sorted(written[step["step"],])
        for sub_task in step["sub_tasks"]:
            place = (step["step"], sub_task["sub_task"])
            assert list(range(1, sub_task["version"] + 1)) == sorted(written[place])
            last = max(
                (each for each in log if each.place == place and each.changed), key=lambda each: each.row["version"]
            )
            assert (last.agent, last.row["status"]) == (sub_task["holder"], sub_task["status"])


def assert_nobody_claims_twice(log: list[Accepted]) -> None:
    """The times in which two agents believe that they hold the same sub-task do not meet."""
    for held in beliefs(log).values():
        for (_, until, agent), (since, _, other) in combinations(sorted(held), 2):
            assert agent == other or until <= since


def assert_order_is_kept(log: list[Accepted], run: Document) -> None:
    """What was answered before something else was asked for comes before it."""
    places = [(step["step"], each["sub_task"]) for step in run["steps"] for each in step["sub_tasks"]]
    first = {each.place: each for each in log if each.created}
    assert list(STEPS) == [step["step"] for step in run["steps"]]
    assert set(places) == set(first)
    for step in STEPS:
        listed = [first[place] for place in places if place[0] == step]
        for number, later in enumerate(listed):
            assert not any(after.answered < later.asked for after in listed[number + 1 :])


async def test_step_gets_one_owner(replicas: list[PipelineMemory]) -> None:
    """Of twenty that write it first, one; the others are told which."""
    await replicas[0].put_run(WORKSPACE, RUN, RunSaid("fraud", Status.RUNNING), expected_version=None)
    told = await asyncio.gather(
        *(
            outcome(
                replicas[number % 2].put_step(
                    WORKSPACE, RUN, "tune", StepSaid(f"agent-{number}", Status.RUNNING), expected_version=None
                )
            )
            for number in range(AGENTS)
        )
    )
    owner = (await replicas[0].step(WORKSPACE, RUN, "tune"))["owner"]

    assert [owner] == [each.row["owner"] for each in told if isinstance(each, Written)]
    assert [owner] * (AGENTS - 1) == [each.members["owner"] for each in told if isinstance(each, Conflict)]


async def test_expired_claim_is_taken_by_one(replicas: list[PipelineMemory]) -> None:
    """Of twenty that have read the row."""
    await begin(replicas[0], RUN)
    said = SubTaskSaid(OWNER, SubTaskStatus.STARTED, "dead", 0.001)
    await replicas[0].put_sub_task(WORKSPACE, RUN, STEPS[0], "fit", said, expected_version=None)
    await asyncio.sleep(0.01)
    told = await asyncio.gather(
        *(
            outcome(
                replicas[number % 2].put_sub_task(
                    WORKSPACE,
                    RUN,
                    STEPS[0],
                    "fit",
                    SubTaskSaid(OWNER, SubTaskStatus.STARTED, f"agent-{number}", 60.0),
                    expected_version=1,
                )
            )
            for number in range(AGENTS)
        )
    )
    holder = (await replicas[0].sub_task(WORKSPACE, RUN, STEPS[0], "fit"))["holder"]

    assert [holder] == [each.row["holder"] for each in told if isinstance(each, Written)]
    assert [holder] * (AGENTS - 1) == [each.members["holder"] for each in told if isinstance(each, Conflict)]


async def test_hand_over_meets_writes_of_the_owner_before(replicas: list[PipelineMemory]) -> None:
    """Each of them comes before it, and stands, or after it, and is told the new owner."""
    await begin(replicas[0], RUN)

    def write(number: int) -> Coroutine[Any, Any, Written]:
        said = SubTaskSaid(OWNER, SubTaskStatus.COMPLETED, OWNER, 60.0)
        return replicas[number % 2].put_sub_task(WORKSPACE, RUN, STEPS[0], f"t-{number}", said, expected_version=None)

    async def hand_over() -> None:
        await asyncio.sleep(0.005)
        await replicas[0].hand_over(WORKSPACE, RUN, STEPS[0], owner=OWNER, to="ben", reason=None, expected_version=1)

    told = await asyncio.gather(hand_over(), *(outcome(write(number)) for number in range(3 * AGENTS)))
    step = (await replicas[1].run(WORKSPACE, RUN))["steps"][0]
    written = [each.row for each in told if isinstance(each, Written)]
    refused = [each for each in told if isinstance(each, Conflict)]

    assert 3 * AGENTS == len(written) + len(refused)
    assert {"ben"} >= {each.members["owner"] for each in refused}
    assert {each["sub_task"] for each in written} == {each["sub_task"] for each in step["sub_tasks"]}
    assert all(each["updated_at"] <= step["updated_at"] for each in written)
    assert "ben" == step["owner"]
