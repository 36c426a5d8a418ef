"""What the functions of pipeline memory answer about a write (`told`, see 0012_said.sql), as errors."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.errors import Conflict, NotFound, StaleVersion, VersionRequired
from knowledge.store.rows import Row

#: The first write of a row.
CREATED = "created"
#: Names that a problem's sentence lists; its member has all of them.
MOST_NAMED = 20


def answer_of(row: Row | None) -> Row:
    """The one row that a writing function answers."""
    assert row is not None  # noqa: S101 - for the type checker
    return row


def check_version(row: Row) -> None:
    """Raise `VersionRequired`, `StaleVersion`, or `Conflict` for what was said too long ago, where that is why nothing
    was written; the problem has the version."""
    match row["told"]:
        case "unversioned":
            raise VersionRequired(field="If-Match", members={"version": row["version"]})
        case "stale":
            raise StaleVersion(field="If-Match", members={"version": row["version"]})
        case "absent":
            detail = "If-Match names a version of what is not there yet; the first write goes without."
            raise StaleVersion(detail, field="If-Match", members={"version": None})
        case "superseded":
            members = {"superseded": True, "version": row["version"]}
            raise Conflict("What is there was said after this.", field="Seenbefore-Age", members=members)


def check_place(row: Row, *, run_id: str, step: str) -> None:
    """Raise `NotFound` where the run or the step was never written, `Conflict` where the run is another pipeline's."""
    if row["told"] == "pipeline":
        raise of_another_pipeline(run_id, pipeline=row["pipeline"])
    if row["told"] == "no_run":
        raise missing_run(run_id)
    if row["told"] == "no_step":
        raise NotFound(f"There is no step {step} in run {run_id}.", members={"missing": "step"})


def check_owner(row: Row, *, step: str) -> None:
    """Raise `Conflict` with the owner where the step is another's."""
    if row["told"] == "owner":
        detail = f"Step {step} belongs to {row['owner']}. Its owner may hand it over."
        raise Conflict(detail, field="owner", members={"owner": row["owner"]})


def of_another_pipeline(run_id: str, *, pipeline: str) -> Conflict:
    """The problem of a run that another pipeline, this one, has written under the name."""
    detail = f"Run {run_id} is one of pipeline {pipeline}: that is fixed by its first write."
    return Conflict(detail, field="pipeline", members={"pipeline": pipeline})


def missing_run(run_id: str) -> NotFound:
    """The problem of a run that was never written."""
    return NotFound(f"There is no run {run_id} in this workspace.", members={"missing": "run"})


def listed(names: Sequence[str]) -> str:
    """Names for a sentence, the first twenty."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
