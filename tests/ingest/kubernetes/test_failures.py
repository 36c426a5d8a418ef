"""Pods and jobs as clusters show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client

from ingest.kubernetes.failures import Labels, failures_of, without_number
from ingest.records import from_mapping
from tests.ingest.kubernetes.fake_cluster import job, pod, terminated

NONE = Labels()


def told(thing: Any, labels: Labels = NONE) -> list[dict[str, Any]]:
    """The fields of its failures, each fit for an import."""
    found = [dict(item.value or {}) for item in failures_of(thing, labels=labels)]
    for value in found:
        from_mapping(value)
    return found


def of_pod(**status: Any) -> list[dict[str, Any]]:
    """The failures of a pod in this state."""
    return told({"kind": "Pod", **pod(**status)})


def test_objects_of_the_official_client() -> None:
    """As its own models write them: a pod that was out of memory, and its job past its limit."""
    models, at = client, datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    ended = models.V1ContainerStateTerminated(exit_code=137, reason="OOMKilled", finished_at=at, container_id="c-1")
    state = models.V1ContainerStatus(
        name="train",
        image="i",
        image_id="x",
        ready=False,
        restart_count=0,
        state=models.V1ContainerState(terminated=ended),
    )
    labels = {"job-name": "train-29310045"}
    failed = models.V1Pod(
        kind="Pod",
        metadata=models.V1ObjectMeta(name="train-29310045-x", uid="u-1", labels=labels),
        status=models.V1PodStatus(phase="Failed", container_statuses=[state]),
    )
    condition = models.V1JobCondition(
        type="Failed", status="True", reason="BackoffLimitExceeded", last_transition_time=at
    )
    its_job = models.V1Job(
        kind="Job",
        metadata=models.V1ObjectMeta(name="train-29310045", uid="u-2"),
        status=models.V1JobStatus(failed=3, conditions=[condition]),
    )
    written = [models.ApiClient().sanitize_for_serialization(each) for each in (failed, its_job)]

    assert [("train", "OOMKilled", 1), ("train", "BackoffLimitExceeded", 3)] == [
        (value["pipeline"], value["error"]["type"], value["attempt"]) for each in written for value in told(each)
    ]


def test_out_of_memory() -> None:
    """The names are the job's and the container's, without the time in a cron job's."""
    [value] = of_pod(containerStatuses=[terminated("OOMKilled")])

    assert ("train", "train", "train-29310045", 1, "2026-11-20T08:15:00+00:00") == tuple(
        value[name] for name in ("pipeline", "step", "run_id", "attempt", "occurred_at")
    )
    assert {"type": "OOMKilled", "message": "container terminated: OOMKilled (exit code 137)"} == value["error"]
    assert {
        "namespace": "ml",
        "node": "node-7",
        "pod": "train-x7k2p",
        "container": "train",
        "image": "repo/train:1.8",
    } == value["environment"]


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "2554-07-21T23:34:33Z", "soon", None])
def test_node_whose_clock_is_years_off(at: str | None) -> None:
    """Its failures have no time, and happened when they are received: with that one they would be refused."""
    [value] = of_pod(containerStatuses=[terminated("OOMKilled", finishedAt=at)])

    assert ("OOMKilled", None) == (value["error"]["type"], value.get("occurred_at"))


def test_container_that_was_started_again() -> None:
    """What ended before is told of too, as an attempt of its own; the same end later is no other."""
    status = terminated("OOMKilled") | {"restartCount": 1}
    again = status | {"lastState": status["state"], "state": {"running": {}}}
    [first] = of_pod(containerStatuses=[terminated("OOMKilled")])
    [second] = of_pod(containerStatuses=[again])

    assert first == second


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi."),
        ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"),
        ("Terminated", "Pod was terminated in response to imminent node shutdown."),
        ("NodeShutdown", "Node is shutting, evicting pods"),
        ("Preempting", "Preempted in order to admit critical pod"),
    ],
)
def test_pod_that_was_ended(reason: str, message: str) -> None:
    """One failure: that its containers were killed with it says nothing more."""
    killed = terminated("Error", message="bye")
    [value] = of_pod(phase="Failed", reason=reason, message=message, containerStatuses=[killed])

    assert {"type": reason, "message": f"Pod failed: {reason}: {message}"} == value["error"]
    assert "2026-11-20T08:15:00+00:00" == value["occurred_at"]


def test_pod_that_was_preempted() -> None:
    """The scheduler says so in a condition, before the pod is gone; what comes of it is no other failure."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "PreemptionByScheduler",
        "message": "default-scheduler: preempting to accommodate a higher priority pod",
        "lastTransitionTime": "2026-11-20T08:14:00Z",
    }
    [before] = of_pod(conditions=[condition])
    [after] = of_pod(phase="Failed", conditions=[condition], containerStatuses=[terminated("Error", 143)])

    assert "PreemptionByScheduler" == before["error"]["type"]
    assert before == after


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_image_that_cannot_be_had(reason: str) -> None:
    """One failure of a container, however often it is tried."""
    message = 'failed to pull image "repo/train:1.9": not found'
    waiting = {"name": "train", "image": "repo/train:1.9", "state": {"waiting": {"reason": reason, "message": message}}}
    [value] = of_pod(phase="Pending", containerStatuses=[waiting])
    waiting["state"]["waiting"]["reason"] = "ErrImagePull"

    assert {"type": reason, "message": message} == value["error"]
    assert [value["external_id"]] == [each["external_id"] for each in of_pod(containerStatuses=[waiting])]


def test_program_that_failed_by_itself() -> None:
    """Where its termination message says why, and there alone."""
    silent = of_pod(phase="Failed", containerStatuses=[terminated("Error", 1)])
    [value] = of_pod(phase="Failed", containerStatuses=[terminated("Error", 1, message="KeyError: 'price'")])

    assert [] == silent
    assert "container terminated: Error (exit code 1)\nKeyError: 'price'" == value["error"]["message"]


def test_job_past_its_backoff_limit() -> None:
    """Its last attempt."""
    [value] = told({"kind": "Job", **job()})

    assert ("train", "train-29310045", 4) == (value["pipeline"], value["run_id"], value["attempt"])
    assert "Job failed: BackoffLimitExceeded: Job has reached the specified backoff limit" == value["error"]["message"]


def test_labels_name_pipeline_and_step() -> None:
    """Airflow's, or whatever was said."""
    labels = {"dag_id": "nightly", "task_id": "export", "run_id": "scheduled__1", "try_number": "3", "team": "risk"}
    thing = {"kind": "Pod", **pod(labels=labels, containerStatuses=[terminated("OOMKilled")])}
    [known], [said] = told(thing), told(thing, Labels(pipeline=("team",), step=("nothing", "dag_id")))

    assert ("nightly", "export", "scheduled__1", 3) == tuple(
        known[name] for name in ("pipeline", "step", "run_id", "attempt")
    )
    assert ("risk", "nightly") == (said["pipeline"], said["step"])


def test_pods_that_did_not_fail() -> None:
    """Nothing."""
    good = terminated("Completed", 0)

    assert [] == of_pod(phase="Succeeded", containerStatuses=[good]) + of_pod() + told({"kind": "Node"})


@pytest.mark.parametrize(
    ("job_name", "expected"),
    [("nightly-29310045", "nightly"), ("nightly", "nightly"), ("v-2", "v-2"), ("29310045", "29310045"), (None, None)],
)
def test_numbers_of_cron_jobs(job_name: str | None, expected: str | None) -> None:
    """Minutes since 1970, and nothing shorter."""
    assert expected == without_number(job_name)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["True", "Failed", "OOMKilled"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("kind", "metadata", "labels", "status", "conditions", "type", "reason", "message", "state"),
                    *("lastState", "terminated", "waiting", "name", "uid", "exitCode", "restartCount"),
                    *("containerStatuses", "ownerReferences", "phase", "finishedAt", "task_id", "try_number"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(st.sampled_from(["Pod", "Job"]), st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), VALUES))
def test_whatever_a_cluster_shows(kind: str, thing: dict[str, Any]) -> None:
    """Failures fit for an import, never an exception."""
    told({**thing, "kind": kind})
