"""Connections to PostgreSQL: a pool that fails fast when the server is gone and recovers when it is back."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self, TypeAlias

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from knowledge.store.errors import translated

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 5
# With attempts at 0, 1 and 3 s and then afresh with the next request, a server that is back is found within seconds.
RECONNECT_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_MS = 60_000


class Database:
    """A pool over one database URL. Every error comes out as one of `knowledge.errors`."""

    def __init__(self, url: str, *, min_size: int = 2, max_size: int = 10, timeout_s: float = 2.0) -> None:
        self._timeout_s = timeout_s
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout_s,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            open=False,
            kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S, "application_name": "seenbefore"},
            configure=_configure,
            name="seenbefore",
        )

    async def open(self) -> None:
        """Connect; raises `StoreUnavailable` when the server does not answer in time."""
        with translated():
            await self._pool.open(wait=True, timeout=max(self._timeout_s, CONNECT_TIMEOUT_S))

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection where every statement is its own transaction: one round trip each."""
        with translated():
            connection = await self._live_connection()
            try:
                yield connection
            finally:
                await self._pool.putconn(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, undone by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def ping(self) -> None:
        """One round trip; raises `StoreUnavailable` when there is no answer."""
        async with self.connection() as connection:
            await connection.execute(b"SELECT 1")

    async def _live_connection(self) -> Connection:
        while True:
            connection = await self._pool.getconn()
            if not _is_lost(connection):
                return connection
            # The pool puts a new connection in the place of one that comes back closed.
            await connection.close()
            await self._pool.putconn(connection)


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, context=connection)
    await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}".encode())


def _is_lost(connection: Connection) -> bool:
    """A server that ended left an end of file on the idle socket: seen without a round trip."""
    if connection.closed:
        return True
    poll = select.poll()  # unlike select(), not limited to descriptors below 1,024
    poll.register(connection.fileno(), select.POLLIN)
    try:
        # Its last words come first, then the end: read until there is nothing, or nothing more.
        while poll.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False
