"""Reaching the parts from outside the service: for commands that look after it, whether it runs or not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from api.composition import open_store
from api.settings import Settings
from knowledge.errors import DataFolderInUse, StoreUnavailable
from knowledge.store.database import Database
from knowledge.store.embedded import DATABASE, USER, EmbeddedPostgres
from knowledge.store.endpoint import Endpoint
from knowledge.store.migrate import current_revision
from knowledge.store.migrations import head
from knowledge.store.postmaster import PID_FILE, read_status

#: A service that has just taken the folder needs a moment before its server answers; one that makes a cluster, more.
START_LIMIT_S = 30.0
POLL_S = 0.1
PORT_LINE, SOCKET_LINE, ADDRESS_LINE = 3, 4, 5


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store to work on. `shared` says that a running service keeps the server, and goes on using it."""

    database: Database
    shared: bool


@contextlib.asynccontextmanager
async def open_store_beside(settings: Settings, *, say: Callable[[str], None]) -> AsyncIterator[OpenStore]:
    """The store of these settings: by its URL, from the running service's server, or started and stopped here.

    Raises `StoreUnavailable` when it cannot be reached.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            _, database = await open_store(settings, stack=stack, say=say)
            shared = settings.database_url is not None
        except DataFolderInUse:
            url = await asyncio.to_thread(attach, postgres_folder(settings))
            database, shared = await stack.enter_async_context(Database(url)), True
        yield OpenStore(database, shared=shared)


@contextlib.contextmanager
def server_beside(settings: Settings) -> Iterator[str]:
    """The URL of the store of these settings, as it is: its schema is not brought up to date (blocking).

    Raises `StoreUnavailable` when it cannot be reached.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = EmbeddedPostgres(settings.data / "postgres", bin_dir=settings.postgres_bin)
    try:
        server.start()
    except DataFolderInUse:
        yield wait_for_server(postgres_folder(settings))
        return
    try:
        yield server.url
    finally:
        server.stop()


def postgres_folder(settings: Settings) -> Path:
    """The embedded server's folder, as the server itself names it."""
    return (settings.data / "postgres").expanduser().resolve()


def attach(folder: Path, *, limit_s: float = START_LIMIT_S) -> str:
    """The URL of the server that a running service keeps over a folder, once its schema is this program's (blocking).

    Raises `StoreUnavailable` when it is not ready in time, or has another version's schema.
    """
    url = wait_for_server(folder, limit_s=limit_s)
    deadline = time.monotonic() + limit_s
    while (found := current_revision(url)) != head():
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"The running service's database is at revision {found}, this program knows {head()}: "
                "restart the service with this version."
            )
        time.sleep(POLL_S)
    return url


def wait_for_server(folder: Path, *, limit_s: float = START_LIMIT_S) -> str:
    """The URL of the server that a running service keeps over a folder (blocking).

    Raises `StoreUnavailable` when it is not ready in time.
    """
    deadline = time.monotonic() + limit_s
    while (url := running_url(folder)) is None:
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"A service has the data folder {folder.parent}, but its PostgreSQL is not ready.")
        time.sleep(POLL_S)
    return url


def running_url(folder: Path) -> str | None:
    """The URL of the server over a folder, from what the server wrote about itself; nothing while it is not ready."""
    status = read_status(folder / "cluster")
    if status is None or status[1] != "ready":
        return None
    lines = (folder / "cluster" / PID_FILE).read_text().splitlines()
    host = lines[SOCKET_LINE].strip() or lines[ADDRESS_LINE].strip()
    endpoint = Endpoint(host=host, port=int(lines[PORT_LINE]))
    return endpoint.url(user=USER, database=DATABASE, passfile=folder / "passfile")
