"""Signing in with an API key, and choosing a workspace while nobody is asked for one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import RedirectResponse, Response

from api.context import checked_workspace
from api.problems import Problem
from api.web.forms import Form, read_form
from api.web.rendering import page
from api.web.visitors import (
    HOME,
    Visiting,
    forget_key,
    is_secure,
    remember_key,
    remember_workspace,
    safe_next,
    visitor_with,
)

router = APIRouter()


class SignInForm(Form):
    """An API key, and where to go on."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    next: str = HOME


class WorkspaceForm(Form):
    """The workspace to look at, and where to go on."""

    workspace: str
    next: str = HOME


@router.get("/sign-in", name="sign-in")
async def sign_in_page(request: Request, next: str = HOME) -> Response:
    """Where an API key is asked for."""
    if await request.app.state.gate.is_open():
        return RedirectResponse(safe_next(next), status_code=303)
    return page(request, "sign_in.html", next=safe_next(next), problem=None)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in, and go on."""
    form = await read_form(request, SignInForm)
    try:
        await visitor_with(request, form.key)
    except Problem as problem:
        return page(request, "sign_in.html", status=401, next=safe_next(form.next), problem=problem.detail)
    answer = RedirectResponse(safe_next(form.next), status_code=303)
    remember_key(answer, form.key, secure=is_secure(request))
    return answer


@router.post("/sign-out", name="sign-out")
async def sign_out() -> Response:
    """Sign out."""
    answer = RedirectResponse(HOME, status_code=303)
    forget_key(answer)
    return answer


@router.post("/workspace", name="workspace")
async def choose_workspace(request: Request, visitor: Visiting) -> Response:
    """Look at another workspace; with API keys, the key says which it is."""
    form = await read_form(request, WorkspaceForm)
    if visitor.key is not None:
        raise Problem(403, "Your API key opens one workspace. Sign in with another key to see another.")
    answer = RedirectResponse(safe_next(form.next), status_code=303)
    remember_workspace(answer, checked_workspace(form.workspace))
    return answer
