"""Listening: the app under uvicorn, between the parts' beginning and end."""

from __future__ import annotations

import contextlib
import errno
import gc
import shlex
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.app import make_app
from api.auth import Gate, any_key
from api.composition import build, running
from api.problems import response
from api.settings import Settings

BACKLOG = 2048
#: Seconds that a connection may idle: longer than callers keep one (our client 30, most proxies 60), so that none ends
#: while somebody sends on it.
KEEP_ALIVE_S = 75
#: Signals that end the service in order.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ServeError(Exception):
    """The service cannot be started."""


async def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve until a signal ends it. Raises `ServeError` with a message for people."""
    listener = _listen(settings)
    try:
        async with build(settings, say=say) as parts:
            guarded = await any_key(parts.database)
            if not guarded and not settings.loopback:
                where = "" if settings.database_url else f" --data {shlex.quote(str(settings.data))}"
                raise ServeError(
                    f"Without API keys the service listens on this machine only, not on {settings.host}. "
                    f"Make a key first: seenbefore keys create --workspace TEAM --name WHO{where}"
                )
            app = make_app(parts, gate=Gate(parts.database, open=not guarded))
            async with running(parts):
                # What was built stays: the collector need not look at it again for every few requests.
                gc.collect()
                gc.freeze()
                server = _Server(
                    uvicorn.Config(
                        app,
                        http=_Protocol,
                        log_config=None,
                        access_log=False,
                        lifespan="on",
                        proxy_headers=False,
                        timeout_keep_alive=KEEP_ALIVE_S,
                    )
                )
                server.announce = lambda: _announce(settings, listener, guarded=guarded, say=say)
                await server.serve(sockets=[listener])
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """Says that it listens once it does, and ends in order whatever signal asked for it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own raises the signal again at the end, which kills the process before PostgreSQL is stopped."""
        before = {each: signal.signal(each, self.handle_exit) for each in STOPPING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    announce: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.announce()


class _Protocol(HttpToolsProtocol):
    """Answers what is no HTTP (a NUL in a header, an address beyond 64 kB) with a problem as well."""

    def send_400_response(self, msg: str) -> None:
        answer = response(400, msg, field="request")
        head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"connection: close\r\n\r\n" + bytes(answer.body))
        self.transport.close()


def _listen(settings: Settings) -> socket.socket:
    """Take the port first: a port that is taken is said before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: 40 ms an answer otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ServeError(f"Port {settings.port} is taken. Choose another: PORT=8001 make serve") from None
        raise ServeError(f"Cannot listen on {settings.host}:{settings.port}: {error}") from None
    return listener


def _announce(settings: Settings, listener: socket.socket, *, guarded: bool, say: Callable[[str], None]) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    key = "-H 'Authorization: Bearer YOUR_KEY' " if guarded else ""
    question = (
        '{"text": "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"}'
    )
    say(f"listening on {address} (data in {settings.data}); the API is described at {address}/docs")
    say(f"ask:  curl -s {address}/advise {key}-H 'Content-Type: application/json' -d {shlex.quote(question)}")
    say(f"look: open {address}/ in a browser and paste an error")
