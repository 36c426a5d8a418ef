"""The calls that the client makes, as values: what is asked for each purpose, and how names become paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from seenbefore.wire import Request, to_json


def _path(*names: str) -> str:
    return "/" + "/".join(quote(name, safe="") for name in names)


def run_path(run_id: str) -> str:
    """A run."""
    return _path("runs", run_id)


def step_path(run_id: str, step: str) -> str:
    """A step of a run."""
    return _path("runs", run_id, "steps", step)


def sub_task_path(run_id: str, step: str, name: str) -> str:
    """A sub-task of a step."""
    return _path("runs", run_id, "steps", step, "sub-tasks", name)


def advise(body: Mapping[str, Any], *, key: str) -> Request:
    """Ask about a failure."""
    return Request("POST", "/advise", to_json(body), key=key)


def put(path: str, body: Mapping[str, Any]) -> Request:
    """Write a row of a run's state; what is None is left out."""
    return Request("PUT", path, to_json({name: value for name, value in body.items() if value is not None}))


def post(path: str, body: Mapping[str, Any]) -> Request:
    """Add something; what is None is left out."""
    return Request("POST", path, to_json({name: value for name, value in body.items() if value is not None}))


def outcome(incident_id: str, *, result: str, attempt: int | None, waited_s: float | None) -> Request:
    """How a retry ended."""
    body = {"result": result, "attempt": attempt, "waited_s": waited_s}
    return post(_path("incidents", incident_id, "outcome"), body)


def resolution(incident_id: str, body: Mapping[str, Any]) -> Request:
    """What fixed a failure."""
    return post(_path("incidents", incident_id, "resolution"), body)


def decision(run_id: str, body: Mapping[str, Any]) -> Request:
    """Why something was chosen."""
    return post(_path("runs", run_id, "decisions"), body)


def read(path: str) -> Request:
    """A row."""
    return Request("GET", path)


def hand_over(path: str, body: Mapping[str, Any]) -> Request:
    """Give a step to another owner."""
    return post(f"{path}/hand-over", body)


def sub_tasks(run_id: str, step: str, *, after: str) -> Request:
    """The next page of a step's sub-tasks."""
    return Request("GET", f"{_path('runs', run_id, 'steps', step, 'sub-tasks')}?{urlencode({'after': after})}")


def reusable(*, pipeline: str, step: str, sub_task: str, inputs_hash: str) -> Request:
    """The same work, done by any earlier run."""
    query = {"pipeline": pipeline, "step": step, "sub_task": sub_task, "inputs_hash": inputs_hash}
    return Request("GET", f"/sub-tasks/reusable?{urlencode(query)}")


def alive() -> Request:
    """Whether anybody is there."""
    return Request("GET", "/health/live")
