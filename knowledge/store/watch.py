"""Whether PostgreSQL answers, so that nobody waits for one that does not.

A server can be away without any connection's end: its processes are stopped, its machine is cut off. Then statements
hang. One that takes long says little (it may be large, or wait for a lock), so it only raises the suspicion, and only
where no other statement ends meanwhile: the server is then asked on a fresh connection, and one that stays silent there
is away. Every statement under way ends at once, further ones are not begun, and the server is asked until it answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from enum import Enum, auto
from typing import Any

from psycopg import AsyncConnection, Error
from psycopg.abc import RV, PQGen

from knowledge.errors import StoreUnavailable
from knowledge.tasks import end

#: How often what is under way is looked at, and after how long without any answer it is suspicious.
LOOK_EVERY_S, SUSPICIOUS_S = 0.1, 0.5
#: A question's patience, in steps: a loop that is busy comes round that often, and hears what was answered meanwhile.
STEP_S, STEPS = 0.05, 10
#: From question to question while the server is away.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0


log = logging.getLogger(__name__)


class Said(Enum):
    """What came of a question."""

    ANSWERS = auto()
    REFUSES = auto()
    SILENT = auto()


class WatchedConnection(AsyncConnection[tuple[Any, ...]]):
    """A connection every round trip of which is watched once it has a watch."""

    watch: Watch | None = None

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - as psycopg has it
    ) -> RV:
        """Every round trip passes here."""
        if self.watch is None:
            return await super().wait(gen, interval, timeout)
        with self.watch.statement(self):
            return await super().wait(gen, interval, timeout)


class Watch:
    """Over one server. `away` says that it does not answer; `reconnected` whether connections are to be had again."""

    def __init__(self, url: str, *, reconnected: Callable[[], Awaitable[bool]]) -> None:
        self.away = False
        self._url = url
        self._reconnected = reconnected
        # Both in the order in which they began.
        self._statements: dict[WatchedConnection, float] = {}
        self._waiting: dict[asyncio.Timeout, float] = {}
        self._answered = 0.0
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; `stop` ends it."""
        self._task = asyncio.create_task(self._work(), name="store watch")

    async def stop(self) -> None:
        """End, and let go of who waits."""
        if self._task is not None:
            await end([self._task])

    @contextlib.contextmanager
    def statement(self, connection: WatchedConnection) -> Iterator[None]:
        """A statement is under way on this connection."""
        loop = asyncio.get_running_loop()
        self._statements[connection] = loop.time()
        try:
            yield
            self._answered = loop.time()
        finally:
            self._statements.pop(connection, None)

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Somebody waits for a connection; raises `StoreUnavailable` as soon as the server is known to be away."""
        if self.away:
            raise StoreUnavailable("PostgreSQL does not answer.")
        try:
            async with asyncio.timeout(None) as woken:
                self._waiting[woken] = asyncio.get_running_loop().time()
                try:
                    yield
                finally:
                    del self._waiting[woken]
        except TimeoutError:
            raise StoreUnavailable("PostgreSQL does not answer.") from None

    def lost(self) -> None:
        """A connection has ended by itself: look at once."""
        self._lost.set()

    async def ask(self) -> Said:
        """Ask the server something, on a connection of its own."""
        made: list[WatchedConnection] = []
        question = asyncio.create_task(_question(self._url, made))
        try:
            for _ in range(STEPS):
                await asyncio.wait({question}, timeout=STEP_S)
                if question.done():
                    return Said.REFUSES if question.exception() else Said.ANSWERS
            return Said.SILENT
        finally:
            if not question.done():
                _give_up(question, made)

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._lost.wait()
            lost = self._lost.is_set()
            self._lost.clear()
            if lost or self._suspicious():
                await self._settle(lost=lost)

    def _suspicious(self) -> bool:
        now = asyncio.get_running_loop().time()
        oldest = (next(iter(began.values()), now) for began in (self._statements, self._waiting))
        return now - max(min(oldest), self._answered) > SUSPICIOUS_S

    async def _settle(self, *, lost: bool) -> None:
        said = await self.ask()
        self._answered = asyncio.get_running_loop().time()  # looked into; not again before it is suspicious anew
        # A server with too many clients refuses a question, and works on for those who have a connection.
        if said is Said.REFUSES and not lost and not self._waiting:
            return
        if said is not Said.ANSWERS:
            self._fall(said)
            log.warning("PostgreSQL is away: it %s", "is silent" if said is Said.SILENT else "takes no connection")
            await self._until_it_is_back()
            log.warning("PostgreSQL answers again")

    async def _until_it_is_back(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            if (said := await self.ask()) is not Said.ANSWERS:
                self._fall(said)
            elif await self._reconnected():
                self.away = False
                return

    def _fall(self, said: Said) -> None:
        self.away = True
        now = asyncio.get_running_loop().time()
        for woken in self._waiting:
            woken.reschedule(now)
        if said is Said.SILENT:
            for connection in self._statements:
                _sever(connection)


async def _question(url: str, made: list[WatchedConnection]) -> None:
    connection = await WatchedConnection.connect(url, autocommit=True, application_name="seenbefore watch")
    made.append(connection)
    try:
        await connection.execute(b"SELECT 1")
    finally:
        await connection.close()


def _give_up(question: asyncio.Task[None], made: list[WatchedConnection]) -> None:
    question.add_done_callback(lambda done: done.cancelled() or done.exception())
    if made:
        _sever(made[0])
    else:
        question.cancel()


def _sever(connection: WatchedConnection) -> None:
    """End a connection from this side: who waits on it gets an error at once.

    A cancellation would not do: psycopg then asks the server to end the statement, and waits for that.
    """
    with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
