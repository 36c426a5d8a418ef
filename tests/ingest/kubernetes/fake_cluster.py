"""An API server of Kubernetes, as far as a watcher sees one: lists by pages, and watches that stream events.

It speaks HTTP on loopback as Kubernetes' API concepts document it: a list has a `resourceVersion` and perhaps a
`continue` token, a watch is a line of JSON an event, and a place that is too old is told by status 410 or an `ERROR`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

POD_UID, JOB_UID = "0b6a1c9e-0000-4000-8000-000000000001", "0b6a1c9e-0000-4000-8000-000000000002"


def pod(name: str = "train-x7k2p", *, version: int = 10, uid: str = POD_UID, labels: Any = None, **status: Any) -> Any:
    """A pod of the job `train-29310045`, as the API shows it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": uid,
            "resourceVersion": str(version),
            "labels": labels if labels is not None else {"batch.kubernetes.io/job-name": "train-29310045"},
        },
        "spec": {"nodeName": "node-7", "containers": [{"name": "train"}]},
        "status": {"phase": "Running"} | status,
    }


def terminated(reason: str, code: int = 137, **more: Any) -> Any:
    """The status of a container that ended."""
    end = {"reason": reason, "exitCode": code, "finishedAt": "2026-11-20T08:15:00Z", "containerID": "containerd://c1"}
    return {
        "name": "train",
        "image": "repo/train:1.8",
        "restartCount": 0,
        "state": {"terminated": end | more},
        "lastState": {},
    }


def job(reason: str = "BackoffLimitExceeded", *, version: int = 20) -> Any:
    """A job that failed."""
    failed = {"type": "Failed", "status": "True", "reason": reason, "lastTransitionTime": "2026-11-20T08:16:00Z"}
    return {
        "metadata": {"name": "train-29310045", "namespace": "ml", "uid": JOB_UID, "resourceVersion": str(version)},
        "status": {
            "failed": 4,
            "conditions": [
                {"type": "FailureTarget", "status": "True", "reason": reason},
                failed | {"message": "Job has reached the specified backoff limit"},
            ],
        },
    }


def event_of(name: str, reason: str, *, uid: str = "u3", version: int = 30, count: int = 1) -> Any:
    """A warning event of a pod, as `events.k8s.io/v1` has it; it is counted up where it goes on."""
    return {
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": "ml", "resourceVersion": str(version)},
        "type": "Warning",
        "reason": reason,
        "note": "0/12 nodes are available: 12 Insufficient nvidia.com/gpu.",
        "eventTime": "2026-11-20T08:15:00.000000Z",
        "series": {"count": count, "lastObservedTime": "2026-11-20T08:20:00.000000Z"} if count > 1 else None,
        "regarding": {"kind": "Pod", "namespace": "ml", "name": name, "uid": uid},
    }


def changed(thing: Any, kind: str = "MODIFIED") -> Any:
    """A watch event."""
    return {"type": kind, "object": thing}


def bookmark(version: int) -> Any:
    """A watch event that tells of nothing but the place."""
    return {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": str(version)}}}


GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "reason": "Expired", "message": "too old", "code": 410},
}


@dataclass
class FakeCluster:
    """What it answers: `lists` by resource, and `watches`, one a request; after them a watch stays open and silent.

    A watch is a list of events, or a status and headers to refuse with. `half` cuts an answer off in the middle.
    """

    lists: dict[str, list[list[Any]]] = field(default_factory=dict)
    watches: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    refuse_lists: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    version: int = 5
    url: str = ""
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeCluster]:
        """Listen on loopback."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # an answer is two writes, of which the second waited for 40 ms

            def do_GET(self) -> None:
                fake.answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self.closed.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def kubeconfig(self, folder: Path) -> Path:
        """How to reach it."""
        file = folder / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "watcher"}}],
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "watcher", "user": {"token": "t0ken"}}],
        }
        file.write_text(json.dumps(config))
        return file

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """A list or a watch."""
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        resource = parts.path.rpartition("/")[2]
        with self.lock:
            self.asked.append((parts.path, query, request.headers.get("Authorization", "")))
            watching = query.get("watch") == "true"
            waiting = self.watches.get(resource, [])
            step = waiting.pop(0) if watching and waiting else None
            refusal = self.refuse_lists.pop(0) if self.refuse_lists and not watching else None
        with contextlib.suppress(OSError):
            if isinstance(step, tuple) or refusal:
                self._refuse(request, *(step or refusal))
            elif watching:
                self._stream(request, step)
            else:
                self._page(request, resource, int(query.get("continue", "0")))

    def _page(self, request: BaseHTTPRequestHandler, resource: str, number: int) -> None:
        pages = self.lists.get(resource) or [[]]
        metadata = {"resourceVersion": str(self.version)}
        if number + 1 < len(pages):
            metadata["continue"] = str(number + 1)
        self._send(
            request, 200, json.dumps({"kind": "List", "metadata": metadata, "items": pages[number]}).encode(), {}
        )

    def _refuse(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        said = {"kind": "Status", "status": "Failure", "code": status, "message": "pods is forbidden"}
        self._send(request, status, json.dumps(said).encode(), headers)

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request: BaseHTTPRequestHandler, events: list[Any] | None) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for event in events or []:
            part = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            request.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            request.wfile.flush()
        if events is None:
            self.closed.wait(60)  # open and silent
        else:
            request.wfile.write(b"0\r\n\r\n")
