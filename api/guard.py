"""What every request passes first: a bounded body of sound JSON, and addresses without hostile bytes.

FastAPI reads bodies with `json`, which takes NaN, lone surrogates and NUL; PostgreSQL does not. So bodies are checked
here, once for all routes.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import response
from ingest import strict_json

STREAMED = frozenset({"/incidents/import"})


class Refused(Exception):
    """A request that is refused before any route sees it."""

    def __init__(self, status: int, detail: str, *, field: str = "body") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


class Guard:
    """ASGI middleware. `max_body` is in bytes."""

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then hand on a request whose body was read already."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_address(scope)
            if scope["method"] in {"POST", "PUT", "PATCH"} and scope["path"] not in STREAMED:
                body = await self._read(scope, receive)
                _check_json(scope, body)
                receive = _replay(body, receive)
        except Refused as refused:
            await response(refused.status, refused.detail, field=refused.field)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = _header(scope, b"content-length")
        if declared and (not declared.isdigit() or int(declared) > self._max_body):
            raise Refused(413, f"A body may have at most {self._max_body} bytes.")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The connection ended before the body did.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                raise Refused(413, f"A body may have at most {self._max_body} bytes.")
            if not message.get("more_body"):
                return b"".join(parts)


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
            raise Refused(422, f"The {name} holds a NUL character.", field=name)
        try:
            decoded.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(400, f"The {name} is not valid UTF-8.", field=name) from None


def _check_json(scope: Scope, body: bytes) -> None:
    if not body:
        return
    kind = (_header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise Refused(415, "Send application/json.", field="Content-Type")
    try:
        strict_json.loads(body)
    except strict_json.Malformed as error:
        raise Refused(400, str(error)) from None
    except strict_json.Unfit as error:
        raise Refused(422, str(error), field=error.field) from None
