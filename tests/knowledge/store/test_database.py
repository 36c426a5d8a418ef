"""Connections: errors by their meaning, and life after the server's death."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path

import pytest

from knowledge.errors import InvalidInput, StoreBusy, StoreUnavailable
from knowledge.store.database import Connection, Database
from knowledge.store.embedded import EmbeddedPostgres


async def ping(database: Database) -> None:
    """One round trip."""
    async with database.connection() as connection:
        await connection.execute("SELECT 1")


async def test_recovers_when_the_server_is_back(tmp_path: Path) -> None:
    """While it is away the answer is quick and clear; once it is back, no idle connection gives its death away."""
    server = EmbeddedPostgres(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        async with Database(server.url, min_size=3, timeout_s=0.3) as database:
            await ping(database)
            os.kill(server.pid or 0, signal.SIGKILL)
            await asyncio.to_thread(_wait_for_the_end, server)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await ping(database)
            assert time.monotonic() - began < 2
            await asyncio.to_thread(server.start)
            await _until_it_answers(database)
            for _ in range(5):
                await ping(database)
    finally:
        await asyncio.to_thread(server.stop)


def _wait_for_the_end(server: EmbeddedPostgres) -> None:
    while server.is_alive:
        time.sleep(0.01)


async def _until_it_answers(database: Database) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return await ping(database)
        except StoreUnavailable:
            assert time.monotonic() < deadline, "it did not recover"
            await asyncio.sleep(0.02)


async def test_restart_between_two_requests_is_not_noticed(tmp_path: Path) -> None:
    """Idle connections to a server that ended are found dead without asking them, and replaced."""
    server = EmbeddedPostgres(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        async with Database(server.url) as database:
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)

            await ping(database)
    finally:
        await asyncio.to_thread(server.stop)


async def test_open_without_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there."""
    monkeypatch.setattr("knowledge.store.database.CONNECT_TIMEOUT_S", 1)
    database = Database("postgresql://127.0.0.1:1/nothing", timeout_s=0.1)
    with pytest.raises(StoreUnavailable):
        await database.open()
    await database.close()


async def test_closed_pool_is_unavailable(database: Database) -> None:
    """Requests that arrive during shutdown get the same clear answer."""
    await database.close()
    with pytest.raises(StoreUnavailable):
        await ping(database)


async def sleep(database: Database, seconds: float) -> None:
    """A statement that takes so long."""
    async with database.connection() as connection:
        await connection.execute("SELECT pg_sleep(%s)", (seconds,))


async def test_statement_that_takes_long_is_no_absence(database_url: str) -> None:
    """Nor is waiting for the only connection, as long as the server answers."""
    async with Database(database_url, min_size=1, max_size=1) as database:
        await asyncio.gather(sleep(database, 1.5), sleep(database, 0.1), ping(database))


async def test_queue_has_an_end(database_url: str) -> None:
    """Who has waited long enough is told that there is too much to do, not that nobody is there."""
    async with Database(database_url, min_size=1, max_size=1, timeout_s=0.7) as database:
        long = asyncio.create_task(sleep(database, 1.5))
        await asyncio.sleep(0.1)
        with pytest.raises(StoreBusy):
            await ping(database)
        busy_but_there = await database.answers()
        await long
        await ping(database)

        assert busy_but_there


async def test_server_that_hangs_is_left_alone(tmp_path: Path) -> None:
    """Statements under way and requests in the queue end within two seconds, later ones at once, until it is back."""
    server = EmbeddedPostgres(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        async with Database(server.url, min_size=1, max_size=2) as database:
            await ping(database)
            with _stopped(server):
                first = await _timed(*(ping(database) for _ in range(6)))
                later = await _timed(*(ping(database) for _ in range(6)))
                answered = await database.answers()
            began = time.monotonic()
            await _until_it_answers(database)
            recovery = time.monotonic() - began
    finally:
        await asyncio.to_thread(server.stop)

    assert first < 2
    assert later < 0.05
    assert recovery < 5
    assert not answered


@contextlib.contextmanager
def _stopped(server: EmbeddedPostgres) -> Iterator[None]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    processes = [server.pid or 0, *map(int, children)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def _timed(*attempts: Coroutine[None, None, None]) -> float:
    """How long it takes until all have failed, in seconds."""
    began = time.monotonic()
    ends = await asyncio.gather(*attempts, return_exceptions=True)
    assert {StoreUnavailable} == {type(end) for end in ends}
    return time.monotonic() - began


async def test_value_that_postgres_cannot_store_is_invalid_input(database: Database) -> None:
    """NUL, lone surrogates and numbers too large are the caller's doing; the message does not repeat them."""
    for value in ("sword\x00fish", "sword\ud800fish"):
        with pytest.raises(InvalidInput) as caught:
            async with database.connection() as connection:
                await connection.execute("SELECT %s::text", (value,))
        assert ("sword" in str(caught.value), None) == (False, caught.value.__cause__)


async def test_transaction_is_undone_by_an_exception(database: Database, connection: Connection) -> None:
    """All or nothing."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as inside:
            await inside.execute("INSERT INTO workspaces (name) VALUES ('gone')")
            raise ZeroDivisionError
    found = await connection.execute("SELECT count(*) FROM workspaces WHERE name = 'gone'")

    assert (0,) == await found.fetchone()
