"""Warning events as clusters write them, by the official client's models, and the failures that they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client

from ingest.items import Item
from ingest.kubernetes.cluster import RealCluster
from ingest.kubernetes.events import failure_of, read_event
from ingest.kubernetes.failures import Labels, failures_of
from ingest.kubernetes.telling import Teller
from ingest.kubernetes.watching import Away, ClusterRefused, Stream, everything
from ingest.records import from_mapping
from tests.ingest.kubernetes.fake_cluster import JOB_UID, POD_UID, FakeCluster, job, pod, terminated

AT = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
NO_NODE = "0/12 nodes are available: 12 Insufficient nvidia.com/gpu. preemption: 0/12 nodes are available."
PENDING = {"phase": "Pending", "containerStatuses": [{"name": "train", "state": {"waiting": {"reason": "Creating"}}}]}


def reference(kind: str = "Pod", container: str | None = None) -> Any:
    """To the pod or the job that the fake cluster has."""
    return client.V1ObjectReference(
        kind=kind,
        name="train-x7k2p" if kind == "Pod" else "train-29310045",
        namespace="ml",
        uid=POD_UID if kind == "Pod" else JOB_UID,
        field_path=f"spec.containers{{{container}}}" if container else None,
    )


def event(reason: str, note: str, *, kind: str = "Pod", container: str | None = None, **more: Any) -> Any:
    """An event of `events.k8s.io/v1`."""
    made = client.EventsV1Event(
        kind="Event",
        metadata=client.V1ObjectMeta(name=f"train.{reason.lower()}", namespace="ml", uid="e-1", resource_version="30"),
        event_time=AT,
        reason=reason,
        note=note,
        type="Warning",
        regarding=reference(kind, container),
        reporting_controller="default-scheduler",
        **more,
    )
    return client.ApiClient().sanitize_for_serialization(made)


def core_event(reason: str, message: str) -> Any:
    """The same, of `core/v1`."""
    made = client.CoreV1Event(
        kind="Event",
        metadata=client.V1ObjectMeta(name="train.1", namespace="ml", uid="e-2", resource_version="30"),
        first_timestamp=AT,
        last_timestamp=datetime(2026, 11, 20, 9, tzinfo=UTC),
        count=7,
        reason=reason,
        message=message,
        type="Warning",
        involved_object=reference(),
        source=client.V1EventSource(component="kubelet"),
    )
    return client.ApiClient().sanitize_for_serialization(made)


def of_event(written: Any, about: Any = None) -> dict[str, Any] | None:
    """The fields of its failure, fit for an import."""
    told = read_event(written)
    item = failure_of(told, about, labels=Labels()) if told else None
    if item is None:
        return None
    from_mapping(dict(item.value or {}))
    return dict(item.value or {})


def of_thing(kind: str, thing: Any) -> list[Any]:
    """The ids of the failures that a pod or a job tells itself."""
    items = failures_of({"kind": kind, **thing}, labels=Labels())
    return [(item.value or {})["external_id"] for item in items]


@pytest.mark.parametrize("written", [event("FailedScheduling", NO_NODE), core_event("FailedScheduling", NO_NODE)])
def test_pod_that_no_node_can_take(written: Any) -> None:
    """Either way of writing events; the names are the pod's, the time is the first."""
    value = of_event(written, pod(**PENDING)) or {}

    assert ("train", "train-29310045", AT.isoformat()) == tuple(
        value[name] for name in ("pipeline", "run_id", "occurred_at")
    )
    assert {"type": "FailedScheduling", "message": NO_NODE} == value["error"]
    assert {"namespace": "ml", "node": "node-7", "pod": "train-x7k2p"} == value["environment"]


def test_a_series_and_other_events_of_a_start_are_one_failure() -> None:
    """Whatever keeps a pod from starting, however often it is said and by whom, is one failure of that pod."""
    series = client.EventsV1EventSeries(count=40, last_observed_time=AT)
    ids = {
        (of_event(written, pod()) or {})["external_id"]
        for written in (
            event("FailedScheduling", NO_NODE),
            event("FailedScheduling", NO_NODE, series=series),
            event("FailedScheduling", "0/13 nodes are available: 13 node(s) had untolerated taint {a: b}."),
            event("FailedMount", 'MountVolume.SetUp failed for volume "data" : secret "s3" not found'),
            core_event("FailedScheduling", NO_NODE),
        )
    }
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_NODE}

    assert [*ids] == of_thing("Pod", pod(phase="Pending", conditions=[unschedulable]))


@pytest.mark.parametrize(
    ("written", "state"),
    [
        (event("Evicted", "The node was low on resource: memory."), {"phase": "Failed", "reason": "Evicted"}),
        (
            event("NodeNotReady", "Node is not ready"),
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
        ),
        (
            event("Preempted", "Preempted by pod 1 on node node-7"),
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
        ),
        (event("OutOfcpu", "Node didn't have enough resource: cpu"), {"phase": "Failed", "reason": "OutOfcpu"}),
        (event("FailedMount", "timed out"), {"phase": "Failed", "reason": "DeadlineExceeded"}),
        (
            event("Failed", 'Failed to pull image "a:1": not found', container="train"),
            {"containerStatuses": [{"name": "train", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
        ),
        (
            event("BackOff", 'Back-off pulling image "a:1"', container="train"),
            {"containerStatuses": [{"name": "train", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
        ),
    ],
    ids=["evicted", "node not ready", "preempted", "refused by node", "never started", "image", "image again"],
)
def test_event_and_state_of_a_pod_are_one_failure(written: Any, state: dict[str, Any]) -> None:
    """Of the same id, so that the second changes nothing, in whichever order they come."""
    value = of_event(written, pod(**state)) or {}

    assert [value["external_id"]] == of_thing("Pod", pod(**state))


def test_what_ended_a_pod_that_ran_is_another_failure_than_what_kept_it_waiting() -> None:
    """It waited for a node, ran for hours, and then hit its deadline."""
    waited = (of_event(event("FailedScheduling", NO_NODE)) or {})["external_id"]
    ended = pod(phase="Failed", reason="DeadlineExceeded", containerStatuses=[terminated("Error", 143)])

    assert waited not in of_thing("Pod", ended)


def test_job_without_pods() -> None:
    """It is the job's failure, and its own when it then is over without a pod; another one when it had some."""
    note = 'Error creating: pods "train-" is forbidden: exceeded quota: gpus'
    value = of_event(event("FailedCreate", note, kind="Job"), job()) or {}
    never = job("DeadlineExceeded")
    never["status"].pop("failed")

    assert ("train", "train-29310045", note) == (value["pipeline"], value["run_id"], value["error"]["message"])
    assert [value["external_id"]] == of_thing("Job", never)
    assert [value["external_id"]] != of_thing("Job", job())


@pytest.mark.parametrize(
    "written",
    [
        event("BackOff", "Back-off restarting failed container train in pod train-x7k2p", container="train"),
        event("Failed", "Error: ErrImagePull", container="train"),
        event("Unhealthy", "Readiness probe failed: 503"),
        event("FailedCreate", "Error creating", kind="ReplicaSet"),
        event("OOMKilling", "Memory cgroup out of memory: Killed process 7 (python)", kind="Node"),
        {"regarding": {"kind": "Pod", "name": "x", "namespace": "../secrets"}, "reason": "FailedMount"},
        {"regarding": {"kind": "Pod", "name": "x,metadata.namespace=y"}, "reason": "FailedMount"},
        {},
    ],
    ids=["restarts", "image, said twice", "probe", "replica set", "node", "namespace", "name", "nothing"],
)
def test_what_is_no_failure_or_told_by_the_state(written: Any) -> None:
    """Passed over."""
    assert None is of_event(written)


def test_pod_that_started_after_all() -> None:
    """Has not failed; that it was ended is told all the same."""
    running = pod(containerStatuses=[{"name": "train", "state": {"running": {"startedAt": "2026-11-20T08:16:00Z"}}}])

    assert None is of_event(event("FailedMount", "timed out"), running)
    assert None is not of_event(event("Evicted", "The node was low on resource: memory."), running)


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster with a pod that waits, and what is said of it."""
    lists = {"events": [[event("FailedScheduling", NO_NODE)]], "pods": [[pod(**PENDING)]]}
    with FakeCluster(lists=lists).running() as running:
        yield running


def told(fake: FakeCluster, folder: Path, *, selector: str | None = None, times: int = 1) -> list[Item]:
    """What its events tell, read so many times."""
    with contextlib.closing(RealCluster(kubeconfig=str(fake.kubeconfig(folder)))) as cluster:
        teller = Teller(cluster, labels=Labels(), selector=selector)
        stream = Stream("Event", "ml", fields="type=Warning")
        return [item for _ in range(times) for thing in everything(cluster, stream) for item in teller.failures(thing)]


def test_the_pod_of_an_event_is_looked_up_once(fake: FakeCluster, tmp_path: Path) -> None:
    """By its name and the labels that are watched; events have none."""
    [item] = told(fake, tmp_path, selector="team=risk", times=3)

    assert "train" == (item.value or {})["pipeline"]
    assert [
        ("/apis/events.k8s.io/v1/namespaces/ml/events", "type=Warning", None),
        ("/api/v1/namespaces/ml/pods", "metadata.name=train-x7k2p", "team=risk"),
    ] == [(path, query["fieldSelector"], query.get("labelSelector")) for path, query, _ in fake.asked[:2]]
    assert 1 == sum(path.endswith("/pods") for path, _, _ in fake.asked)


@pytest.mark.parametrize("pods", [[], [pod(uid="another")]], ids=["gone", "another of its name"])
def test_pod_that_is_gone(fake: FakeCluster, tmp_path: Path, pods: list[Any]) -> None:
    """It is told by its name; not where labels were asked for, which nobody knows any more."""
    fake.lists["pods"] = [pods]
    [item] = told(fake, tmp_path)

    assert ("train-x7k2p", "FailedScheduling") == ((item.value or {})["run_id"], (item.value or {})["error"]["type"])
    assert [] == told(fake, tmp_path, selector="team=risk")


@pytest.mark.parametrize("status", [403, 404])
def test_cluster_with_events_of_core_alone(fake: FakeCluster, tmp_path: Path, status: int) -> None:
    """They are read there, from then on."""
    fake.lists["events"] = [[core_event("FailedScheduling", NO_NODE)]]
    fake.refuse_lists = [(status, {})]
    items = told(fake, tmp_path, times=2)
    paths = [path for path, _, _ in fake.asked if path.endswith("/events")]

    assert 1 == len(items)
    assert ["/apis/events.k8s.io/v1/namespaces/ml/events", *["/api/v1/namespaces/ml/events"] * 2] == paths


def test_events_that_are_not_allowed(fake: FakeCluster, tmp_path: Path) -> None:
    """Neither here nor there."""
    fake.refuse_lists = [(403, {})] * 2
    with pytest.raises(ClusterRefused, match="403"):
        told(fake, tmp_path)


def test_cluster_that_is_away_when_the_pod_is_looked_up(fake: FakeCluster, tmp_path: Path) -> None:
    """It can be asked again, and the failure is told then."""
    with contextlib.closing(RealCluster(kubeconfig=str(fake.kubeconfig(tmp_path)))) as cluster:
        teller = Teller(cluster, labels=Labels(), selector=None)
        fake.refuse_lists = [(503, {})]
        with pytest.raises(Away):
            teller.failures(event("FailedScheduling", NO_NODE))

        assert 1 == len(teller.failures(event("FailedScheduling", NO_NODE)))


VALUES = st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["Pod", "Job", "x", "Evicted", "{a}"])
OBJECTS = st.dictionaries(st.sampled_from(["kind", "name", "namespace", "uid", "fieldPath", "status"]), VALUES)


@given(
    st.dictionaries(st.sampled_from(["regarding", "involvedObject", "metadata"]), OBJECTS | VALUES),
    st.dictionaries(st.sampled_from(["reason", "note", "message", "eventTime"]), VALUES),
    OBJECTS | VALUES,
)
def test_whatever_an_event_says(of: dict[str, Any], said: dict[str, Any], about: Any) -> None:
    """A failure fit for an import or none, never an exception."""
    of_event({"reason": "FailedMount", **of, **said}, about)
