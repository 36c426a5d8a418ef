"""What was just done, told once, on the page that comes next.

It goes by a cookie of that one page, for a link cannot bring one along: an address that says “Corrected” says so to
everybody who follows it, though nothing was.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from api.web.in_place import sent_on

COOKIE = "seenbefore_told"
#: A page comes sooner than that.
LASTS_S = 60


def led_to(request: Request, address: str, *, telling: str) -> Response:
    """The way to a page that tells what was done: a name in the page's own table of texts."""
    answer = sent_on(request, address)
    path = urlsplit(address).path
    answer.set_cookie(COOKIE, telling, max_age=LASTS_S, path=path, httponly=True, samesite="strict")
    return answer


def told(request: Request) -> str:
    """The name of what was done; empty where nothing was."""
    return request.cookies.get(COOKIE, "")


def forget(request: Request, answer: Response) -> None:
    """Tell it no second time."""
    if COOKIE in request.cookies:
        answer.delete_cookie(COOKIE, path=request.url.path, httponly=True, samesite="strict")
