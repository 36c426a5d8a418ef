"""Writing pipeline memory over HTTP, with what tests leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from api.models_runs import MOST_AT_ONCE

PLAN = ["schema-validation", "imputation", "scaling"]
HASH, OTHER_HASH = "0123456789abcdef" * 4, "f" * 64
RUNNING, OWNED = {"pipeline": "fraud", "status": "running"}, {"owner": "ana", "status": "running"}
DONE = {"owner": "ana", "status": "completed"}
STEP, SUB_TASK = "/runs/r-118/steps/preprocess", "/runs/r-118/steps/preprocess/sub-tasks/imputation"


def put(client: httpx.Client, path: str, *, version: int | None = None, key: str | None = None, **body: Any) -> Any:
    """A write of a row, of the version that was read where one is given."""
    headers = {"If-Match": f'"{version}"'} if version is not None else {}
    headers |= {"Idempotency-Key": key} if key is not None else {}
    return client.put(path, json=body, headers=headers)


def put_run(client: httpx.Client, run_id: str = "r-118", **body: Any) -> httpx.Response:
    """A run of the fraud pipeline that is running."""
    response: httpx.Response = put(client, f"/runs/{run_id}", **{"pipeline": "fraud", "status": "running", **body})
    return response


def put_step(client: httpx.Client, path: str = STEP, **body: Any) -> httpx.Response:
    """Its step, with a plan."""
    response: httpx.Response = put(client, path, **{"owner": "ana", "status": "running", "plan": PLAN, **body})
    return response


def put_sub_task(client: httpx.Client, name: str = "imputation", *, step: str = STEP, **body: Any) -> httpx.Response:
    """A sub-task of the step, completed."""
    path, said = f"{step}/sub-tasks/{name}", {"owner": "ana", "status": "completed", **body}
    response: httpx.Response = put(client, path, **said)
    return response


def put_sub_tasks(client: httpx.Client, step: str, names: Sequence[str]) -> None:
    """Completed sub-tasks of a step, as a backlog of them goes out."""
    for start in range(0, len(names), MOST_AT_ONCE):
        few = [{"sub_task": name, **DONE} for name in names[start : start + MOST_AT_ONCE]]
        answer = client.put(f"{step}/sub-tasks", json={"sub_tasks": few})
        assert answer.json()["refused"] is None, answer.text
