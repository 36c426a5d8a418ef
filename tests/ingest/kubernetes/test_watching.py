"""Following a cluster, and what goes wrong meanwhile: the official client against a server on loopback."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.kubernetes import cluster as real
from ingest.kubernetes import watching
from ingest.kubernetes.cluster import NoCluster, RealCluster
from ingest.kubernetes.watching import Away, ClusterRefused, Pauses, Stream, everything, follow
from tests.ingest.kubernetes.fake_cluster import GONE, FakeCluster, bookmark, changed, pod

PODS = Stream("Pod")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits."""
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(watching, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(Pauses, "next_s", 0.01)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster with nothing in it."""
    with FakeCluster().running() as running:
        yield running


def named(cluster: RealCluster, stream: Stream, *, last: str, said: list[str] | None = None) -> list[str]:
    """The names of all that is told, until one of that name."""
    stop, names = threading.Event(), list[str]()
    for thing in follow(cluster, stream, stop=stop, say=(said if said is not None else []).append):
        names.append(thing["metadata"]["name"])
        if names[-1] == last:
            stop.set()
    return names


def reached(fake: FakeCluster, folder: Path) -> Any:
    """The official client, for this cluster."""
    return contextlib.closing(RealCluster(kubeconfig=str(fake.kubeconfig(folder))))


def watched_from(fake: FakeCluster) -> list[str]:
    """The places from which it was watched."""
    return [query["resourceVersion"] for _, query, _ in fake.asked if "watch" in query]


def test_list_by_pages_then_changes(fake: FakeCluster, tmp_path: Path) -> None:
    """Of the namespace, with the labels and the token; from where the list was."""
    fake.lists["pods"] = [[pod("a")], [pod("b")]]
    fake.watches["pods"] = [[changed(pod("c", version=11), "ADDED"), changed(pod("d", version=12), "DELETED")]]
    stream = Stream("Pod", namespace="ml", selector="team=risk")
    with reached(fake, tmp_path) as cluster:
        names = named(cluster, stream, last="d")

    assert ["a", "b", "c", "d"] == names
    assert ["5"] == watched_from(fake)
    assert {("/api/v1/namespaces/ml/pods", "team=risk", "Bearer t0ken")} == {
        (path, query["labelSelector"], who) for path, query, who in fake.asked
    }


def test_watch_goes_on_where_it_ended(fake: FakeCluster, tmp_path: Path) -> None:
    """By the version of the last event or bookmark, without another list."""
    fake.watches["pods"] = [
        [changed(pod("a", version=11))],
        [bookmark(40)],
        [],
        [changed(pod("b", version=41))],
    ]
    with reached(fake, tmp_path) as cluster:
        names = named(cluster, PODS, last="b")

    assert (["a", "b"], ["5", "11", "40", "40"]) == (names, watched_from(fake))
    assert 1 == sum("watch" not in query for _, query, _ in fake.asked)


@pytest.mark.parametrize("gone", [[GONE], (410, {})], ids=["event", "status"])
def test_place_that_is_too_old(fake: FakeCluster, tmp_path: Path, gone: Any) -> None:
    """Everything is listed again, and watched from there."""
    fake.lists["pods"] = [[pod("a")]]
    fake.watches["pods"] = [gone, [changed(pod("b", version=11))]]
    with reached(fake, tmp_path) as cluster:
        names = named(cluster, PODS, last="b")

    assert (["a", "a", "b"], ["5", "5"]) == (names, watched_from(fake))


@pytest.mark.parametrize(
    "trouble",
    [(503, {"Retry-After": "0"}), (429, {}), (500, {}), [b'{"type": "ADD'], [b"no json\n"], [{"type": "ERROR"}]],
    ids=["503", "429", "500", "cut off", "no json", "error"],
)
def test_cluster_that_is_away_for_a_moment(fake: FakeCluster, tmp_path: Path, trouble: Any) -> None:
    """It is asked again, from the same place."""
    fake.watches["pods"] = [trouble, [changed(pod("b", version=11))]]
    said: list[str] = []
    with reached(fake, tmp_path) as cluster:
        names = named(cluster, PODS, last="b", said=said)

    assert (["b"], ["5", "5"]) == (names, watched_from(fake))
    assert all("pods in all namespaces" in each for each in said)


def test_cluster_that_cannot_be_reached(fake: FakeCluster, tmp_path: Path) -> None:
    """Told as being away."""
    fake.url = "http://127.0.0.1:9"
    with reached(fake, tmp_path) as cluster, pytest.raises(Away, match="cannot be reached"):
        list(everything(cluster, PODS))


def test_what_is_not_allowed(fake: FakeCluster, tmp_path: Path) -> None:
    """It is no use to ask again."""
    fake.refuse_lists = [(403, {})]
    with reached(fake, tmp_path) as cluster, pytest.raises(ClusterRefused, match="403: pods is forbidden"):
        named(cluster, PODS, last="")


def test_event_without_an_end(fake: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not kept in memory."""
    monkeypatch.setattr(real, "LONGEST_EVENT", 1_000)
    fake.watches["pods"] = [[b"x" * 5_000], [changed(pod("b", version=11))]]
    with reached(fake, tmp_path) as cluster:
        assert ["b"] == named(cluster, PODS, last="b")


def test_pauses_grow_and_start_anew() -> None:
    """Up to a longest one; at least what the cluster asks for."""
    waits: list[float] = []
    pauses = Pauses(waits.append, next_s=0.004)
    for at_least in (0.0, 0.0, 0.0, 7.0):
        pauses.pause(at_least_s=at_least)
    pauses.done()
    pauses.pause()

    assert 0.004 * 2 / 3 <= waits[0] <= 0.004 and waits[2] <= 0.02
    assert 7.0 == waits[3] > waits[4]


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in words; in a pod without an account too."""
    with pytest.raises(NoCluster, match="There is no cluster to watch"):
        RealCluster(kubeconfig=str(tmp_path / "nothing"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "9")
    with pytest.raises(NoCluster, match="There is no cluster to watch"):
        RealCluster()
