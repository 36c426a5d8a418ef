"""The service as a process of its own, which can be killed as a machine's end would end it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from api.admin import postgres_folder, running_url
from api.settings import Settings
from knowledge.store.postmaster import read_status

START_LIMIT_S = 120.0
LISTENING = "listening on "
T = TypeVar("T")


@dataclass
class ServiceProcess:
    """`seenbefore serve` over a data folder; `log` is all that it says."""

    process: subprocess.Popen[bytes]
    data: Path
    log: Path
    url: str

    def client(self, workspace: str, *, timeout: float = 30.0, **headers: str) -> httpx.Client:
        """A client in a workspace."""
        return httpx.Client(base_url=self.url, headers={"X-Workspace": workspace, **headers}, timeout=timeout)

    def crowd(self, workspace: str) -> httpx.AsyncClient:
        """A client that asks many things at once."""
        return httpx.AsyncClient(base_url=self.url, headers={"X-Workspace": workspace}, timeout=30.0)

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    @property
    def postmaster(self) -> int:
        """The process id of its PostgreSQL."""
        status = read_status(postgres_folder(Settings(data=self.data)) / "cluster")
        assert status is not None
        return status[0]

    @property
    def database_url(self) -> str:
        """Where its PostgreSQL answers."""
        url = running_url(postgres_folder(Settings(data=self.data)))
        assert url is not None
        return url


def start(data: Path, *, port: int = 0, **environment: str) -> ServiceProcess:
    """Start the service, on a free port where none is named, and wait until it listens."""
    number = len(list(data.glob("service-*.log")))
    log = data / f"service-{number}.log"
    command = [sys.executable, "-m", "api", "serve", "--port", str(port), "--data", str(data)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=clean | environment)
    try:
        url = wait_for(lambda: _address(process, log), limit_s=START_LIMIT_S)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return ServiceProcess(process=process, data=data, log=log, url=url)


@contextlib.contextmanager
def started(data: Path, *, port: int = 0, **environment: str) -> Iterator[ServiceProcess]:
    """The same, and stop it at the end if nobody has ended it."""
    service = start(data, port=port, **environment)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    said = log.read_text(errors="replace")
    assert process.poll() is None, said
    return said.partition(LISTENING)[2].split(" ")[0].rstrip(";") if LISTENING in said else None


def wait_for(look: Callable[[], T | None], *, limit_s: float = 60.0) -> T:
    """What `look` finds, once it finds something that is true."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{look} has found nothing in {limit_s:.0f} s")
