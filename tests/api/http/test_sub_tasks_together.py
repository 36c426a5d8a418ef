"""Several sub-tasks in one request: each as a request of its own, in order, up to the first that is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.models_runs import SubTasksAnswer
from tests.api.http.asking import Document, checked, fields_of, problem
from tests.api.http.pipelines import DONE, HASH, STEP, put, put_run, put_step

SEVERAL = f"{STEP}/sub-tasks"


def write(client: httpx.Client, *writes: Document) -> Document:
    """Write them; what is left out is that of a completion by the owner."""
    said = [DONE | each for each in writes]
    return checked(client.put(SEVERAL, json={"sub_tasks": said}), SubTasksAnswer)


@pytest.fixture
def step(client: httpx.Client) -> httpx.Client:
    """A step without a plan, to write sub-tasks of."""
    put_run(client)
    put_step(client, plan=None)
    return client


def found(client: httpx.Client) -> list[Document]:
    """The step's sub-tasks as they are."""
    page: list[Document] = client.get(SEVERAL).json()["sub_tasks"]
    return page


def test_written_in_order(step: httpx.Client) -> None:
    """With hashes and ages; the same again changes nothing, and a change takes its version."""
    artifacts = {"filled": {"sha256": HASH, "uri": "s3://someone:plinth@b/filled"}}
    writes = [{"sub_task": name, "artifacts": artifacts} for name in ("b", "a", "c")]
    first, again = write(step, *writes), write(step, *writes)
    changed = write(step, {"sub_task": "a", "inputs_hash": HASH, "version": 1})

    assert [("b", 1, True), ("a", 1, True), ("c", 1, True)] == told(first)
    assert [("b", 1, False), ("a", 1, False), ("c", 1, False)] == told(again)
    assert [("a", 2, False)] == told(changed)
    assert [None] * 3 == [each["refused"] for each in (first, again, changed)]
    assert ["b", "a", "c"] == [each["sub_task"] for each in found(step)]
    assert "plinth" not in str(found(step))


def told(answer: Document) -> list[tuple[Any, ...]]:
    """What was written, as tuples."""
    return [(each["sub_task"], each["version"], each["created"]) for each in answer["written"]]


@pytest.mark.parametrize(
    ("refused", "status", "member"),
    [
        ({"sub_task": "a", "inputs_hash": HASH}, 428, "version"),
        ({"sub_task": "a", "inputs_hash": HASH, "version": 7}, 412, "version"),
        ({"sub_task": "b", "owner": "bob"}, 409, "owner"),
        ({"sub_task": "b", "pipeline": "another"}, 409, "detail"),
    ],
    ids=["no version", "another version", "another's step", "another's run"],
)
def test_the_first_refusal_ends_it(step: httpx.Client, refused: Document, status: int, member: str) -> None:
    """It is told as a request of its own would be; what was before it is written, and nothing behind it."""
    write(step, {"sub_task": "a"})
    answer = write(step, {"sub_task": "before"}, refused, {"sub_task": "behind"})

    assert ([("before", 1, True)], status) == (told(answer), answer["refused"]["status"])
    assert answer["refused"][member]
    assert ["a", "before"] == [each["sub_task"] for each in found(step)]


def test_a_step_that_is_not_there(client: httpx.Client) -> None:
    """The refusal says what is missing, as a request of its own."""
    of_run = write(client, {"sub_task": "a"})["refused"]
    put_run(client)
    of_step = write(client, {"sub_task": "a"})["refused"]

    assert [(404, "run"), (404, "step")] == [(each["status"], each["missing"]) for each in (of_run, of_step)]


def test_what_was_said_later_stays(step: httpx.Client) -> None:
    """Each has an age of its own."""
    put(step, f"{SEVERAL}/a", **DONE)
    answer = write(
        step, {"sub_task": "b", "age_s": 5}, {"sub_task": "a", "status": "failed", "version": 1, "age_s": 60}
    )

    assert (["b"], True) == ([each["sub_task"] for each in answer["written"]], answer["refused"]["superseded"])
    assert "completed" == found(step)[0]["status"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sub_tasks"),
        ({"sub_tasks": []}, "sub_tasks"),
        ({"sub_tasks": [DONE]}, "sub_tasks.0.sub_task"),
        ({"sub_tasks": [DONE | {"sub_task": "a/b"}]}, "sub_tasks.0.sub_task"),
        ({"sub_tasks": [DONE | {"sub_task": "a", "age_s": -1}]}, "sub_tasks.0.age_s"),
        ({"sub_tasks": [DONE | {"sub_task": "a", "version": -1}]}, "sub_tasks.0.version"),
        ({"sub_tasks": [DONE | {"sub_task": str(number)} for number in range(101)]}, "sub_tasks"),
    ],
    ids=["none", "empty", "no name", "a slash", "negative age", "negative version", "too many"],
)
def test_what_cannot_be_read_is_refused_whole(step: httpx.Client, body: Document, field: str) -> None:
    """With the field, and nothing is written."""
    refused = problem(step.put(SEVERAL, json=body), 422)

    assert [field] == fields_of(refused)
    assert [] == found(step)
