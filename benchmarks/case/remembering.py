"""What runs tell pipeline memory, and where they go on: a world's view of `PUT /runs/...` and of resume points."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.simulation import Failed
from benchmarks.child import ServiceFailed

STEP, OWNER, ARTIFACT = "train", "trainer", "model"


@dataclass
class Remembering:
    """Writes runs, their step and its checkpoints, and holds every resume point against what was written.

    The checkpoints of an attempt are told when it fails: nobody could ask for them before, and runs that never fail
    write none here. Raises `ServiceFailed` on any answer but the documented ones.
    """

    client: httpx.Client
    workspace: str
    assumptions: Assumptions
    _etags: dict[str, str] = field(default_factory=dict)
    _written: dict[str, int] = field(default_factory=dict)

    def run_id(self, run: str) -> str:
        """The run's name at the service."""
        return f"{self.workspace}-{run}"

    def failed(self, failed: Failed) -> None:
        """Tell the run, its step and the checkpoints that it has come past since the last failure."""
        self.status(failed.run, failed.pipeline, "running")
        every = self.assumptions.checkpoint_gpu_hours
        plan = [_name(number) for number in range(1, int(self.assumptions.run_gpu_hours / every) + 1)]
        step = f"/runs/{self.run_id(failed.run)}/steps/{STEP}"
        self._put(step, {"owner": OWNER, "status": "running", "plan": plan})
        far = round(failed.safe / every)
        for number in range(self._written.get(failed.run, 0) + 1, far + 1):
            artifacts = {ARTIFACT: {"sha256": self._hash(failed.run, number)}}
            body = {"owner": OWNER, "status": "completed", "artifacts": artifacts}
            self._put(f"{step}/sub-tasks/{_name(number)}", body)
        self._written[failed.run] = max(far, self._written.get(failed.run, 0))

    def status(self, run: str, pipeline: str, status: str) -> None:
        """Tell what has become of a run."""
        self._put(f"/runs/{self.run_id(run)}", {"pipeline": pipeline, "status": status})

    def asked(self, run: str) -> float:
        """Where the run goes on by `GET /runs/{run_id}/resume-point`, in GPU-hours."""
        answer = self.client.get(f"/runs/{self.run_id(run)}/resume-point", headers=self._headers)
        return self.place(run, _checked(answer).json())

    def place(self, run: str, resume: Mapping[str, Any] | None) -> float:
        """Where a resume point lies, in GPU-hours; raises `ServiceFailed` unless it is the run's last checkpoint."""
        number = self._written.get(run, 0)
        named = (resume or {}).get("sub_task")
        hashes = (resume or {}).get("artifacts") or {}
        if named != (_name(number) if number else None):
            raise ServiceFailed(f"{run} is to go on from {named}, and its last checkpoint is {number}.")
        if number and _sha256(hashes.get(ARTIFACT)) != self._hash(run, number):
            raise ServiceFailed(f"{named} of {run} is not the artifact that was written.")
        return number * self.assumptions.checkpoint_gpu_hours

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Workspace": self.workspace}

    def _put(self, path: str, body: Mapping[str, Any]) -> None:
        known = self._etags.get(path)
        headers = self._headers | ({"If-Match": known} if known else {})
        self._etags[path] = _checked(self.client.put(path, json=body, headers=headers)).headers["etag"]

    def _hash(self, run: str, number: int) -> str:
        return hashlib.sha256(f"{self.workspace} {run} {number}".encode()).hexdigest()


def _name(number: int) -> str:
    return f"checkpoint-{number}"


def _sha256(artifact: Any) -> str | None:
    """Of an artifact, as `GET /resume-point` shows it or as an advice does (`sha256:...`)."""
    found = artifact.get("sha256") if isinstance(artifact, Mapping) else artifact
    return None if found is None else str(found).removeprefix("sha256:")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        told = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}"
        raise ServiceFailed(told)
    return answer
