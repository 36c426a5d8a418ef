"""Pipeline memory over HTTP: listed, resumed from, and told with advice."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from api.models import AdviceAnswer
from api.models_runs import ResumePointAnswer, ReusableAnswer, RunPage, WholeRunAnswer
from tests.api.http.asking import checked, fields_of, problem
from tests.api.http.pipelines import HASH, OTHER_HASH, put_run, put_step, put_sub_task


def test_resume_point_is_the_last_checkpoint(begun: httpx.Client) -> None:
    """Of the last step that has one: the end of the longest completed beginning of its plan."""
    nothing = checked(begun.get("/runs/r-118/resume-point"), ResumePointAnswer)
    put_sub_task(begun, "schema-validation", artifacts={"report": {"sha256": OTHER_HASH}})
    put_sub_task(begun, "scaling", artifacts={"scaled": {"sha256": HASH}})
    put_step(begun, "/runs/r-118/steps/train", plan=["fit"])
    found = checked(begun.get("/runs/r-118/resume-point"), ResumePointAnswer)
    put_sub_task(begun, "imputation", artifacts={"filled": {"sha256": HASH}})
    later = begun.get("/runs/r-118/resume-point").json()

    assert (None, None, None, [], []) == tuple(
        nothing[name] for name in ("step", "sub_task", "artifacts", "completed", "remaining")
    )
    assert ("preprocess", "schema-validation", {"report": {"sha256": OTHER_HASH, "uri": None}}) == (
        found["step"],
        found["sub_task"],
        found["artifacts"],
    )
    assert (["schema-validation", "scaling"], ["imputation"]) == (found["completed"], found["remaining"])
    assert [
        {
            "step": "preprocess",
            "status": "running",
            "completed": ["schema-validation", "scaling"],
            "remaining": ["imputation"],
        },
        {"step": "train", "status": "running", "completed": [], "remaining": ["fit"]},
    ] == found["steps"]
    assert ("scaling", []) == (later["sub_task"], later["remaining"])


def test_same_work_of_another_run_is_found(begun: httpx.Client) -> None:
    """The latest over the same inputs, in the same step of the same pipeline; none that is being done again."""
    query = {"pipeline": "fraud", "step": "preprocess", "sub_task": "imputation", "inputs_hash": HASH.upper()}
    none = checked(begun.get("/sub-tasks/reusable", params=query), ReusableAnswer)
    for run in ("r-118", "r-119", "r-120"):
        put_run(begun, run)
        put_step(begun, f"/runs/{run}/steps/preprocess")
        put_sub_task(
            begun,
            step=f"/runs/{run}/steps/preprocess",
            inputs_hash=HASH,
            artifacts={"of": {"sha256": HASH, "uri": run}},
        )
    put_sub_task(begun, step="/runs/r-120/steps/preprocess", status="started", version=1)
    found = checked(begun.get("/sub-tasks/reusable", params=query), ReusableAnswer)
    others = [
        begun.get("/sub-tasks/reusable", params=query | other).json()["run_id"]
        for other in ({"pipeline": "x"}, {"step": "x"}, {"sub_task": "x"}, {"inputs_hash": OTHER_HASH})
    ]

    assert {None} == set(none.values())
    assert ("r-119", "preprocess", "imputation", HASH, "r-119") == (
        *(found[name] for name in ("run_id", "step", "sub_task", "inputs_hash")),
        found["artifacts"]["of"]["uri"],
    )
    assert [None] * 4 == others


def test_runs_are_listed_newest_first(client: httpx.Client) -> None:
    """By pages, by pipeline, status and time, each with its progress."""
    for number in range(5):
        put_run(client, f"r-{number}", pipeline="ab"[number % 2], status="failed" if number == 3 else "running")
    put_step(client, "/runs/r-4/steps/one", progress=0.5, plan=[])
    first = checked(client.get("/runs", params={"limit": 3}), RunPage)
    second = checked(client.get("/runs", params={"limit": 3, "cursor": first["next"]}), RunPage)

    def names(**query: str) -> list[str]:
        return [each["run_id"] for each in client.get("/runs", params=query).json()["runs"]]

    assert (["r-4", "r-3", "r-2"], ["r-1", "r-0"], None) == (
        *([each["run_id"] for each in page["runs"]] for page in (first, second)),
        second["next"],
    )
    assert (0.5, 0.0) == (first["runs"][0]["progress"], first["runs"][2]["progress"])
    assert (["r-3", "r-1"], ["r-3"]) == (names(pipeline="b"), names(status="failed"))
    assert (["r-4", "r-3"], []) == (names(since=first["runs"][1]["started_at"]), names(since="2100-01-01T00:00:00Z"))


def test_expected_completion_comes_with_three_past_runs(client: httpx.Client) -> None:
    """Of the same pipeline that succeeded; progress counts the steps that they had."""
    for number in range(3):
        put_run(client, f"old-{number}")
        for step in ("one", "two"):
            put_step(client, f"/runs/old-{number}/steps/{step}", status="succeeded")
        time.sleep(0.3)
        put_run(client, f"old-{number}", status="succeeded", version=1)
        told = checked(put_and_read(client), WholeRunAnswer)["expected_completed_at"]
        assert (number == 2) == (told is not None)
    put_step(client, "/runs/new-2/steps/one", status="succeeded")
    now = client.get("/runs", params={"limit": 4}).json()["runs"]

    assert ("new-2", 0.5) == (now[0]["run_id"], now[0]["progress"])
    assert {"old-2": (1.0, None)} == {
        each["run_id"]: (each["progress"], each["expected_completed_at"]) for each in now if each["run_id"] == "old-2"
    }


def put_and_read(client: httpx.Client) -> httpx.Response:
    """A new run, read."""
    number = sum(each["run_id"].startswith("new") for each in client.get("/runs").json()["runs"])
    put_run(client, f"new-{number}")
    return client.get(f"/runs/new-{number}")


def test_advice_says_where_to_go_on(begun: httpx.Client) -> None:
    """For a failure of that run, recorded or not, and under a key; not for others, nor where nothing is done."""
    failure = {"text": "ConnectionResetError: peer of the plum bucket", "run_id": "r-118", "step": "train"}

    def resume(**said: Any) -> Any:
        params, headers = said.pop("params", {}), said.pop("headers", {})
        advice = begun.post("/advise", json=failure | said, params=params, headers=headers)
        return checked(advice, AdviceAnswer)["strategy"]["resume"]

    before = resume()
    put_sub_task(begun, "schema-validation", artifacts={"report": {"sha256": HASH}})
    expected = {
        "run_id": "r-118",
        "step": "preprocess",
        "sub_task": "schema-validation",
        "artifacts": {"report": f"sha256:{HASH}"},
    }

    assert (None, None, None) == (before, resume(run_id="r-7"), resume(run_id=None))
    assert [expected] * 3 == [resume(), resume(params={"dry_run": "true"}), resume(headers={"Idempotency-Key": "k-1"})]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"since": "1700000000"}, "query.since"),
        ({"since": "-4.5e-17"}, "query.since"),
        ({"status": "done"}, "query.status"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": "0"}, "query.limit"),
        ({"pipelin": "a"}, "query.pipelin"),
    ],
)
def test_lists_that_cannot_be(client: httpx.Client, query: dict[str, str], field: str) -> None:
    """A clock far off, among others."""
    assert [field] == fields_of(problem(client.get("/runs", params=query), 422))
