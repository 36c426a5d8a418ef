"""GitHub's `workflow_job` webhook: a job that failed becomes a failure, and its re-run that passed an outcome.

The webhook carries no log. What there is to say is the job, the steps that failed, and how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.foreign import attempt_of, environment_of, moment_of, name_of, object_of, objects_of, text_of
from ingest.items import id_of
from knowledge.failures import Failure

#: How the ids of jobs that failed begin.
JOBS = "github:"
#: Conclusions of what failed by itself; `cancelled`, `skipped` and the like are somebody's will.
FAILED = ("failure", "timed_out", "startup_failure")
MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Passed:
    """A re-run of a job that passed: the attempt `before` it, if that is an incident, has an outcome."""

    before: str
    attempt: int
    started_at: datetime | None


def read_webhook(event: str, payload: Mapping[str, Any]) -> Failure | Passed | None:
    """What a delivery tells, None where it is nothing to remember. `event`: the header `X-GitHub-Event`."""
    job = object_of(payload.get("workflow_job"))
    id, name, run = name_of(job.get("id")), name_of(job.get("name")), name_of(job.get("run_id"))
    if event != "workflow_job" or payload.get("action") != "completed" or not (id and name and run):
        return None
    repository = name_of(object_of(payload.get("repository")).get("full_name")) or "(unknown repository)"
    pipeline = pipeline_of(repository, workflow=name_of(job.get("workflow_name")))
    attempt = attempt_of(job.get("run_attempt"))
    conclusion = job.get("conclusion")
    if conclusion == "success" and attempt is not None and attempt > 1:
        return Passed(id_of_job(run, attempt - 1, name), attempt, moment_of(job.get("started_at")))
    if conclusion not in FAILED:
        return None
    return Failure(
        text=_text(job, pipeline=pipeline, name=name),
        pipeline=pipeline,
        step=name,
        run_id=run,
        attempt=attempt,
        occurred_at=moment_of(job.get("completed_at")),
        environment=environment_of(_place(job)),
        external_id=id_of_job(run, attempt or 1, name),
    )


def id_of_job(run: str, attempt: int, job: str) -> str:
    """The id of the failure of a job, in one attempt of a run: as the webhook tells of it, and as its log does.

    Of its name's characters those are left out that no name of a file in the archive of logs has.
    """
    name = " ".join(job.replace("/", "").replace(":", "").split())
    return id_of(JOBS.removesuffix(":"), run, attempt, name)


def is_only_told_of(incident: Mapping[str, Any]) -> bool:
    """Whether an incident says of its job no more than the webhook: that steps of it failed, and not how."""
    lines = (text_of(incident.get("text")) or "").splitlines()
    endings = tuple(f" ended with {conclusion}" for conclusion in FAILED)
    of_webhook = "job_id" in object_of(incident.get("environment"))
    return of_webhook and bool(lines) and all(each.startswith("Error: ") and each.endswith(endings) for each in lines)


def pipeline_of(repository: str, *, workflow: str | None) -> str:
    """A workflow of a repository, as a pipeline is called: `octo/hello: CI`."""
    return f"{repository}: {workflow}"[:500] if workflow else repository


def _text(job: Mapping[str, Any], *, pipeline: str, name: str) -> str:
    """In words, a line for each step that failed.

    Where it was stands in it: by a step's name alone, the failures of all repositories would be one precedent.
    """
    steps = [each for each in objects_of(job.get("steps"))[:MOST_STEPS] if each.get("conclusion") in FAILED]
    lines = [
        f"Error: {pipeline}, job {name}: step {called} ended with {step.get('conclusion')}"
        for step in steps
        if (called := text_of(step.get("name"), most=1_000))
    ]
    return "\n".join(lines) or f"Error: {pipeline}: job {name} ended with {job.get('conclusion')}"


def _place(job: Mapping[str, Any]) -> dict[str, Any]:
    """Where it ran, and where its log is."""
    labels = job.get("labels")
    runner = ", ".join(each for each in labels if isinstance(each, str)) if isinstance(labels, list) else None
    names = ("html_url", "head_branch", "head_sha", "runner_name", "runner_group_name")
    return {**{name: job.get(name) for name in names}, "runner_labels": runner, "job_id": job.get("id")}
