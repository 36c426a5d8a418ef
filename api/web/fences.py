"""What stands around every page: headers that keep foreign scripts out, no writes from other sites, no trackers' marks.

A page needs nothing but what this service sends, so the policy allows nothing else: no inline script or style, no
outside address, no frame. htmx runs under it unchanged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import origins
from api.web.address import without_tracking

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: Pages show what belongs to a workspace: no copy of them stays behind.
UNKEPT = "no-store"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN = "This was sent by a page of another site, and such writes are not taken. Open the page here and try again."

Refusal = Callable[[Scope, int, str], Response]


class Fences:
    """ASGI middleware around the pages."""

    def __init__(self, app: ASGIApp, *, refusal: Refusal) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse writes from elsewhere; leave aside what others added to the link; add the headers to every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["query_string"] = without_tracking(scope.get("query_string", b""))
        foreign = scope["method"] not in READING and is_foreign(Headers(scope=scope))
        app: ASGIApp = self._refusal(scope, 403, FOREIGN) if foreign else self._app
        if scope["method"] == "HEAD":
            app = as_get(app)
        await app(scope, receive, with_headers(send))


def as_get(app: ASGIApp) -> ASGIApp:
    """Answer `HEAD` as `GET` is answered, without the body."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        read = {**scope, "method": "GET"}
        try:
            await app(read, receive, sending)
        finally:  # what is counted and logged goes by the route
            scope.update({name: read[name] for name in ("route", "root_path") if name in read})

    return answering


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site's page sends this.

    Browsers of the last years say so in `Sec-Fetch-Site`; older ones name the page's `Origin`, which must be this host.
    What says neither is no browser, and has no cookie that it was not given.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    return origins.is_another(headers.get("origin"), host=headers.get("host"))


def with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Send, with the headers that every page has."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", UNKEPT)
        await send(message)

    return sending
