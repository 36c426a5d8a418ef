"""Who looks at the pages: the workspace of their API key, or, while nobody is asked for one, the one they chose.

A signed-in browser holds the API key itself in a cookie that scripts cannot read and that other sites' pages cannot
send along: a key that is revoked signs out everywhere, and nothing has to be remembered here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from api.auth import Entered
from api.context import WORKSPACE
from api.problems import Problem
from api.web.in_place import is_in_place
from knowledge.proposing import Proposals

KEY_COOKIE = "seenbefore_key"
WORKSPACE_COOKIE = "seenbefore_workspace"
HOME = "/ui/"
A_YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Visitor:
    """`key`: the name of the API key that signed in; None while nobody is asked for one."""

    workspace: str
    key: str | None = None

    @property
    def author(self) -> str | None:
        """Who says what this visitor says, where no name is given."""
        return self.key and f"API key {self.key}"


class SignInNeeded(Exception):
    """A page that needs an API key was asked for without one."""


async def visitor_of(request: Request) -> Visitor:
    """Who asks, and how many proposals wait there; raises `SignInNeeded`. Kept with the request for the layout."""
    gate = request.app.state.gate
    if await gate.is_open():
        visitor = Visitor(_chosen(request))
    else:
        visitor = await _signed_in(request)
    request.state.visitor = visitor
    if not is_in_place(request):  # a part of a page has no navigation, which tells it
        proposals: Proposals = request.app.state.parts.proposals
        request.state.waiting = await proposals.waiting(visitor.workspace)
    return visitor


def _chosen(request: Request) -> str:
    """The workspace in the cookie; one that is no name of a workspace counts as none."""
    name = request.cookies.get(WORKSPACE_COOKIE, "")
    return name if WORKSPACE.fullmatch(name) else "default"


async def _signed_in(request: Request) -> Visitor:
    secret = request.cookies.get(KEY_COOKIE)
    if not secret:
        raise SignInNeeded
    try:
        return await visitor_with(request, secret)
    except Problem:
        raise SignInNeeded from None


async def visitor_with(request: Request, secret: str) -> Visitor:
    """The visitor whom an API key makes; raises a 401 problem."""
    gate, bearer = request.app.state.gate, f"Bearer {secret}"
    entered: Entered = await gate.enter(bearer)
    return Visitor(entered.workspace, entered.key)


def remember_key(response: Response, secret: str, *, secure: bool) -> None:
    """Sign in, until the browser is closed. `secure`: the page came over TLS, and the key goes no other way."""
    response.set_cookie(KEY_COOKIE, secret, path=HOME, httponly=True, samesite="strict", secure=secure)


def forget_key(response: Response) -> None:
    """Sign out."""
    response.delete_cookie(KEY_COOKIE, path=HOME, httponly=True, samesite="strict")


def remember_workspace(response: Response, name: str) -> None:
    """Look at this workspace from now on. It opens nothing, so links from elsewhere may bring it along."""
    response.set_cookie(WORKSPACE_COOKIE, name, max_age=A_YEAR_S, path=HOME, httponly=True, samesite="lax")


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us; a lie here costs only the liar's own cookie."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))


def safe_next(address: str | None) -> str:
    """Where to go on: a page of ours, whatever was asked for."""
    given = address or HOME
    plain = given.isascii() and given.isprintable() and "\\" not in given
    return given if plain and given.startswith(HOME) and not given.startswith(f"{HOME}/") else HOME


Visiting = Annotated[Visitor, Depends(visitor_of)]
