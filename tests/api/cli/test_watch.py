"""`seenbefore watch kubernetes`: from a cluster's API on loopback to incidents of the real service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.cli.conftest import Command
from tests.api.cli.test_import import incidents, where
from tests.ingest.kubernetes.fake_cluster import GONE, FakeCluster, changed, event_of, job, pod, terminated

__all__ = ["where"]
OUT_OF_MEMORY = {"containerStatuses": [terminated("OOMKilled")]}
LIMIT_S = 60.0


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    """A cluster with a pod that was out of memory, a job that failed, and an event of a pod that never got a node."""
    lists = {"pods": [[pod(**OUT_OF_MEMORY)]], "jobs": [[job()]], "events": [[event_of("big", "FailedScheduling")]]}
    with FakeCluster(lists=lists).running() as running:
        yield running


def seen(where: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """What the workspace holds."""
    found = [(each["pipeline"], each["step"], each["error"]["type"]) for each in incidents(where)]
    return sorted(found, key=str)


def test_what_there_is(command: Command, fake: FakeCluster, where: tuple[str, ...], tmp_path: Path) -> None:
    """Once; again it is known."""
    config = fake.kubeconfig(tmp_path)
    first, second = (command.json("watch", "kubernetes", "--once", "--kubeconfig", config, *where) for _ in range(2))

    assert {"recorded": 3, "known": 0, "rejected": 0} == first
    assert {"recorded": 0, "known": 3, "rejected": 0} == second
    assert {
        ("train", "train", "OOMKilled"),
        ("train", None, "BackoffLimitExceeded"),
        (None, None, "FailedScheduling"),
    } == set(seen(where))


def test_what_happens_meanwhile(fake: FakeCluster, where: tuple[str, ...], tmp_path: Path) -> None:
    """The command runs until it is told to stop, and ends in order; a history that is gone costs nothing.

    A pod's end that comes as its state and as an event, and a series of events, are one incident each.
    """
    late = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    fake.watches["pods"] = [[GONE], [changed(pod("late", uid="u2", version=11, **late))]]
    told = [event_of("late", "Evicted", uid="u2"), *(event_of("big", "FailedScheduling", count=n) for n in (2, 3))]
    fake.watches["events"] = [[GONE], [*map(changed, told), changed(event_of("next", "FailedMount", uid="u4"))]]
    arguments = ("watch", "kubernetes", "--kubeconfig", fake.kubeconfig(tmp_path), "--json", *where)
    code = "from api.cli import main; main()"
    started = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + LIMIT_S
    try:
        while len(seen(where)) < 5 and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        os.kill(started.pid, signal.SIGTERM)
        out, _ = started.communicate(timeout=LIMIT_S)

    assert ["BackoffLimitExceeded", "Evicted", "FailedMount", "FailedScheduling", "OOMKilled"] == sorted(
        kind for _, _, kind in seen(where)
    )
    assert (0, {"recorded": 5, "known": 0, "rejected": 0}) == (started.returncode, json.loads(out))


def test_cluster_that_refuses(command: Command, fake: FakeCluster, where: tuple[str, ...], tmp_path: Path) -> None:
    """With what is needed, and no traceback."""
    fake.refuse_lists = [(403, {})] * 2
    config = fake.kubeconfig(tmp_path)
    result = command("watch", "kubernetes", "--kubeconfig", config, *where)

    assert (3, True) == (result.exit_code, "403: pods is forbidden" in result.stderr)
    assert "docs/integrations/kubernetes.md" in result.stderr


def test_wrong_usage(command: Command, tmp_path: Path) -> None:
    """Told before anything is asked."""
    place = command("watch", "kubernetes", "--namespace", "../secrets")
    config = command("watch", "kubernetes", "--kubeconfig", tmp_path / "nothing")

    assert [2, 2] == [place.exit_code, config.exit_code]
    assert "There is no cluster to watch" in config.stderr
