"""What a client kept while the service was away and delivers later: it counts from when it was said."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.models_runs import RunAnswer, StepAnswer, SubTaskAnswer, WholeRunAnswer
from tests.api.http.asking import Document, checked, fields_of, problem
from tests.api.http.pipelines import DONE, HASH, OTHER_HASH, OWNED, RUNNING, STEP, SUB_TASK, put, put_run

RUN = "/runs/r-118"
STARTED, FAILED = {**DONE, "status": "started"}, {**DONE, "status": "failed"}
HOUR, DAY = 3_600, 86_400


def late(
    client: httpx.Client, path: str, body: Document, *, age: float | str, version: int | None = None, key: str = ""
) -> httpx.Response:
    """A write of what was said so many seconds ago."""
    headers = {"Seenbefore-Age": str(age)} | ({"Idempotency-Key": key} if key else {})
    return client.put(path, json=body, headers=headers | ({"If-Match": f'"{version}"'} if version else {}))


def ago(moment: str | None) -> float:
    """Seconds since then."""
    assert moment is not None
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def test_times_are_of_the_moment_of_saying(client: httpx.Client) -> None:
    """So that an hour in a spool is no hour of the run, and what is expected of the next ones is not spoilt."""
    for number in range(3):
        path = f"/runs/old-{number}"
        late(client, path, RUNNING, age=2 * HOUR)
        ended = checked(late(client, path, {**RUNNING, "status": "succeeded"}, age=HOUR, version=1), RunAnswer)
        assert [pytest.approx(HOUR, abs=5)] * 2 == [ago(ended[name]) for name in ("ended_at", "updated_at")]
    put_run(client)
    told = checked(client.get(RUN), WholeRunAnswer)
    expected = datetime.fromisoformat(told["expected_completed_at"]) - datetime.fromisoformat(told["started_at"])

    assert pytest.approx(HOUR, abs=5) == expected.total_seconds()


def test_times_of_steps_and_sub_tasks(client: httpx.Client) -> None:
    """Started, ended, completed and updated, then."""
    late(client, RUN, RUNNING, age=500)
    late(client, STEP, OWNED, age=400)
    late(client, SUB_TASK, STARTED, age=300)
    done = checked(late(client, SUB_TASK, DONE, age=200, version=1), SubTaskAnswer)
    ended = checked(late(client, STEP, {**OWNED, "status": "failed"}, age=100, version=1), StepAnswer)

    assert [pytest.approx(each, abs=5) for each in (300, 200, 200)] == [
        ago(done[name]) for name in ("started_at", "completed_at", "updated_at")
    ]
    assert [pytest.approx(each, abs=5) for each in (400, 100, 100)] == [
        ago(ended[name]) for name in ("started_at", "ended_at", "updated_at")
    ]


def test_late_claim_is_over_already(begun: httpx.Client) -> None:
    """Its lease ran from when it was said; nobody waits for a process that is gone."""
    claimed = checked(late(begun, SUB_TASK, {**STARTED, "lease_s": 60}, age=HOUR), SubTaskAnswer, status=201)
    taken = checked(put(begun, SUB_TASK, version=1, **STARTED, holder="w-2"), SubTaskAnswer)

    assert ago(claimed["lease_expires_at"]) == pytest.approx(HOUR - 60, abs=5)
    assert "w-2" == taken["holder"]


@pytest.mark.parametrize(
    ("path", "there", "said"),
    [
        (RUN, {**RUNNING, "status": "succeeded"}, {**RUNNING, "status": "failed"}),
        (STEP, {**OWNED, "progress": 0.5}, {**OWNED, "progress": 0.25}),
        (SUB_TASK, DONE, STARTED),
        (SUB_TASK, DONE, FAILED),
        (SUB_TASK, {**DONE, "inputs_hash": HASH}, {**DONE, "inputs_hash": OTHER_HASH}),
        (SUB_TASK, FAILED, STARTED),
        (SUB_TASK, {**STARTED, "lease_s": 0.001}, FAILED),
        (SUB_TASK, {**STARTED, "lease_s": 600}, DONE),
    ],
    ids=["run", "step", "started", "failed", "completed", "after a failure", "after a claim", "while it is done"],
)
def test_what_was_said_later_stays(begun: httpx.Client, path: str, there: Document, said: Document) -> None:
    """Whatever If-Match says: not of this version, of none, or of another."""
    version = 1 if path == SUB_TASK else 2
    before = put(begun, path, version=version - 1 or None, **there).json()
    refused = [problem(late(begun, path, said, age=3, version=each), 409) for each in (None, version, 7)]
    after = begun.get(path).json()

    assert [(True, version, ["Seenbefore-Age"])] * 3 == [
        (each["superseded"], each["version"], fields_of(each)) for each in refused
    ]
    assert before == {name: after[name] for name in before}


@pytest.mark.parametrize("there", [FAILED, {**STARTED, "lease_s": 0.001}], ids=["failed", "claimed in vain"])
def test_late_completion_stands(begun: httpx.Client, there: Document) -> None:
    """Against what was tried after it and came to nothing: the work is done."""
    put(begun, SUB_TASK, **there)
    time.sleep(0.01)
    made = {"filled": {"sha256": HASH}}
    done = checked(late(begun, SUB_TASK, {**DONE, "artifacts": made}, age=HOUR, version=1), SubTaskAnswer)
    again = problem(late(begun, SUB_TASK, STARTED, age=2 * HOUR, version=2), 409)
    resume = begun.get("/runs/r-118/resume-point").json()

    assert ("completed", HASH, True) == (done["status"], done["artifacts"]["filled"]["sha256"], again["superseded"])
    assert ["imputation"] == resume["completed"]
    assert ago(done["completed_at"]) == pytest.approx(HOUR, abs=5)
    assert done["started_at"] <= done["completed_at"] <= done["updated_at"]


def test_late_write_gives_way_to_a_running_lease(begun: httpx.Client) -> None:
    """Another's: its holder is told, as it always is."""
    put(begun, SUB_TASK, **STARTED, holder="w-2")
    said = [(each, age) for each in (DONE, FAILED, STARTED) for age in (0, HOUR)]
    refused = [problem(late(begun, SUB_TASK, each, age=age), 409) for each, age in said]

    assert [("w-2", ["holder"])] * 6 == [(each["holder"], fields_of(each)) for each in refused]


def test_no_checkpoint_is_lost_to_what_was_said_before_it(begun: httpx.Client) -> None:
    """Not by a second either; what is said after it may begin it anew."""
    put(begun, SUB_TASK, **DONE)
    refused = problem(late(begun, SUB_TASK, STARTED, age=1, version=1), 409)
    time.sleep(0.2)
    again = checked(late(begun, SUB_TASK, STARTED, age=0.05, version=1), SubTaskAnswer)

    assert (True, "started", None) == (refused["superseded"], again["status"], again["completed_at"])


@pytest.mark.parametrize(("path", "body"), [(RUN, RUNNING), (STEP, OWNED)], ids=["run", "step"])
def test_success_is_not_lost_to_what_was_said_before_it(begun: httpx.Client, path: str, body: Document) -> None:
    """Not by a second either; what is said after it may begin it anew."""
    put(begun, path, version=1, **{**body, "status": "succeeded"})
    refused = problem(late(begun, path, {**body, "status": "failed"}, age=1, version=2), 409)
    time.sleep(0.2)
    again = late(begun, path, {**body, "status": "running"}, age=0.05, version=2)

    assert (True, 200, "running") == (refused["superseded"], again.status_code, again.json()["status"])


@pytest.mark.parametrize("said", [DONE, FAILED], ids=["completed", "failed"])
def test_renewals_supersede_no_end(begun: httpx.Client, said: Document) -> None:
    """That their own holder said before the last of them."""
    claim = {**STARTED, "holder": "w-1", "lease_s": 60}
    late(begun, SUB_TASK, claim, age=10)
    renewed = put(begun, SUB_TASK, **claim)
    ended = late(begun, SUB_TASK, {**said, "holder": "w-1"}, age=5, version=1)

    assert (200, 200, said["status"]) == (renewed.status_code, ended.status_code, ended.json()["status"])


def test_what_was_said_again_counts_as_said_then(begun: httpx.Client) -> None:
    """A run that was begun again is not failed by what its first attempt had kept, though beginning changed nothing."""
    late(begun, "/runs/r-119", RUNNING, age=HOUR)
    put_run(begun, "r-119")
    refused = problem(late(begun, "/runs/r-119", {**RUNNING, "status": "failed"}, age=HOUR / 2), 409)

    assert (True, 1) == (refused["superseded"], refused["version"])
    assert "running" == begun.get("/runs/r-119").json()["status"]


def test_latency_supersedes_nothing(begun: httpx.Client) -> None:
    """Within two seconds the version that was read decides, as always; no time goes back."""
    progress = checked(put(begun, STEP, version=1, **OWNED, progress=0.5), StepAnswer)
    unread = problem(late(begun, STEP, {**OWNED, "progress": 0.75}, age=1), 428)
    taken = checked(late(begun, STEP, {**OWNED, "progress": 0.75}, age=1, version=unread["version"]), StepAnswer)
    ended = checked(late(begun, STEP, {**OWNED, "status": "failed"}, age=1.5, version=3), StepAnswer)

    assert (0.75, progress["updated_at"]) == (taken["progress"], taken["updated_at"])
    assert ended["started_at"] <= ended["ended_at"]


def test_same_again_is_the_row(begun: httpx.Client) -> None:
    """However late: nothing of it is replaced."""
    before = put(begun, SUB_TASK, **DONE).json()
    again = late(begun, SUB_TASK, DONE, age=HOUR)

    assert (200, before) == (again.status_code, again.json())


def test_age_is_no_part_of_the_request_that_a_key_names(begun: httpx.Client) -> None:
    """A delivery that is repeated is older by then."""
    first, again = (late(begun, SUB_TASK, DONE, age=age, key="k-1") for age in (HOUR, HOUR + 60))

    assert (201, 201, first.json()) == (first.status_code, again.status_code, again.json())


def test_nothing_is_older_than_a_month(client: httpx.Client) -> None:
    """A clock far off makes no run of the last century."""
    runs = [
        checked(late(client, f"/runs/r-{number}", RUNNING, age=age), RunAnswer, status=201)
        for number, age in enumerate((31 * DAY, "9" * 20, "0", "00.5"))
    ]

    assert [pytest.approx(each, abs=5) for each in (30 * DAY, 30 * DAY, 0, 0.5)] == [
        ago(each["started_at"]) for each in runs
    ]


NO_AGES = ["-1", "", "soon", "nan", "inf", "1e3", "1_0", "0x10", "1 2", "\u0661".encode(), "9" * 21]


@pytest.mark.parametrize("age", NO_AGES)
@pytest.mark.parametrize("path", [RUN, STEP, SUB_TASK])
def test_ages_that_are_none(begun: httpx.Client, path: str, age: Any) -> None:
    """Refused, and nothing is written."""
    body = {RUN: {**RUNNING, "status": "failed"}, STEP: {**OWNED, "status": "failed"}, SUB_TASK: DONE}[path]
    refused = problem(begun.put(path, json=body, headers={"Seenbefore-Age": age}), 422)

    assert ["Seenbefore-Age"] == fields_of(refused)
    assert begun.get(path).status_code == (404 if path == SUB_TASK else 200)
    assert "failed" != begun.get(path).json()["status"]


def test_age_is_documented(client: httpx.Client) -> None:
    """On the three writes of pipeline memory, with what it looks like."""
    paths = client.get("/openapi.json").json()["paths"]
    named = {
        (path, method): each["schema"]
        for path, operations in paths.items()
        for method, operation in operations.items()
        for each in operation.get("parameters", ())
        if each["name"].lower() == "seenbefore-age"
    }

    assert {
        ("/runs/{run_id}", "put"),
        ("/runs/{run_id}/steps/{step}", "put"),
        ("/runs/{run_id}/steps/{step}/sub-tasks/{name}", "put"),
    } == set(named)
    assert "[0-9]" in str(named["/runs/{run_id}", "put"])
