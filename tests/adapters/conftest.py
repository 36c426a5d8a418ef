"""The real service, started by the interpreter that has it, and servers that do everything wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import seenbefore

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 400.0
LISTENING = "listening on "
#: Every genuine verdict is told as `fail`, so that tests meet all three decisions.
SURE = {"SEENBEFORE_FAIL_CONFIDENCE": "0.5"}
TROUBLES = ("dead port", "hangs", "stumbles", "talks nonsense", "answers what cannot be")


@pytest.fixture(scope="session")
def server_python() -> str:
    """The interpreter that has the service and torch: that of the development environment."""
    return os.environ.get("SEENBEFORE_SERVER_PYTHON") or str(ROOT / ".venv" / "bin" / "python")


@pytest.fixture(scope="session")
def service_url(server_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service. Its data folder is kept from one environment's tests to the next's."""
    given = os.environ.get("SEENBEFORE_TEST_DATA")
    data = Path(given) if given else tmp_path_factory.mktemp("service")
    command = [server_python, "-m", "api", "serve", "--port", "0", "--data", str(data)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SEENBEFORE_", "PYTHON"))}
    log = tmp_path_factory.mktemp("log") / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=clean | SURE)
    try:
        yield wait_for(lambda: _address(process, log))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    said = log.read_text(errors="replace")
    assert process.poll() is None, said
    return said.partition(LISTENING)[2].split(" ")[0].rstrip(";") if LISTENING in said else None


def wait_for(look: Callable[[], Any], *, limit_s: float = START_LIMIT_S) -> Any:
    """What `look` finds, once it finds something that is true."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing was found in {limit_s:.0f} s")


@dataclass(frozen=True)
class Service:
    """The service in a workspace of the test's own, as anybody else sees it."""

    url: str
    workspace: str
    http: httpx.Client

    def knows(self, error: BaseException, *, verdict: str, action: str) -> None:
        """Record a precedent; `retry_now` is advised with a wait of no seconds."""
        cause = "network" if verdict == "transient" else "data_quality"
        body = {"error": {"type": _class_name(error), "message": str(error)}, "verdict": verdict, "cause": cause}
        answer = self.http.post("/incidents", json=body | {"resolution": {"summary": "as ever", "action": action}})
        assert answer.status_code in (200, 201), answer.text

    def incidents(self, **filters: str) -> list[dict[str, Any]]:
        """What was recorded of a pipeline or run, oldest first."""
        answer = self.http.get("/incidents", params=filters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["incidents"]
        return found[::-1]

    def retries(self, *, count: int, **filters: str) -> dict[str, list[int]]:
        """The attempts whose outcomes were told for what was recorded, by result, once there are so many."""

        def told() -> dict[str, list[int]] | None:
            found: dict[str, list[int]] = {"succeeded": [], "failed": []}
            for precedent in dict.fromkeys(each["precedent_id"] for each in self.incidents(**filters)):
                for row in self.http.get(f"/precedents/{precedent}").json()["retries"]["by_attempt"]:
                    for result in found:
                        found[result] += [row["attempt"]] * row[result]
            return found if sum(map(len, found.values())) >= count else None

        found: dict[str, list[int]] = wait_for(told, limit_s=20.0)
        return found


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


@pytest.fixture
def service(service_url: str) -> Iterator[Service]:
    """A workspace in which nothing is known but the documentation."""
    workspace = uuid.uuid4().hex
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace}, timeout=60.0, trust_env=False) as http:
        yield Service(url=service_url, workspace=workspace, http=http)


@pytest.fixture
def memory(service: Service, tmp_path: Path) -> Iterator[seenbefore.Client]:
    """A client of that workspace. It has time: the machine may be busy."""
    with contextlib.closing(
        seenbefore.Client(service.url, workspace=service.workspace, timeout_s=30.0, spool=tmp_path / "spool.sqlite3")
    ) as client:
        yield client


Backfill = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def backfill(service: Service, server_python: str, tmp_path: Path) -> Backfill:
    """Read the history of a host's server into that workspace, by the service's own command; what it says of it."""

    def run(kind: str, address: str) -> dict[str, Any]:
        target = ["--url", service.url, "--workspace", service.workspace, "--mark", str(tmp_path / "mark.json")]
        command = [server_python, "-m", "api", "backfill", kind, address, "--since", "1d", "--per-second", "100"]
        done = subprocess.run([*command, "--json", *target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run


@pytest.fixture(params=TROUBLES)
def trouble_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a service with which something is wrong."""
    with misbehaving(request.param) as url:
        yield url


@pytest.fixture
def lost(trouble_url: str, tmp_path: Path) -> Iterator[seenbefore.Client]:
    """A client of such a service."""
    with contextlib.closing(seenbefore.Client(trouble_url, timeout_s=0.5, spool=tmp_path / "spool.sqlite3")) as client:
        yield client


@contextlib.contextmanager
def misbehaving(how: str) -> Iterator[str]:
    """A server on a free port that does just that."""
    if how == "dead port":
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(how, over))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[seenbefore.Client]:
    """A client of a service that never answers; half a second is waited for it."""
    with (
        misbehaving("hangs") as url,
        contextlib.closing(seenbefore.Client(url, timeout_s=0.5, spool=tmp_path / "spool.sqlite3")) as client,
    ):
        yield client


def scaled(memory: seenbefore.Client, place: dict[str, str], folder: Path) -> None:
    """Have a step of a run complete its first sub-task."""
    run = memory.run(place["pipeline"], run_id=place["run_id"])
    with run, run.step(place["step"], owner="agent", plan=["scaling", "encoding"]) as step:
        step.sub_task(
            "scaling", inputs=[1], artifact=folder / "scaled.bin", produce=lambda path: Path(path).write_bytes(b"7")
        )
    assert memory.flush(20.0)


SLOWLY = {"incidents": [{"id": "i-1", "attempt": 1, "occurred_at": "2026-11-20T08:15:00+00:00"}]}


@dataclass(frozen=True)
class Page:
    """What docs/integrations says of a host, and the environment in which its program asks the test's service."""

    text: str
    environment: dict[str, str]

    @property
    def program(self) -> str:
        """The page's program, which is to run as it is."""
        return self.text.partition("```python\n")[2].partition("```")[0]

    def run(self, folder: Path, **environment: str) -> str:
        """Run the program in a process of its own in that folder; what it prints."""
        (folder / "program.py").write_text(self.program)
        line, given = [sys.executable, "program.py"], os.environ | self.environment | environment
        done = subprocess.run(line, check=False, cwd=folder, env=given, capture_output=True, text=True, timeout=240)
        assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout


@pytest.fixture
def page(service: Service, tmp_path: Path, request: pytest.FixtureRequest) -> Page:
    """The page of the host that the module tests."""
    name = request.path.stem.removeprefix("test_")
    asked = {"URL": service.url, "WORKSPACE": service.workspace, "SPOOL": str(tmp_path / "spool.sqlite3")}
    text = (ROOT / "docs" / "integrations" / f"{name}.md").read_text()
    return Page(text, {f"SEENBEFORE_{key}": value for key, value in asked.items()})


CANNOT_BE = {
    "decision": {"action": "retry", "retry_delay_s": -1, "max_attempts": "many", "reason": 7},
    "strategy": [],
    "verdict": "certain",
}


def _handler(how: str, over: threading.Event) -> type[BaseHTTPRequestHandler]:
    answers = {
        "stumbles": (500, b"<html>oh no</html>"),
        "talks nonsense": (200, b'{"decision": NaN, "verdi'),
        "answers what cannot be": (200, json.dumps(CANNOT_BE).encode()),
        "is slow": (200, json.dumps(SLOWLY).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if how == "hangs":
                over.wait(60)
                return
            if how == "is slow":
                over.wait(0.7)
            status, body = answers[how]
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
