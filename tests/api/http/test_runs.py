"""Pipeline memory over HTTP: written by owners and holders."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from api.models_runs import RunAnswer, StepAnswer, SubTaskAnswer, SubTaskPage, WholeRunAnswer
from tests.api.http.asking import Document, checked, fields_of, problem
from tests.api.http.conftest import MakeClient
from tests.api.http.pipelines import (
    DONE,
    HASH,
    OTHER_HASH,
    OWNED,
    PLAN,
    RUNNING,
    STEP,
    SUB_TASK,
    put,
    put_run,
    put_step,
    put_sub_task,
)


def test_first_writes_create_rows(client: httpx.Client) -> None:
    """Version 1, told by the ETag too; and they are read as they were written."""
    attributes = {"model": "xgb", "lr": 0.01, "folds": [1, 2], "deep": {"a": None}}
    run = put_run(client, attributes=attributes)
    step = put_step(client, progress=0.25)
    sub_task = put_sub_task(client, artifacts={"filled": {"sha256": HASH.upper(), "uri": "s3://b/filled"}})
    answers = [
        checked(each, model, status=201)
        for each, model in ((run, RunAnswer), (step, StepAnswer), (sub_task, SubTaskAnswer))
    ]
    whole = checked(client.get("/runs/r-118"), WholeRunAnswer)

    assert [('"1"', 1)] * 3 == [
        (each.headers["etag"], answer["version"]) for each, answer in zip((run, step, sub_task), answers, strict=True)
    ]
    assert attributes == answers[0]["attributes"]
    assert {"filled": {"sha256": HASH, "uri": "s3://b/filled"}} == answers[2]["artifacts"]
    assert (
        answers[0]
        | {"progress": 0.25, "expected_completed_at": None}
        | {"steps": [answers[1] | {"sub_tasks": [answers[2]], "sub_tasks_next": None}]}
        == whole
    )
    assert answers[1:] == [client.get(STEP).json(), client.get(SUB_TASK).json()]
    assert '"1"' == client.get("/runs/r-118").headers["etag"] == client.get(SUB_TASK).headers["etag"]


@pytest.mark.parametrize(
    ("path", "first", "then"),
    [
        ("/runs/r-118", RUNNING, {**RUNNING, "status": "failed"}),
        ("/runs/r-119", {**RUNNING, "attributes": {"a": 0}}, {**RUNNING, "attributes": {"a": 1}}),
        (STEP, {**OWNED, "plan": PLAN}, {"owner": "ana", "status": "succeeded"}),
        (f"{STEP}-2", {**OWNED, "progress": 0.25}, {**OWNED, "progress": 0.5}),
        (SUB_TASK, DONE, {"owner": "ana", "status": "started"}),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_changes_build_on_what_was_read(begun: httpx.Client, path: str, first: Document, then: Document) -> None:
    """The same again is the row; a change takes its version: 428 without, 412 with another, both tell which it is."""
    put(begun, path, **first)
    again = put(begun, path, **first)
    without = problem(put(begun, path, **then), 428)
    stale = [problem(put(begun, path, version=version, **then), 412) for version in (2, 7)]
    changed = put(begun, path, version=1, **then)
    late = problem(put(begun, path, version=1, **first), 412)

    assert (200, '"1"') == (again.status_code, again.headers["etag"])
    assert [(["If-Match"], 1)] * 3 == [(fields_of(each), each["version"]) for each in (without, *stale)]
    assert (200, '"2"', 2) == (changed.status_code, changed.headers["etag"], late["version"])


@pytest.mark.parametrize("version", ["*", "2", 'W/"x"', '"-1"', '"1", "2"'])
def test_versions_that_are_none(begun: httpx.Client, version: str) -> None:
    """Refused, whatever is asked."""
    body = {"owner": "ana", "status": "failed"}
    refused = problem(begun.put(STEP, json=body, headers={"If-Match": version}), 412)

    assert ["If-Match"] == fields_of(refused)
    assert ("is not taken" if version == "*" else 'a number in double quotes: "3"') in refused["detail"]


def test_version_of_what_is_not_there(client: httpx.Client) -> None:
    """Somebody has read another row, or another service."""
    refused = problem(put(client, "/runs/r-118", version=1, pipeline="fraud", status="running"), 412)

    assert (None, 404) == (refused["version"], client.get("/runs/r-118").status_code)


def test_run_comes_before_its_steps_and_they_before_their_sub_tasks(client: httpx.Client) -> None:
    """The problem names what is missing; nothing is written."""
    no_run = [problem(put_step(client), 404), problem(put_sub_task(client), 404)]
    put_run(client)
    no_step = problem(put_sub_task(client), 404)
    reads = [problem(client.get(path), 404) for path in ("/runs/r-7", "/runs/r-7/resume-point", STEP, SUB_TASK)]

    assert ["run", "run", "step"] == [each["missing"] for each in (*no_run, no_step)]
    assert ["run", "run", "step", "sub_task"] == [each["missing"] for each in reads]
    assert [] == client.get("/runs/r-118").json()["steps"]


def test_pipeline_and_domain_are_fixed_by_the_first_write(client: httpx.Client) -> None:
    """Whatever else is said; what leaves the domain out keeps it."""
    put_run(client, domain="ml-pipeline")
    refused = [
        problem(put_run(client, version=1, **said), 409) for said in ({"pipeline": "x"}, {"domain": "data-engineering"})
    ]
    after = checked(put_run(client, version=1, status="failed"), RunAnswer)

    assert [["pipeline"], ["domain"]] == [fields_of(each) for each in refused]
    assert ("fraud", "ml-pipeline") == (refused[0]["pipeline"], refused[1]["domain"])
    assert ("fraud", "ml-pipeline", "failed") == (after["pipeline"], after["domain"], after["status"])


def test_run_ends_and_goes_on(client: httpx.Client) -> None:
    """It has an end unless it is running."""
    put_run(client)
    failed = checked(put_run(client, version=1, status="failed"), RunAnswer)
    resumed = checked(put_run(client, version=2, status="running"), RunAnswer)

    assert (True, None) == (failed["ended_at"] >= failed["started_at"], resumed["ended_at"])


def test_step_belongs_to_its_owner(begun: httpx.Client) -> None:
    """Others are told whose it is, for the step and its sub-tasks, with or without a version."""
    others = [
        problem(put_step(begun, owner="ben"), 409),
        problem(put_step(begun, owner="ben", version=1, status="failed"), 409),
        problem(put_sub_task(begun, owner="ben"), 409),
    ]

    assert [("ana", ["owner"])] * 3 == [(each["owner"], fields_of(each)) for each in others]
    assert ("ana", 1, 404) == (
        begun.get(STEP).json()["owner"],
        begun.get(STEP).json()["version"],
        begun.get(SUB_TASK).status_code,
    )


def test_step_is_handed_over(begun: httpx.Client) -> None:
    """By its owner, of the version that was read; then the old one is the other."""
    path, body = f"{STEP}/hand-over", {"owner": "ana", "to": "ben", "reason": "ana's node is drained"}

    def hand(**said: Any) -> httpx.Response:
        version = said.pop("version", 1)
        return begun.post(path, json=body | said, headers={"If-Match": f'"{version}"'})

    assert ["If-Match"] == fields_of(problem(begun.post(path, json=body), 428))
    assert (1, "ana") == (problem(hand(version=7), 412)["version"], problem(hand(owner="eve"), 409)["owner"])
    handed = hand()
    after = checked(handed, StepAnswer)

    assert ("ben", '"2"') == (after["owner"], handed.headers["etag"])
    assert "ben" == problem(put_sub_task(begun), 409)["owner"]
    assert 201 == put_sub_task(begun, owner="ben").status_code


def test_plan_says_which_sub_tasks_there_are(begun: httpx.Client) -> None:
    """Others are refused, and the plan is told; it may grow, and lose what is not completed."""
    unplanned = problem(put_sub_task(begun, "export"), 409)
    put_sub_task(begun, "imputation")
    put_sub_task(begun, "scaling", status="started")
    lost = problem(put_step(begun, version=1, plan=["scaling", "export"]), 409)
    grown = checked(put_step(begun, version=1, plan=["imputation", "export"]), StepAnswer)

    assert (PLAN, ["imputation"]) == (unplanned["plan"], lost["completed"])
    assert ["imputation", "export"] == grown["plan"]
    assert 201 == put_sub_task(begun, "export").status_code


def test_claim_holds_while_its_lease_runs(begun: httpx.Client) -> None:
    """Nobody else writes then; the holder renews it without a version, and completes it."""
    claimed = checked(put_sub_task(begun, status="started", holder="worker-1"), SubTaskAnswer, status=201)
    others = [
        problem(put_sub_task(begun, status=status, holder="worker-2", version=1), 409)
        for status in ("started", "completed", "failed")
    ]
    renewed = checked(put_sub_task(begun, status="started", holder="worker-1", lease_s=300), SubTaskAnswer)
    done = checked(put_sub_task(begun, holder="worker-1", version=1), SubTaskAnswer)

    assert [("worker-1", claimed["lease_expires_at"])] * 3 == [
        (each["holder"], each["lease_expires_at"]) for each in others
    ]
    assert (1, True) == (renewed["version"], renewed["lease_expires_at"] > claimed["lease_expires_at"])
    assert (2, "completed", None) == (done["version"], done["status"], done["lease_expires_at"])


def test_expired_claim_is_anybodys(begun: httpx.Client) -> None:
    """With the version of the row that was read; then the first holder has lost it."""
    put_sub_task(begun, status="started", holder="worker-1", lease_s=0.05)
    time.sleep(0.06)
    unread = problem(put_sub_task(begun, status="started", holder="worker-2"), 428)
    taken = checked(put_sub_task(begun, status="started", holder="worker-2", version=unread["version"]), SubTaskAnswer)
    lost = [
        problem(put_sub_task(begun, status=status, holder="worker-1", version=1), 409)
        for status in ("started", "completed")
    ]

    assert ("worker-2", 2) == (taken["holder"], taken["version"])
    assert ["worker-2"] * 2 == [each["holder"] for each in lost]


def test_holder_whose_lease_expired_may_still_complete(begun: httpx.Client) -> None:
    """Where nobody has claimed it since."""
    put_sub_task(begun, status="started", lease_s=0.01)
    time.sleep(0.02)

    assert "completed" == checked(put_sub_task(begun, version=1), SubTaskAnswer)["status"]


def test_artifacts_are_of_the_completed_state(begun: httpx.Client) -> None:
    """A sub-task that is done again has none until it is completed again, nor is it offered to anybody."""
    said = {"artifacts": {"filled": {"sha256": HASH}}, "inputs_hash": HASH}
    first = checked(put_sub_task(begun, "schema-validation", **said), SubTaskAnswer, status=201)
    states = [
        checked(put_sub_task(begun, "schema-validation", status=status, version=version, **hashes), SubTaskAnswer)
        for version, (status, hashes) in enumerate(
            [("started", {"inputs_hash": HASH}), ("failed", {}), ("started", {})], start=1
        )
    ]
    query = {"pipeline": "fraud", "step": "preprocess", "sub_task": "schema-validation", "inputs_hash": HASH}
    offered = [
        begun.get("/runs/r-118/resume-point").json()["artifacts"],
        begun.get("/sub-tasks/reusable", params=query).json()["artifacts"],
    ]
    remade = {"filled": {"sha256": OTHER_HASH}}
    done = checked(put_sub_task(begun, "schema-validation", version=4, artifacts=remade), SubTaskAnswer)

    assert [({}, None)] * 3 == [(each["artifacts"], each["completed_at"]) for each in states]
    assert [None, None] == offered
    assert ({"filled": {"sha256": OTHER_HASH, "uri": None}}, None) == (done["artifacts"], done["inputs_hash"])
    assert first["completed_at"] < states[0]["started_at"] == states[1]["started_at"] < states[2]["started_at"]
    assert states[2]["started_at"] == done["started_at"] < done["completed_at"]


def test_artifacts_are_gone_that_failed_without_being_begun(begun: httpx.Client) -> None:
    """Who finds a checkpoint broken says so at once; it is offered to nobody then."""
    put_sub_task(begun, "schema-validation", artifacts={"filled": {"sha256": HASH}}, inputs_hash=HASH)
    broken = checked(put_sub_task(begun, "schema-validation", status="failed", version=1), SubTaskAnswer)

    assert ({}, None, HASH) == (broken["artifacts"], broken["completed_at"], broken["inputs_hash"])
    assert None is begun.get("/runs/r-118/resume-point").json()["artifacts"]


def test_run_of_another_pipeline_is_not_written(begun: httpx.Client) -> None:
    """Two pipelines that name a run alike: the second is told whose it is, for the run and all that is below it."""
    put_sub_task(begun)
    before = begun.get("/runs/r-118").json()
    hand_over = {"pipeline": "churn", "owner": "ana", "to": "ben"}
    refused = [
        problem(each, 409)
        for each in (
            put_run(begun, pipeline="churn"),
            put_step(begun, pipeline="churn"),
            put_step(begun, pipeline="churn", status="failed", version=1),
            put_step(begun, pipeline="churn", attributes={"a": 1}, version=1),
            put_step(begun, f"{STEP}-2", pipeline="churn"),
            put_sub_task(begun, pipeline="churn", status="failed", version=1),
            put_sub_task(begun, "scaling", pipeline="churn"),
            put_sub_task(begun, step=f"{STEP}-2", pipeline="churn"),
            begun.post(f"{STEP}/hand-over", json=hand_over, headers={"If-Match": '"1"'}),
        )
    ]

    assert [("fraud", ["pipeline"])] * 9 == [(each["pipeline"], fields_of(each)) for each in refused]
    assert before == begun.get("/runs/r-118").json()


def test_run_of_the_pipeline_that_is_named_is_written(begun: httpx.Client) -> None:
    """As without the name."""
    step = put_step(begun, f"{STEP}-2", pipeline="fraud", plan=["a"], attributes={"a": 1})
    sub_task = put_sub_task(begun, "a", step=f"{STEP}-2", pipeline="fraud")
    handed = begun.post(
        f"{STEP}/hand-over", json={"pipeline": "fraud", "owner": "ana", "to": "ben"}, headers={"If-Match": '"1"'}
    )

    assert ([201, 201, 200], "ben") == (
        [each.status_code for each in (step, sub_task, handed)],
        handed.json()["owner"],
    )


def test_attributes_are_checked_and_brought_up(client: httpx.Client) -> None:
    """By the schema of the run's domain, of the version stated; readers get the one that they ask for."""
    unknown = problem(put_run(client, domain="astrology"), 422)
    put_run(client, domain="data-engineering")
    refused = problem(put_run(client, "r-2", attributes={"a": 1}, schema_version=1), 422)

    assert (["domain"], ["schema_version"]) == (fields_of(unknown), fields_of(refused))
    assert 404 == client.get("/runs/r-2").status_code


def test_keys_make_writes_once(begun: httpx.Client) -> None:
    """The first answer again, its status and ETag too, though the row has changed since."""
    first = put(begun, SUB_TASK, key="k-1", owner="ana", status="started")
    put_sub_task(begun, version=1)
    again = put(begun, SUB_TASK, key="k-1", owner="ana", status="started")

    assert (201, '"1"', first.json()) == (again.status_code, again.headers["etag"], again.json())
    assert "completed" == begun.get(SUB_TASK).json()["status"]
    problem(put(begun, SUB_TASK, key="k-1", owner="ana", status="failed"), 409)


def test_sub_tasks_come_by_pages(begun: httpx.Client) -> None:
    """In order of first write; a step that is not there, and a sub-task that is none of it, are told."""
    put_step(begun, f"{STEP}-2", plan=[])
    for name in ("c", "a", "b"):
        put_sub_task(begun, name, step=f"{STEP}-2")
    put_sub_task(begun)

    def page(step: str = f"{STEP}-2", **query: Any) -> tuple[str, str | None]:
        found = checked(begun.get(f"{step}/sub-tasks", params=query), SubTaskPage)
        return "".join(each["sub_task"] for each in found["sub_tasks"]), found["next"]

    missing = [
        problem(begun.get(f"{step}/sub-tasks", params=query), 404)["missing"]
        for step, query in ((f"{STEP}-3", {}), (f"{STEP}-2", {"after": "imputation"}))
    ]

    assert [("cab", None), ("cab", None), ("ca", "a"), ("b", None), ("", None)] == [
        page(), page(after=""), page(limit=2), page(after="a", limit=2), page(after="b")
    ]  # fmt: skip
    assert (("imputation", None), ["step", "sub_task"]) == (page(STEP), missing)


def test_secrets_are_not_kept(client: httpx.Client) -> None:
    """In attributes and addresses; the same again is still the same."""
    attributes = {"db": "postgresql://ana:hunter2222@db/x", "password": "hunter2222", "lr": 0.1}
    stored = checked(put_run(client, attributes=attributes), RunAnswer, status=201)
    put_step(client)
    made = put_sub_task(client, artifacts={"a": {"sha256": HASH, "uri": "https://ana:hunter2222@host/a"}}).json()

    assert "hunter2222" not in str(stored) + str(made)
    assert (200, 0.1) == (put_run(client, attributes=attributes).status_code, stored["attributes"]["lr"])


def test_workspaces_have_runs_of_their_own(begun: httpx.Client, client_of: MakeClient, workspace: str) -> None:
    """The same name is another run there."""
    other = client_of(f"{workspace}-b")
    put_sub_task(begun, inputs_hash=HASH)
    query = {"pipeline": "fraud", "step": "preprocess", "sub_task": "imputation", "inputs_hash": HASH}

    assert (404, []) == (other.get("/runs/r-118").status_code, other.get("/runs").json()["runs"])
    assert (404, None) == (
        put_sub_task(other).status_code,
        other.get("/sub-tasks/reusable", params=query).json()["run_id"],
    )
    assert 201 == put_run(other, pipeline="another").status_code


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/runs/r-118", {"pipeline": "", "status": "running"}, "pipeline"),
        ("/runs/r-118", {"pipeline": "p" * 501, "status": "running"}, "pipeline"),
        ("/runs/r-118", {"pipeline": "fraud", "status": "done"}, "status"),
        ("/runs/r-118", {**RUNNING, "extra": 1}, "extra"),
        ("/runs/r-118", {**RUNNING, "attributes": {"a": "x" * 64_000}}, "attributes"),
        ("/runs/r-118", {**RUNNING, "attributes": {"a": 10**30}}, "attributes"),
        ("/runs/r-118", {**RUNNING, "attributes": {"a": "\0"}}, "attributes.a"),
        (f"/runs/{'r' * 501}", {"pipeline": "fraud", "status": "running"}, "path.run_id"),
        (STEP, {**OWNED, "progress": 1.01}, "progress"),
        (STEP, {**OWNED, "plan": ["a", "a"]}, "plan"),
        (STEP, {**OWNED, "plan": ["a/b"]}, "plan.0"),
        (STEP, {**OWNED, "plan": [str(n) for n in range(1_001)]}, "plan"),
        (SUB_TASK, {**DONE, "inputs_hash": "abc"}, "inputs_hash"),
        (SUB_TASK, {**DONE, "inputs_hash": "g" * 64}, "inputs_hash"),
        (SUB_TASK, {**DONE, "artifacts": {"a": {"sha256": HASH + "0"}}}, "artifacts.a.sha256"),
        (SUB_TASK, {**DONE, "artifacts": {"a": HASH}}, "artifacts.a"),
        (SUB_TASK, {"owner": "ana", "status": "started", "artifacts": {"a": {"sha256": HASH}}}, "body"),
        (SUB_TASK, {"owner": "ana", "status": "started", "lease_s": 0}, "lease_s"),
        (SUB_TASK, {"owner": "ana", "status": "started", "lease_s": 86_401}, "lease_s"),
        (SUB_TASK, {"status": "started"}, "owner"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_writes_that_cannot_be_taken(begun: httpx.Client, path: str, body: Document, field: str) -> None:
    """Refused with the field; nothing is lost, nothing is written."""
    before = begun.get("/runs/r-118").json()
    refused = problem(begun.put(path, json=body), 422)

    assert [field] == fields_of(refused)
    assert before == begun.get("/runs/r-118").json()


@pytest.mark.parametrize("path", ["/runs/a%2Fb", f"{STEP}/sub-tasks/a%2fb", "/runs/%2F/resume-point"])
def test_names_with_a_slash(begun: httpx.Client, path: str) -> None:
    """An address parts names there: refused with the reason, not as if nobody offered such a path."""
    body = {"owner": "ana", "status": "completed"}

    assert ["path"] == fields_of(problem(begun.put(path, json=body), 422))
    assert "slash" in problem(begun.get(path), 422)["detail"]
