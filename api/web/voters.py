"""Who votes: the API key, or, while nobody is asked for one, this browser by a cookie of its own."""

from __future__ import annotations

from uuid import uuid4

from fastapi import Request
from starlette.responses import Response

from api.web.visitors import A_YEAR_S, HOME, Visitor

VOTER_COOKIE = "seenbefore_voter"
_LONGEST = 64


def voter_of(request: Request, visitor: Visitor) -> str | None:
    """The voter; None for a browser that has not voted yet."""
    if visitor.key is not None:
        return f"key {visitor.key}"
    known = request.cookies.get(VOTER_COOKIE, "")
    return f"browser {known}" if 0 < len(known) <= _LONGEST else None


def new_voter() -> tuple[str, str]:
    """A voter for a browser, and the cookie that says so from now on."""
    cookie = uuid4().hex
    return f"browser {cookie}", cookie


def remember_voter(response: Response, cookie: str) -> None:
    """From now on it is this browser."""
    response.set_cookie(VOTER_COOKIE, cookie, max_age=A_YEAR_S, path=HOME, httponly=True, samesite="lax")
