"""What happens before a page is looked at: failures with their verdicts and outcomes, and a run with all there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.http.asking import Document, recorded
from tests.api.http.pipelines import HASH, OTHER_HASH, STEP, put, put_run, put_step, put_sub_task

PEAR, PLUM, FIG = "PearError: pears are out", "PlumError: the plum lease is lost", "FigError: a fig is missing"
SPENT = {"gpu_hours": 2.5}
CHOICE = {"agent": "release-agent", "kind": "release", "choice": {"to": "canary"}, "rationale": "Recall fell."}


def past(days: float) -> str:
    """A time so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def advised(told: httpx.Client, text: str = PEAR, **failure: Any) -> Document:
    """The advice for a failure."""
    answer = told.post("/advise", json={"text": text, **failure})
    assert 200 == answer.status_code, answer.text
    found: Document = answer.json()
    return found


def corrected(told: httpx.Client, text: str, verdict: str, cause: str, **incident: Any) -> Document:
    """Record an incident whose precedent a person says the verdict of."""
    made = recorded(told, text=text, **incident)
    address = f"/precedents/{made['precedent_id']}"
    match = {"If-Match": told.get(address).headers["ETag"]}
    said = {"verdict": verdict, "cause": cause, "reason": "looked into", "author": "ana"}
    assert 200 == told.patch(address, json=said, headers=match).status_code
    return made


def genuine(told: httpx.Client, text: str = PEAR, **incident: Any) -> Document:
    """One whose precedent a person calls genuine: who asks about it is told to stop."""
    return corrected(told, text, "genuine", "code_defect", **incident)


def outcome(told: httpx.Client, incident: str, result: str, **said: Any) -> None:
    """Say how a retry ended."""
    assert 200 == told.post(f"/incidents/{incident}/outcome", json={"result": result, **said}).status_code


def made(told: httpx.Client) -> httpx.Client:
    """A run that failed in its second step, with one checkpoint, a decision and an incident."""
    put_run(told, attributes={"seed": 7})
    put_step(told)
    artifacts = {"scaled": {"sha256": HASH, "uri": "s3://bucket/scaled"}}
    put_sub_task(told, "schema-validation", artifacts=artifacts, inputs_hash=OTHER_HASH)
    put(told, f"{STEP}/sub-tasks/imputation", owner="ana", status="started", holder="worker-7", lease_s=600)
    recorded(told, run_id="r-118", pipeline="fraud", step="preprocess", attempt=2)
    reasons = [
        {"metric": "recall", "observed": 0.71, "comparison": "below", "threshold": 0.8},
        {"metric": "latency_s", "observed": 2.0, "comparison": "below", "threshold": 1.0},
    ]
    assert 201 == told.post("/runs/r-118/decisions", json=CHOICE | {"reasons": reasons}).status_code
    assert 200 == put_run(told, status="failed", version=1).status_code
    return told
