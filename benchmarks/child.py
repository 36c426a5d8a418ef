"""A `seenbefore serve` of the benchmark's own: started on a free port in a temporary folder, ended by its id."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge.index import compaction
from knowledge.store.postmaster import read_status, stop_leftover

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 600.0
STOP_LIMIT_S = 90.0
POLL_S = 0.1
_LISTENING = re.compile(r"listening on (http://\S+)")


class ServiceFailed(Exception):
    """The service did not start, or ended on its own."""


@dataclass(frozen=True)
class Child:
    """A running service: where it answers, its process, its data."""

    address: str
    process: subprocess.Popen[bytes]
    data: Path

    @property
    def postgres_pid(self) -> int | None:
        """The process id of its PostgreSQL."""
        status = read_status(self.data / "postgres" / "cluster")
        return status[0] if status else None

    def points_in_graph(self) -> int:
        """How many points of the index the last optimizing covered."""
        folders = [folder for folder in (self.data / "qdrant").iterdir() if folder.is_dir()]
        return max((compaction.graphed_points(compaction.current_generation(folder)) for folder in folders), default=0)


@contextmanager
def serving() -> Iterator[Child]:
    """Start, and end it whatever happens. Raises `ServiceFailed` with the end of its log."""
    with tempfile.TemporaryDirectory(prefix="seenbefore-latency-") as folder:
        data, log = Path(folder) / "data", Path(folder) / "serve.log"
        command = [sys.executable, "-m", "api", "serve", "--host", "127.0.0.1", "--port", "0", "--data", str(data)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            yield Child(_address(process, log), process, data)
        finally:
            _end(process)
            stop_leftover(data / "postgres" / "cluster")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(POLL_S)
    raise ServiceFailed(f"The service does not start: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
