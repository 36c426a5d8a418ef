"""What every request passes first: a host that is ours, a bounded body of sound JSON, addresses without hostile bytes.

FastAPI reads bodies with `json`, which takes NaN, lone surrogates and NUL; PostgreSQL does not. So bodies are checked
here, once for all routes. A large one is work: it is done for those alone who may ask, and in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Gate
from api.problems import Problem, response
from ingest import strict_json
from knowledge.errors import StoreUnavailable

#: These bound and check their bodies themselves.
STREAMED = frozenset({"/incidents/import", "/v1/logs", "/v1/traces"})
#: Exporters pack what they send, and these unpack it; elsewhere a packed body would be told to be no JSON.
UNPACKING = frozenset({"/v1/logs", "/v1/traces"})
#: These say in their own protocol what is wrong with a message, so that whoever sent it is told.
SPOKEN = frozenset({"/mcp", "/mcp/"})
#: Below these, forms are sent instead of JSON.
FORMS = ("/ui/",)
FORM_TYPES = frozenset({b"application/x-www-form-urlencoded", b"multipart/form-data"})
#: Below these, each request proves whence it comes (a signature, a token) before its body is read as anything, and
#: comes from outside by any name: no page of a browser's can make one.
PROVEN = ("/chat/", "/doors/sentry", "/doors/github")
#: What this machine calls itself.
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
#: Of a body that is too large or packed, so much is read and dropped behind the refusal: a client that writes on sees
#: its connection reset otherwise, and not why.
MOST_DROPPED = 200_000_000
DROPPING_S = 30.0
#: Bodies of more bytes than this take longer to check than a thread to be handed them.
LARGE = 50_000

Page = Callable[[Scope, int, str], Response]


class RefusedRequest(Exception):
    """A request that is refused before any route sees it."""

    def __init__(self, status: int, detail: str, *, field: str = "body") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


class Guard:
    """ASGI middleware. `max_body` is in bytes; `host` is the address that the service was told to listen on; `page`
    makes of a refusal what people read, where forms are sent.

    While the gate is open (no API keys), only requests for a name of this machine are taken: a page of another site
    whose name is made to lead here (DNS rebinding) would otherwise read and write with the browser's help.
    """

    def __init__(self, app: ASGIApp, *, max_body: int, gate: Gate, host: str, page: Page | None = None) -> None:
        self._app = app
        self._page = page
        self._max_body = max_body
        self._gate = gate
        self._names = frozenset({*OWN_NAMES, f"[{host}]" if ":" in host else host.lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then hand on a request whose body was read already."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        unread = True
        try:
            self._check_host(scope)
            _check_address(scope)
            writes = scope["method"] in {"POST", "PUT", "PATCH"}
            if writes and scope["path"] not in UNPACKING and not _is_proven(scope):
                _check_encoding(scope)
            if writes and scope["path"] not in STREAMED:
                body = await self._read(scope, receive)
                unread = False
                await self._check_body(scope, body)
                receive = _replay(body, receive)
        except RefusedRequest as refused:
            answer = self._answer(scope, refused)
            # Where nothing is left to come, waiting for more would hold the answer back.
            drops = unread and refused.status in {413, 415}
            await (_dropping(answer) if drops else answer)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _answer(self, scope: Scope, refused: RefusedRequest) -> Response:
        if self._page is not None and _takes_forms(scope):
            return self._page(scope, refused.status, refused.detail)
        return response(refused.status, refused.detail, field=refused.field)

    def _check_host(self, scope: Scope) -> None:
        if not self._gate.open or _is_proven(scope):
            return
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1 or _name_of(given[0]) not in self._names:
            names = ", ".join(sorted(self._names))
            raise RefusedRequest(
                421, f"Without API keys, only requests for these hosts are taken: {names}.", field="Host"
            )

    async def _check_body(self, scope: Scope, body: bytes) -> None:
        if _is_proven(scope):
            return
        if len(body) <= LARGE:
            _check(scope, body)
            return
        if not _takes_forms(scope):
            await self._check_key(scope)
        await asyncio.to_thread(_check, scope, body)

    async def _check_key(self, scope: Scope) -> None:
        """All that takes JSON asks for a key, and would say the same; where PostgreSQL is away it decides."""
        authorization = (_header(scope, b"authorization") or b"").decode("latin-1")
        try:
            if not await self._gate.is_open():
                await self._gate.enter(authorization)
        except Problem as refused:
            raise RefusedRequest(refused.status, refused.detail, field=refused.field or "body") from None
        except StoreUnavailable:
            return

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = _header(scope, b"content-length")
        if declared and (not declared.isdigit() or int(declared) > self._max_body):
            raise RefusedRequest(413, f"A body may have at most {self._max_body} bytes.")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedRequest(400, "The connection ended before the body did.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                raise RefusedRequest(413, f"A body may have at most {self._max_body} bytes.")
            if not message.get("more_body"):
                return b"".join(parts)


def _dropping(answer: Response) -> ASGIApp:
    """Answer at once, then read and drop what the client still writes, up to a bound, and close the connection."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*answer.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        if _header(scope, b"expect") is None:  # a client that asks before it writes has its answer
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DROPPING_S):
                    await _drop(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return refuse


async def _drop(receive: Receive) -> None:
    dropped = 0
    while dropped < MOST_DROPPED:
        message = await receive()
        dropped += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _name_of(host: bytes) -> str | None:
    """The name in a `Host` header, in small letters and without its port; None where that is no port."""
    text = host.decode("latin-1").strip().lower()
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text
    return name if not port or port.isdecimal() else None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


def _check_address(scope: Scope) -> None:
    for name, raw in (("path", scope.get("raw_path") or b""), ("query", scope.get("query_string") or b"")):
        decoded = unquote_to_bytes(raw.replace(b"+", b" "))
        if b"\0" in decoded:
            raise RefusedRequest(422, f"The {name} holds a NUL character.", field=name)
        try:
            decoded.decode("utf-8")
        except UnicodeDecodeError:
            raise RefusedRequest(400, f"The {name} is not valid UTF-8.", field=name) from None
    if b"%2f" in (scope.get("raw_path") or b"").lower():
        raise RefusedRequest(422, "A name in the path holds a slash (%2F), which parts names here.", field="path")


def _check_encoding(scope: Scope) -> None:
    given = (_header(scope, b"content-encoding") or b"").strip().lower()
    if given not in {b"", b"identity"}:
        raise RefusedRequest(415, "Send the body as it is, without Content-Encoding.", field="Content-Encoding")


def _is_proven(scope: Scope) -> bool:
    return str(scope["path"]).startswith(PROVEN)


def _check(scope: Scope, body: bytes) -> None:
    (_check_form if _takes_forms(scope) else _check_json)(scope, body)


def _takes_forms(scope: Scope) -> bool:
    return str(scope["path"]).startswith(FORMS)


def _check_form(scope: Scope, body: bytes) -> None:
    if not body:
        return
    kind = _media_type(scope)
    if kind not in FORM_TYPES:
        raise RefusedRequest(415, "Send a form.", field="Content-Type")
    if kind == b"application/x-www-form-urlencoded":
        body = unquote_to_bytes(body.replace(b"+", b" "))
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedRequest(400, "The form is not valid UTF-8.") from None


def _media_type(scope: Scope) -> bytes:
    return (_header(scope, b"content-type") or b"").split(b";")[0].strip().lower()


def _check_json(scope: Scope, body: bytes) -> None:
    if not body:
        return
    kind = _media_type(scope)
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise RefusedRequest(415, "Send application/json.", field="Content-Type")
    if scope["path"] in SPOKEN:
        return
    try:
        strict_json.loads(body)
    except strict_json.Malformed as error:
        raise RefusedRequest(400, str(error)) from None
    except strict_json.TooMany as error:
        raise RefusedRequest(413, str(error)) from None
    except strict_json.Unfit as error:
        raise RefusedRequest(422, str(error), field=error.field) from None
