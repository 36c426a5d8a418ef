"""What the service lacks before it can take a write of a run's state, and writing that first. No I/O here.

A parent that was refused, for its attributes say, costs no checkpoint below it: it is written bare. Nothing is mended
for a write that does not name its pipeline, as an older client's does not: the run may be another's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from seenbefore import calls
from seenbefore.plans import Ask, Plan
from seenbefore.spooled import Spooled
from seenbefore.wire import Answer, Request

#: Nobody waits for a delivery but the writes behind it.
TIMEOUT_S = 10.0
#: Names that a plan may have.
MOST_PLANNED = 1_000


@dataclass(frozen=True, slots=True)
class Stuck:
    """What stands in the way, and cannot be mended: an answer, or that there is none."""

    answer: Answer | None


def mending(answer: Answer | None, request: Request, row: Spooled) -> Plan[Request | Stuck]:
    """Do what lets the service take a write that it has refused; the request to send then."""
    problem = answer.problem if answer is not None else None
    if answer is not None and answer.status == 422 and row.kind == "note" and _names(problem, "occurred_at"):
        return _without_moment(answer, request, row)
    if answer is None or problem is None or row.method != "PUT" or "pipeline" not in row.document:
        return Stuck(answer)
    if answer.status == 404 and problem.get("missing") in ("run", "step"):
        stuck = yield from _write_parents(request, row, of_run=problem["missing"] == "run")
    elif answer.status == 409 and isinstance(problem.get("plan"), list):
        stuck = yield from _write_plan(answer, request, row)
    elif answer.status == 409 and isinstance(problem.get("completed"), list):
        return _with_completed(answer, request, row, completed=problem["completed"])
    else:
        return Stuck(answer)
    return stuck or request


def is_superseded(answer: Answer | None) -> bool:
    """Whether what is there was said later."""
    return answer is not None and answer.status == 409 and (answer.problem or {}).get("superseded") is True


def _write_parents(request: Request, row: Spooled, *, of_run: bool) -> Plan[Stuck | None]:
    """Write the run, where it is missing, and the step that the row is below of, with no more than the row tells."""
    parts, body = row.path.split("/"), row.document
    about = {"pipeline": body["pipeline"], "status": "running"}
    parents = [("/".join(parts[:3]), about)] if of_run else []
    if len(parts) > 5:
        parents.append(("/".join(parts[:5]), about | {"owner": body.get("owner")}))
    for path, told in parents:
        answer: Answer | None = yield Ask(calls.put(path, told).aged(request.age_s), TIMEOUT_S)
        if not _is_there(answer):
            return Stuck(answer)
    return None


def _is_there(answer: Answer | None) -> bool:
    """Whether a parent is there now: written, or by another since, or its own parent has gone once more."""
    if answer is None or answer.ok or is_superseded(answer):
        return answer is not None
    return answer.problem is not None and answer.status in (404, 412, 428)


def _write_plan(refusal: Answer, request: Request, row: Spooled) -> Plan[Stuck | None]:
    """Add the sub-task's name to the plan of its step."""
    parts = row.path.split("/")
    path, name = "/".join(parts[:5]), unquote(parts[-1])
    there: Answer | None = yield Ask(calls.read(path), TIMEOUT_S)
    if there is None or not there.ok or there.document is None:
        return Stuck(there)
    step = there.document
    plan = step.get("plan")
    if not isinstance(plan, list) or name in plan:  # it has changed since
        return None
    if len(plan) >= MOST_PLANNED:
        return Stuck(refusal)
    put = calls.put(path, _plan_of(row, step.get("status"), [*plan, name])).matching(there.version)
    answer: Answer | None = yield Ask(put.aged(request.age_s), TIMEOUT_S)
    if is_superseded(answer):  # of the step more was said since, and of this nothing
        answer = yield Ask(put, TIMEOUT_S)
    return None if _is_there(answer) else Stuck(answer)


def _plan_of(row: Spooled, status: object, plan: list[str]) -> Mapping[str, Any]:
    body = row.document
    return {"owner": body.get("owner"), "pipeline": body["pipeline"], "status": status, "plan": plan}


def _names(problem: Mapping[str, Any] | None, field: str) -> bool:
    """Whether a problem is with that field."""
    errors = (problem or {}).get("errors")
    return any(isinstance(each, dict) and each.get("field") == field for each in errors or ())


def _without_moment(refusal: Answer, request: Request, row: Spooled) -> Request | Stuck:
    """The same failure without the time at which this machine's clock, which is far off, says that it occurred."""
    sent = json.loads(request.body or b"{}")
    if sent.pop("occurred_at", None) is None:
        return Stuck(refusal)
    body = json.dumps(sent).encode()
    return replace(request, body=body, key=_key_of(row, body))


def _key_of(row: Spooled, body: bytes) -> str:
    """Of another request than the row's own, the same each time."""
    return f"{row.key}-{hashlib.sha256(body).hexdigest()[:12]}"


def _with_completed(refusal: Answer, request: Request, row: Spooled, *, completed: list[str]) -> Request | Stuck:
    """The same step with what is completed before what is planned now."""
    sent = json.loads(request.body or b"{}")
    planned = sent.get("plan") or []
    plan = list(dict.fromkeys([*completed, *planned]))
    if len(plan) > MOST_PLANNED or len(plan) == len(planned):
        return Stuck(refusal)
    body = calls.put(row.path, sent | {"plan": plan}).body or b""
    return replace(request, body=body, key=_key_of(row, body))
