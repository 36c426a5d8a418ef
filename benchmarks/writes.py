"""What `benchmarks.pages` writes: each call that can be made again and again, with what it is sent.

The order matters: what is written of a run comes after the run, and its step is handed over last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.addresses import ASKED_KINDS, World

Said = Mapping[str, Any]
#: Failures of the import that is measured.
LINES = 20
OWNER, OTHER = "the benchmark", "another"
JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Write:
    """A call: its address is made of `World` and, as `{number}`, of the time of that number; `said` is what it is sent.

    Pages are sent forms, and endpoints JSON. `version_of` is read first, outside the time, for its ETag.
    """

    address: str
    said: Callable[[World, int], Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    version_of: str | None = None


def _failure(world: World, number: int) -> Said:
    return {"text": world.text(number)}


def _sub_task(_: World, number: int) -> Said:
    return {
        "owner": OWNER,
        "status": "completed",
        "inputs_hash": f"{number:064x}",
        "artifacts": {"out": {"sha256": "0" * 64}},
    }


def _sub_tasks(world: World, number: int) -> Said:
    return {"sub_tasks": [{"sub_task": f"part-{each}", **_sub_task(world, number)} for each in range(LINES)]}


def _decision(_: World, number: int) -> Said:
    return {"agent": "tuner", "kind": "hyperparameters", "choice": {"trial": number}, "rationale": "The loss fell."}


def _lines(world: World, number: int) -> bytes:
    """Other failures each time."""
    lines = ({"text": world.text(LINES * number + each)} for each in range(LINES))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _text_attributes(named: Mapping[str, str]) -> list[Said]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in named.items()]


def _noted(world: World, number: int) -> Said:
    """What OTLP tells of an exception."""
    error = {"exception.type": "RuntimeError", "exception.message": world.text(number)}
    return {"timeUnixNano": str(_now_ns()), "attributes": _text_attributes(error)}


def _logs(world: World, number: int) -> Said:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [_noted(world, number)]}]}]}


def _traces(world: World, number: int) -> Said:
    event = {"name": "exception", **_noted(world, number)}
    span = {"traceId": f"{_now_ns():032x}", "spanId": f"{number + 1:016x}", "name": "train", "events": [event]}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span | {"status": {"code": 2}}]}]}]}


def _alerts(world: World, number: int) -> Said:
    alert = {
        "status": "firing",
        "labels": {"alertname": "KubeJobFailed", "job_name": f"nightly-{number % ASKED_KINDS}"},
        "annotations": {"description": world.text(number)[:500]},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{_now_ns():016x}",
    }
    return {"version": "4", "status": "firing", "receiver": "seenbefore", "alerts": [alert]}


def _now_ns() -> int:
    return int(datetime.now(UTC).timestamp() * 1e9)


def _tool(name: str, arguments: Callable[[World, int], Said]) -> Callable[[World, int], Said]:
    """A call of an agent's."""

    def said(world: World, number: int) -> Said:
        params = {"name": name, "arguments": arguments(world, number)}
        return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}

    return said


def _correction(_: World, number: int) -> Said:
    cause = ("code_defect", "configuration")[number % 2]
    return {"cause": cause, "reason": f"Looked into {number} times.", "author": OWNER}


def _outcome(_: World, number: int) -> Said:
    return {"result": "succeeded", "attempt": 2 + number % 100}


def _fix(_: World, number: int) -> Said:
    return {"summary": f"Go the way number {number % 25}.", "author": OWNER}


def _always(said: Said) -> Callable[[World, int], Said]:
    return lambda *_: said


def _once(said: Callable[[World, int], Said]) -> Callable[[World, int], Said]:
    """A form that is done once, however often it is sent."""
    return lambda world, number: {"once": f"{_now_ns()}", **said(world, number)}


WRITTEN = "/runs/written-{number}"
#: By name, as `ADDRESSES` are.
WRITES = {
    "endpoint advise": Write("POST /advise", _failure),
    "endpoint advise, dry run": Write("POST /advise?dry_run=true", _failure),
    "endpoint record": Write("POST /incidents", _failure),
    "endpoint import, 20 lines": Write("POST /incidents/import", _lines, {"Content-Type": JSON_LINES}),
    "endpoint outcome": Write("POST /incidents/{incident}/outcome", _outcome),
    "endpoint resolution": Write("POST /incidents/{incident}/resolution", _fix),
    "endpoint proposal": Write("POST /resolutions", lambda w, n: {"incident_id": w.incident, **_fix(w, n)}),
    "endpoint correction": Write("PATCH /precedents/{precedent}", _correction, version_of="/precedents/{precedent}"),
    "endpoint run written": Write(f"PUT {WRITTEN}", _always({"pipeline": "hot-0", "status": "running"})),
    "endpoint step written": Write(f"PUT {WRITTEN}/steps/train", _always({"owner": OWNER, "status": "running"})),
    "endpoint sub-task written": Write(f"PUT {WRITTEN}/steps/train/sub-tasks/one", _sub_task),
    "endpoint sub-tasks written, 20": Write(f"PUT {WRITTEN}/steps/train/sub-tasks", _sub_tasks),
    "endpoint step handed over": Write(
        f"POST {WRITTEN}/steps/train/hand-over",
        _always({"owner": OWNER, "to": OTHER}),
        version_of=f"{WRITTEN}/steps/train",
    ),
    "endpoint decision": Write(f"POST {WRITTEN}/decisions", _decision),
    "endpoint logs": Write("POST /v1/logs", _logs),
    "endpoint traces": Write("POST /v1/traces", _traces),
    "endpoint alerts": Write("POST /doors/alertmanager", _alerts),
    "endpoint MCP advise": Write(
        "POST /mcp", _tool("advise", _failure), {"Accept": "application/json, text/event-stream"}
    ),
    "page Ask, asked": Write("POST /ui/ask", _failure),
    "page Ask, only looked": Write("POST /ui/ask", lambda w, n: {**_failure(w, n), "only_look": "yes"}),
    "page Incident, outcome": Write("POST /ui/incidents/{incident}/outcome", _once(_outcome)),
    "page Incident, resolution": Write("POST /ui/incidents/{incident}/resolution", _once(_fix)),
    "page Precedent, vote": Write(
        "POST /ui/precedents/{hot}/resolutions/{resolution}/vote", lambda _, n: {"helped": str(bool(n % 2)).lower()}
    ),
    "page Search, saved": Write("POST /ui/search/saved", lambda _, n: {"name": f"saved {n % 20}", "q": f"of {n % 20}"}),
    "page Sign out": Write("POST /ui/sign-out", _always({})),
    "page Workspace": Write("POST /ui/workspace", _always({"workspace": "default"})),
}
