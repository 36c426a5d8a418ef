"""Small servers that misbehave, each in a way that real ones have; and one that keeps what it is told, as it should."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROBLEM = "application/problem+json"
#: An answer of `POST /advise` as the contract has it.
ADVICE: dict[str, Any] = {
    "advice_id": "a-1",
    "incident_id": "i-1",
    "verdict": "transient",
    "confidence": 0.94,
    "cause": "rate_limit",
    "decision": {"action": "retry", "retry_delay_s": 42.0, "max_attempts": 5, "reason": "It has passed before."},
    "strategy": {
        "action": "retry_with_backoff",
        "multiplier": 2.0,
        "max_delay_s": 600,
        "jitter": "full",
        "resume": {"run_id": "r-1", "step": "train", "sub_task": "scaling", "artifacts": {"scaled": "sha256:ab"}},
    },
    "precedent": None,
    "seen_before": True,
    "evidence": [{"similarity": 0.9}],
    "storm": None,
    "regression": None,
    "degraded": [],
}


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    def of(self, path: str) -> list[Asked]:
        """The requests of a path."""
        return [each for each in self.asked if each.path.partition("?")[0] == path]


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    document: Any = None
    kind: str = "application/json"
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """As bytes."""
        return json.dumps(self.document).encode() if self.raw is None else self.raw


def problem(status: int, detail: str, **more: Any) -> Reply:
    """A refusal as Seen Before has it."""
    return Reply(status, {"type": "x", "title": "x", "status": status, "detail": detail, **more}, kind=PROBLEM)


@contextlib.contextmanager
def serving(answer: Callable[[Asked], Reply], *, port: int = 0) -> Iterator[Server]:
    """A server that answers each request by a function."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # an answer is two writes, of which the second waited for 40 ms

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, json.loads(body) if body else None)
            server.asked.append(asked)
            reply = answer(asked)
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                for name, value in (("Content-Type", reply.kind), ("Content-Length", str(len(reply.body)))):
                    self.send_header(name, value)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = _any

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Quiet(("127.0.0.1", port), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@contextlib.contextmanager
def talking(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that does with each connection what it wants; its address."""
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def one(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                talk(connection, ends)

        def work() -> None:
            while not ends.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ends.set()
            thread.join()


def silent(_: socket.socket, ends: threading.Event) -> None:
    """Takes the request and never answers."""
    ends.wait(30)


def dripping_head(connection: socket.socket, ends: threading.Event) -> None:
    """A byte of the headers at a time: no read ever takes long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not ends.wait(0.05):
        connection.sendall(b"x")


def dripping_body(connection: socket.socket, ends: threading.Event) -> None:
    """The same with the body."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{")
    while not ends.wait(0.05):
        connection.sendall(b" ")


def huge(connection: socket.socket, ends: threading.Event) -> None:
    """A body without an end, as fast as it goes."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not ends.is_set():
        connection.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")


def rubbish(connection: socket.socket, ends: threading.Event) -> None:
    """No HTTP at all."""
    connection.recv(65_536)
    connection.sendall(b"\x00\xffSSH-2.0-OpenSSH\r\n\r\n")


def hanging_up(connection: socket.socket, ends: threading.Event) -> None:
    """Half an answer."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(look: Callable[[], Any], *, limit_s: float = 10.0) -> Any:
    """What `look` finds, once it is true."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing in {limit_s:.0f} s")
