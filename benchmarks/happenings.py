"""What a service is told beside the failures that fill it: a failure that recurs, a long run, many runs, decisions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from benchmarks import synthetic
from benchmarks.addresses import RUN, STEPS, SUB_TASKS

#: The precedent that recurs, and how often; its retries that are told.
HOT_KIND, HOT_TIMES, HOT_RETRIES = 9_000_001, 5_000, 60
RUNS, DECISIONS, PROPOSALS = 1_000, 300, 100


def happen(client: httpx.Client) -> None:
    """All of it."""
    _recur(client)
    _run_long(client)
    _run_often(client)
    _propose(client)


def _recur(client: httpx.Client) -> None:
    """A precedent that recurs, in many pipelines and versions, with retries, resolutions and corrections."""
    now = datetime.now(UTC)
    lines = (
        {
            "text": synthetic.error(HOT_KIND, occurrence=number),
            "pipeline": f"hot-{number % 12}",
            "environment": {"torch": f"2.{number % 8}", "image": f"train:1.{number % 30}"},
            "occurred_at": (now - timedelta(minutes=17 * number)).isoformat(),
            "external_id": f"hot-{number}",
        }
        for number in range(HOT_TIMES)
    )
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    client.post("/incidents/import", content=body, headers=headers).raise_for_status()
    for number, incident in enumerate(incidents_of(client, "hot-0")[:HOT_RETRIES]):
        told = {"result": "succeeded" if number % 3 else "failed", "attempt": 2, "waited_s": 5.0 * 2 ** (number % 12)}
        client.post(f"/incidents/{incident['id']}/outcome", json=told).raise_for_status()
        fix = {"summary": f"Try the way number {number % 25}.", "author": "the benchmark"}
        client.post(f"/incidents/{incident['id']}/resolution", json=fix).raise_for_status()


def _run_long(client: httpx.Client) -> None:
    """A run of many checkpoints that has failed, and some of its incidents."""
    run = f"/runs/{RUN}"
    _put(client, run, {"pipeline": "hot-0", "status": "failed"})
    for step in range(STEPS):
        _put(client, f"{run}/steps/step-{step}", {"owner": "the benchmark", "status": "running"})
        for number in range(SUB_TASKS):
            done = {
                "owner": "the benchmark",
                "status": "completed",
                "inputs_hash": f"{number:064x}",
                "artifacts": {"out": {"sha256": "0" * 64}},
            }
            _put(client, f"{run}/steps/step-{step}/sub-tasks/part-{number}", done)
    for number in range(30):
        failure = {"text": synthetic.error(HOT_KIND, occurrence=number), "run_id": RUN, "pipeline": "hot-0"}
        client.post("/incidents", json=failure).raise_for_status()


def _run_often(client: httpx.Client) -> None:
    """Runs of many pipelines, one in ten of which failed, and decisions of the long one."""
    for number in range(RUNS):
        status = "failed" if number % 10 == 0 else "succeeded"
        _put(client, f"/runs/often-{number}", {"pipeline": f"hot-{number % 12}", "status": status})
    for number in range(DECISIONS):
        chosen = {
            "agent": "tuner",
            "kind": "hyperparameters",
            "choice": {"learning_rate": 0.1 / (number + 1)},
            "rationale": f"After {synthetic.error(number, occurrence=0)} a smaller step.",
        }
        client.post(f"/runs/{RUN}/decisions", json=chosen).raise_for_status()


def _propose(client: httpx.Client) -> None:
    """Resolutions that nobody has accepted yet."""
    for number, incident in enumerate(incidents_of(client, "hot-1")[:PROPOSALS]):
        fix = {"incident_id": incident["id"], "summary": f"Go the way number {number}.", "author": "an agent"}
        client.post("/resolutions", json=fix).raise_for_status()


def incidents_of(client: httpx.Client, pipeline: str) -> list[dict[str, Any]]:
    """The latest of a pipeline."""
    answer = client.get("/incidents", params={"pipeline": pipeline, "limit": 200})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["incidents"]
    return found


def _put(client: httpx.Client, address: str, said: dict[str, Any]) -> None:
    client.put(address, json=said).raise_for_status()
