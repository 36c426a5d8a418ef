"""`/mcp`: the tools over streamable HTTP, for whoever the HTTP API takes.

Each request stands alone (stateless), so that any replica answers it. Who may ask is decided before the SDK reads
anything: the guard has checked the host while there are no API keys, and here the key opens its workspace.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from api import origins
from api.agents.direct import Direct
from api.agents.reading import readable
from api.auth import Entered
from api.composition import Parts
from api.context import entered_of
from api.problems import Problem
from ingest.strict_json import TooMany

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

#: Agents' hosts write either.
PATHS = ("/mcp", "/mcp/")
MISSING = "The door for agents needs the extra `mcp`: pip install 'seenbefore-server[mcp]'"
#: Where a request carries its respondent.
RESPONDENT = "seenbefore.respondent"


def install(app: FastAPI) -> None:
    """Add the door."""
    door = Door(app.state.parts)
    app.state.agents = door
    app.router.routes.extend(_Route(path, endpoint=door, include_in_schema=False) for path in PATHS)


class _Route(Route):
    """Named in the scope, as FastAPI's own are: what watches the service counts requests by it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is this one."""
        match, child = super().matches(scope)
        return match, {**child, "route": self}


class Door:
    """The ASGI app at `/mcp`; without the extra it says what is missing. It answers while `running`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The SDK's own life, within the app's."""
        self._manager = _manager(self._parts)
        if self._manager is None:
            yield
            return
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in whoever may ask."""
        request = Request(scope, receive)
        entered = await _entered(request)
        if self._manager is None:
            raise Problem(501, MISSING)
        _check_origin(request)
        if request.method != "POST":  # there is nothing to listen to, and no session to end
            raise HTTPException(405, "Agents ask by POST here.", headers={"Allow": "POST"})
        scope[RESPONDENT] = Direct(self._parts, workspace=entered.workspace, asker=entered.author)
        body = await asyncio.to_thread(_message, await request.body())
        await self._manager.handle_request(scope, _sending(body, receive), send)


async def _entered(request: Request) -> Entered:
    headers = request.headers
    return await entered_of(request, x_workspace=headers.get("x-workspace"), authorization=headers.get("authorization"))


def _message(body: bytes) -> bytes:
    """The message, as the SDK can read it; a problem for one of too many values (413) and for what is none (400): the
    SDK would quote what was sent."""
    from mcp.types import jsonrpc_message_adapter  # noqa: PLC0415 - of the extra

    try:
        body = readable(body)
        jsonrpc_message_adapter.validate_json(body, by_name=False)
    except TooMany as error:
        raise Problem(413, str(error), field="body") from None
    except ValidationError:
        raise Problem(400, "This is no message of JSON-RPC 2.0.", field="body") from None
    return body


def _sending(body: bytes, receive: Receive) -> Receive:
    """What the app is sent: this body, then what comes after it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def sending() -> Message:
        return next(messages, None) or await receive()

    return sending


def _check_origin(request: Request) -> None:
    """A page of another site asks in nobody's name."""
    if origins.is_another(request.headers.get("origin"), host=request.headers.get("host")):
        raise Problem(403, "Pages of other sites may not ask here.", field="Origin")


def _manager(parts: Parts) -> StreamableHTTPSessionManager | None:
    """None without the extra."""
    try:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: PLC0415 - an extra
        from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415
    except ImportError:
        return None
    from api.agents.server import make_server  # noqa: PLC0415 - imports the extra

    return StreamableHTTPSessionManager(
        make_server(_respondent_of, writes=parts.settings.mcp_writes),
        json_response=True,
        stateless=True,
        # Host and origin are checked already: by the guard, which knows whether there are API keys, and above.
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=parts.settings.max_body_bytes,
    )


def _respondent_of(context: Any) -> Direct:
    respondent: Direct = context.request.scope[RESPONDENT]
    return respondent
