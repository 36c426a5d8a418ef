"""Servers with a small history, on loopback.

Their answers have the shape of the OpenAPI documents of Airflow 3.3 and Prefect 3.9 and of the REST documentation of
MLflow 3, less what nobody reads here.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

#: Query of a request as lists, and its body.
Handler = Callable[[str, dict[str, list[str]], Any], Any]


@dataclass
class FakeServer:
    """Answers by `handle`: JSON, bytes, or None for 404. Before that, once each, what is in `troubles`."""

    handle: Handler
    troubles: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeServer]:
        """Listen on loopback."""
        fake = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # an answer is two writes, of which the second waited for 40 ms

            def do_GET(self) -> None:
                fake.answer(self, None)

            def do_POST(self) -> None:
                fake.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, body: Any) -> None:
        """Whatever comes next."""
        parts = urlsplit(request.path)
        self.asked.append((unquote(parts.path), dict(request.headers)))
        if self.troubles:
            status, headers = self.troubles.pop(0)
            self._send(request, status, b"{}", headers)
            return
        found = self.handle(parts.path, parse_qs(parts.query), body)
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        self._send(request, 404 if found is None else 200, content, {})

    def _send(self, request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)


def within(ended: str, since: str, until: str) -> bool:
    """Whether a time is in a window."""
    return datetime.fromisoformat(since) <= datetime.fromisoformat(ended) < datetime.fromisoformat(until)


def task_instance(
    task: str, number: int, state: str, *, at: str, begun: str = "2026-11-20T08:00:00Z"
) -> dict[str, Any]:
    """A try of a task instance."""
    return {
        "dag_id": "nightly",
        "dag_run_id": "scheduled__2026-11-20T00:00:00+00:00",
        "task_id": task,
        "map_index": -1,
        "state": state,
        "try_number": number,
        "max_tries": 3,
        "start_date": begun,
        "end_date": at,
        "hostname": "worker-3",
        "operator": "PythonOperator",
        "queue": "default",
        "pool": "default_pool",
    }


#: `load` failed for good in its second try, `export` passed in its second; `quiet` left no log.
LOAD = [
    task_instance("load", 1, "failed", at="2026-11-20T08:05:00Z"),
    task_instance("load", 2, "failed", at="2026-11-20T08:15:00Z", begun="2026-11-20T08:10:00Z"),
]
EXPORT = [
    task_instance("export", 1, "failed", at="2026-11-20T08:05:00Z"),
    task_instance("export", 2, "success", at="2026-11-20T08:20:00Z", begun="2026-11-20T08:06:00Z"),
]
QUIET = [task_instance("quiet", 1, "failed", at="2026-11-19T08:05:00Z")]
AIRFLOW_LOG = (
    b'{"timestamp": "2026-11-20T08:05:00Z", "event": "::group::Log message source details", "sources": ["/x"]}\n'
    b'{"timestamp": "2026-11-20T08:05:00Z", "event": "Task failed with exception", "level": "error", "error_detail": ['
    b'{"exc_type": "ConnectionResetError", "exc_value": "[Errno 104] Connection reset by peer", "exc_notes": [], '
    b'"syntax_error": null, "is_cause": false, "frames": [{"filename": "/dags/nightly.py", "lineno": 12, '
    b'"name": "load"}]}]}\n'
)


def airflow() -> FakeServer:
    """An Airflow with the history above."""
    tries = {"load": LOAD, "export": EXPORT, "quiet": QUIET}

    def handle(path: str, query: dict[str, list[str]], body: Any) -> Any:
        if path == "/auth/token":
            return {"access_token": "t0ken"} if body == {"username": "ada", "password": "secret"} else None
        if path == "/api/v2/dags/~/dagRuns/~/taskInstances":
            return page(query)
        task, _, rest = path.rpartition("/taskInstances/")[2].partition("/")
        if rest == "tries":
            return {"task_instances": tries[task], "total_entries": len(tries[task])}
        return AIRFLOW_LOG if rest.startswith("logs/") and task != "quiet" else None

    def page(query: dict[str, list[str]]) -> Any:
        last = [each[-1] for each in tries.values()]
        found = [
            each
            for each in last
            if each["state"] in query["state"]
            and within(each["end_date"], query["end_date_gte"][0], query["end_date_lt"][0])
            and ("try_number" not in query or str(each["try_number"]) in query["try_number"])
        ]
        first = int(query["offset"][0])
        return {"task_instances": found[first : first + int(query["limit"][0])], "total_entries": len(found)}

    return FakeServer(handle)


RUN, FLOW = "0b6a1c9e-0000-4000-8000-000000000003", "0b6a1c9e-0000-4000-8000-000000000004"


def prefect_run(id: str, state: str, *, at: str, count: int = 1, **more: Any) -> dict[str, Any]:
    """A task or a flow run."""
    message = "Task run encountered an exception" if state == "FAILED" else None
    return {
        "id": id,
        "state_type": state,
        "state": {"type": state, "name": state.title(), "message": message},
        "run_count": count,
        "end_time": at,
    } | more


PREFECT_TASKS = [
    prefect_run("t-1", "FAILED", at="2026-11-20T08:05:00Z", count=2, name="load-3fa", flow_run_id=RUN),
    prefect_run("t-2", "COMPLETED", at="2026-11-20T08:05:00Z", count=2, name="export-0", flow_run_id=RUN),
    prefect_run("t-3", "COMPLETED", at="2026-11-20T08:05:00Z", count=1, name="good-0", flow_run_id=RUN),
]
PREFECT_FLOWS = [
    prefect_run(RUN, "FAILED", at="2026-11-20T08:06:00Z", name="gray-otter", flow_id=FLOW),
    prefect_run("f-2", "CRASHED", at="2026-11-20T09:06:00Z", name="red-fox", flow_id=FLOW),
]
PREFECT_LOGS = {
    "t-1": [
        "Task run failed with exception: KeyError('price') - Retries are exhausted\n"
        "Traceback (most recent call last):\n  File \"flows.py\", line 3, in load\nKeyError: 'price'",
        "Finished in state Failed('Task run encountered an exception')",
    ],
    "t-2": [
        "Task run failed with exception: ConnectionResetError(104, 'Connection reset by peer') - Retry 1/3 will start "
        "10.0 second(s) from now",
        "Finished in state Completed()",
    ],
    "f-2": ["Crash detected! Execution was interrupted by an unexpected exception: ConnectionRefusedError"],
}


def prefect() -> FakeServer:
    """A Prefect server with the history above."""

    def ended(runs: list[dict[str, Any]], wanted: Any) -> list[dict[str, Any]]:
        states, time = wanted.get("state", {}).get("type", {}).get("any_"), wanted.get("end_time")
        return [
            run
            for run in runs
            if run["state_type"] in states and (not time or within(run["end_time"], time["after_"], time["before_"]))
        ]

    def handle(path: str, query: dict[str, list[str]], body: Any) -> Any:
        if path == f"/api/flow_runs/{RUN}":
            return PREFECT_FLOWS[0]
        if path == f"/api/flows/{FLOW}":
            return {"id": FLOW, "name": "nightly"}
        kind = path.split("/")[2]
        if kind == "logs":
            [id] = body["logs"].get("task_run_id", {}).get("any_") or body["logs"]["flow_run_id"]["any_"]
            return [{"message": text, "level": 40} for text in reversed(PREFECT_LOGS[id])]
        found = ended(PREFECT_TASKS if kind == "task_runs" else PREFECT_FLOWS, body[kind])
        if kind == "task_runs" and "flow_runs" in body:
            found = [run for run in found if run["flow_run_id"] in body["flow_runs"]["id"]["any_"]]
        return len(found) if path.endswith("count") else found[body["offset"] :][: body["limit"]]

    return FakeServer(handle)


def mlflow_run(id: str, ended: int) -> dict[str, Any]:
    """A run that failed."""
    info = {"run_id": id, "experiment_id": "1", "status": "FAILED", "end_time": ended}
    return {"info": info, "data": {"tags": [{"key": "mlflow.source.name", "value": "train.py"}]}}


#: 2026-11-20 08:05 and 09:05.
MLFLOW_RUNS = [mlflow_run("r-1", 1_795_161_900_000), mlflow_run("r-2", 1_795_165_500_000)]
MLFLOW_TEXT = (
    b'Traceback (most recent call last):\n  File "train.py", line 7\nConnectionResetError: [Errno 104] reset\n'
)


def mlflow() -> FakeServer:
    """A tracking server with the history above; it gives pages of one run."""

    def handle(path: str, query: dict[str, list[str]], body: Any) -> Any:
        call = path.removeprefix("/api/2.0/mlflow/")
        if call == "experiments/search":
            return {"experiments": [{"experiment_id": "1", "name": "fraud-training"}]}
        if call == "runs/search":
            return runs(body)
        if call == "artifacts/list":
            folder = query.get("path", [""])[0]
            logs = query["run_id"] == ["r-1"] and folder == "logs"
            return {"files": [{"path": "logs/traceback.txt", "is_dir": False, "file_size": 9}] if logs else []}
        return MLFLOW_TEXT if path == "/get-artifact" and query["path"] == ["logs/traceback.txt"] else None

    def runs(body: Any) -> Any:
        words = body["filter"].split()
        least, below = int(words[words.index(">=") + 1]), int(words[words.index("<") + 1])
        found = [run for run in MLFLOW_RUNS if least <= run["info"]["end_time"] < below]
        first = int(body.get("page_token", "0"))
        following = {"next_page_token": str(first + 1)} if first + 1 < len(found) else {}
        return {"runs": found[first : first + 1], **following}

    return FakeServer(handle)
