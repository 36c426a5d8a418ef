"""What every request passes first: a bounded body of sound JSON, and addresses without hostile bytes.

FastAPI reads bodies with `json`, which takes NaN, lone surrogates and NUL; PostgreSQL does not. So bodies are checked
here, once for all routes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import response

#: Nesting beyond this is no failure report; `json` itself gives up at about 1,000.
DEEPEST = 50
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
    check_value(parse(body))


def parse(body: bytes) -> Any:
    """Strict JSON: no NaN, no lone surrogates, valid UTF-8; raises `Refused`."""
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Refused(400, f"This is not valid JSON: {error}") from None


def check_value(value: Any) -> None:
    """No NUL anywhere, no nesting beyond reason; raises `Refused` with the field's place."""
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting:
        item, place, depth = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise Refused(422, "This holds a NUL character.", field=place or "body")
        elif isinstance(item, (dict, list)):
            if depth >= DEEPEST:
                raise Refused(422, f"This is nested more than {DEEPEST} deep.", field=_shortened(place))
            waiting.extend((child, where, depth + 1) for child, where in _children(item, place))


def _children(item: dict[str, Any] | list[Any], place: str) -> list[tuple[Any, str]]:
    if isinstance(item, list):
        return [(child, f"{place}.{number}") for number, child in enumerate(item)]
    named = [(child, f"{place}.{name}" if place else name) for name, child in item.items()]
    return named + [(name, "body") for name in item]


def _shortened(place: str) -> str:
    return place if len(place) <= 80 else f"{place[:79]}…"
