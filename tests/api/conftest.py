"""The real service, once a session: embedded PostgreSQL, Qdrant Edge, the model, and the app on a loopback port.

What takes long is made once a machine and kept below the temporary folder: the OpenVINO copy of the model with its
vectors of the starter precedents, and a data folder with these indexed. The former are made anew whenever the code that
embeds changes, the latter whenever the code or the data of `knowledge` do. Services and tests work on copies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import uvicorn

from api.app import make_app
from api.auth import Gate
from api.composition import build, running
from api.settings import Settings
from knowledge.embedding import load_embedder
from knowledge.model_folder import DEFAULT_MODEL

START_LIMIT_S = 120.0
KEPT_S = 3600.0
KNOWLEDGE = Path(__file__).parents[2] / "knowledge"
#: What makes the model's copy and its vectors.
EMBEDDING = ("embedding.py", "model_folder.py", "openvino_copy.py", "adapter", "starter/vectors.py")


@dataclass(frozen=True)
class RunningService:
    """Where a service answers, and the data folder it runs on."""

    url: str
    data: Path


@pytest.fixture(scope="session")
def kept() -> Path:
    """Where things are kept from session to session."""
    folder = Path(tempfile.gettempdir()) / f"seenbefore-tests-{os.geteuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def models(kept: Path) -> Path:
    """A folder with the OpenVINO copy of the model, and with the vectors that services keep there."""
    folder = kept / f"models-{_version_of(*(KNOWLEDGE / name for name in EMBEDDING))}"
    with _alone(kept):
        if not folder.exists():
            _forget_old(kept, "models-*")
            folder.mkdir()
        load_embedder(DEFAULT_MODEL, cache=folder).close()
        os.utime(folder)  # in use: no other run, of another version, removes it
    return folder


@pytest.fixture(scope="session")
def filled(kept: Path, models: Path) -> Path:
    """A data folder of a service that has loaded and indexed the starter precedents and was stopped."""
    folder = kept / f"data-{_version_of(KNOWLEDGE)}"
    with _alone(kept):
        if not folder.exists():
            _forget_old(kept, "data-*")
            draft = kept / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            (draft / "models").symlink_to(models)
            asyncio.run(_fill(Settings(data=draft)))
            draft.rename(folder)
        os.utime(folder)
    return folder


@pytest.fixture(scope="session")
def new_data(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a data folder of a test's own, with the starter precedents indexed."""
    numbers = count(1)

    def make() -> Path:
        folder = tmp_path_factory.mktemp("data") / str(next(numbers))
        # With owners: where root runs the tests, the server's files belong to another account.
        subprocess.run(["cp", "-a", filled, folder], check=True)
        return folder

    return make


@pytest.fixture(scope="session")
def service(new_data: Callable[[], Path]) -> Iterator[RunningService]:
    """A running service with its data folder; authentication is off. Tests keep apart by workspace."""
    data = new_data()
    with running_service(Settings(data=data)) as url:
        yield RunningService(url=url, data=data)


@pytest.fixture(scope="session")
def service_url(service: RunningService) -> str:
    """The address of the session's service."""
    return service.url


@contextlib.contextmanager
def running_service(settings: Settings) -> Iterator[str]:
    """The service of these settings on a free port, in a thread with an event loop of its own."""
    started, stop, problems = threading.Event(), threading.Event(), list[BaseException]()
    # Named as TCP, as in `serve`: else the event loop leaves Nagle's algorithm on, and many an answer waits for 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        async def serve() -> None:
            async with build(settings) as parts, running(parts):
                app = make_app(parts, gate=Gate(parts.database, open=True))
                server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
                task = asyncio.create_task(server.serve(sockets=[listener]))
                started.set()
                await asyncio.to_thread(stop.wait)
                server.should_exit = True
                await task

        def work() -> None:
            try:
                asyncio.run(serve())
            except BaseException as error:
                problems.append(error)
            finally:
                started.set()

        thread = threading.Thread(target=work, name="service")
        thread.start()
        try:
            assert started.wait(START_LIMIT_S), "the service has not started in time"
            if problems:
                raise problems[0]
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


async def _fill(settings: Settings) -> None:
    async with build(settings) as parts:
        await parts.indexer.drain()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One worker of a test run at a time."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old(kept: Path, names: str) -> None:
    for old in kept.glob(names):
        if time.time() - old.stat().st_mtime > KEPT_S:  # not one that another test run copies just now
            shutil.rmtree(old)


def _version_of(*places: Path) -> str:
    """Of the code and the data in those files and folders."""
    digest = hashlib.sha256()
    for path in sorted(file for place in places for file in (place.rglob("*") if place.is_dir() else [place])):
        if path.suffix in (".py", ".sql", ".toml", ".safetensors"):
            digest.update(str(path.relative_to(KNOWLEDGE)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
