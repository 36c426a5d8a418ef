"""Connections to PostgreSQL: a pool that fails fast while the server is away and recovers when it is back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from knowledge.errors import StoreBusy
from knowledge.store.errors import translated
from knowledge.store.watch import Said, Watch, WatchedConnection

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 5
# With attempts at 0, 1 and 3 s and then afresh with the next request, a server that is back is found within seconds.
RECONNECT_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_MS = 60_000
#: Reads after which the end of a connection is seen: its notices and its error, then the end itself.
LAST_WORDS = 3
# What was sent and is not acknowledged for so long was sent to nobody: a route that drops packets without a word.
UNACKNOWLEDGED_MS = 10_000


@dataclass(frozen=True, slots=True)
class Load:
    """Connections of the pool, and requests that wait for one."""

    connections: int
    waiting: int


class Database:
    """A pool over one database URL. Every error comes out as one of `knowledge.errors`.

    While the server answers, requests queue for a connection for up to `timeout_s`; `StoreBusy` is raised after that.
    Once it is known to be away, which takes about a second, they get `StoreUnavailable` at once.
    """

    def __init__(self, url: str, *, min_size: int = 2, max_size: int = 10, timeout_s: float = 10.0) -> None:
        self._watch = Watch(url, reconnected=self._reconnected)
        self._pool: AsyncConnectionPool[WatchedConnection] = AsyncConnectionPool(
            url,
            connection_class=WatchedConnection,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout_s,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            open=False,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "tcp_user_timeout": UNACKNOWLEDGED_MS,
                "application_name": "seenbefore",
            },
            configure=self._configure,
            name="seenbefore",
        )

    async def open(self) -> None:
        """Connect; raises `StoreUnavailable` when the server does not answer in time."""
        with translated():
            await self._pool.open(wait=True, timeout=CONNECT_TIMEOUT_S)
        self._watch.start()

    async def close(self) -> None:
        """Close all connections."""
        await self._watch.stop()
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection where every statement is its own transaction: one round trip each."""
        with translated():
            connection = await self._taken()
            try:
                yield connection
            finally:
                if connection.closed:
                    self._watch.lost()
                await self._pool.putconn(connection)

    @contextlib.asynccontextmanager
    async def given(self, connection: Connection | None) -> AsyncIterator[Connection]:
        """The caller's own connection where there is one, with the transaction it is in; else one as above."""
        if connection is not None:
            yield connection
            return
        async with self.connection() as taken:
            yield taken

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, undone by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def answers(self) -> bool:
        """Whether the server answers within half a second, however busy the connections are."""
        return not self._watch.away and await self._watch.ask() is Said.ANSWERS

    def load(self) -> Load:
        """How much it has to do."""
        told = self._pool.get_stats()
        return Load(connections=told.get("pool_size", 0), waiting=told.get("requests_waiting", 0))

    @property
    def is_at_leisure(self) -> bool:
        """Whether the server answers, as far as is known, and no connection has anything to do."""
        told = self._pool.get_stats()
        return not self._watch.away and 0 < told.get("pool_size", 0) == told.get("pool_available", 0)

    async def _taken(self) -> WatchedConnection:
        async with self._watch.waiting():
            try:
                return await self._live_connection()
            except PoolTimeout:
                raise StoreBusy() from None

    async def _reconnected(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):  # of the pool: too late, or closed
            await self._pool.putconn(await self._live_connection(timeout_s=RECONNECT_TIMEOUT_S))
            return True
        return False

    async def _live_connection(self, *, timeout_s: float | None = None) -> WatchedConnection:
        while True:
            connection = await self._pool.getconn(timeout_s)
            if not _is_lost(connection):
                return connection
            self._watch.lost()
            # The pool puts a new connection in the place of one that comes back closed.
            await connection.close()
            await self._pool.putconn(connection)

    async def _configure(self, connection: WatchedConnection) -> None:
        connection.watch = self._watch
        set_json_loads(orjson.loads, context=connection)
        await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}".encode())


def _is_lost(connection: Connection) -> bool:
    """A server that ended left an end of file on the idle socket: seen without a round trip."""
    if connection.closed:
        return True
    try:
        # Its last words come first, then the end. Reading does not block, and unlike asking whether there is something
        # to read it keeps the interpreter's lock, for which the embedding would make this wait.
        for _ in range(LAST_WORDS):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False
