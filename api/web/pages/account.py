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
from api.web.sessions import fields_in, longest_of
from api.web.visitors import (
    HOME,
    Visiting,
    Visitor,
    forget_key,
    is_secure,
    remember_key,
    remember_workspace,
    safe_next,
    visitor_with,
)

router = APIRouter()


class SignInForm(Form):
    """An API key, and where to go on; `again` is where a form goes that was sent without one, `kept` its fields."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    next: str = HOME
    again: str | None = None
    kept: str | None = None


class WorkspaceForm(Form):
    """The workspace to look at, and where to go on."""

    workspace: str
    next: str = HOME


@router.get("/sign-in", name="sign-in")
async def sign_in_page(request: Request, next: str = HOME) -> Response:
    """Where an API key is asked for."""
    if await request.app.state.gate.is_open():
        return RedirectResponse(safe_next(next), status_code=303)
    return _asking(request, next=next)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in, and go on: to the page that was looked for, or to what was written."""
    form = await read_form(request, SignInForm)
    try:
        visitor = await visitor_with(request, form.key)
    except Problem as problem:
        return _asking(request, next=form.next, again=form.again, kept=form.kept, problem=problem.detail)
    answer = _going_on(request, form, visitor)
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


def _asking(
    request: Request,
    *,
    next: str,
    again: str | None = None,
    kept: str | None = None,
    problem: str | None = None,
) -> Response:
    """The page that asks for a key; it carries what was written."""
    context = {"next": safe_next(next), "again": again, "kept": kept, "is_much": False, "problem": problem}
    return page(request, "sign_in.html", status=401 if problem else 200, **context)


def _going_on(request: Request, form: SignInForm, visitor: Visitor) -> Response:
    if form.again is None or form.kept is None:
        return RedirectResponse(safe_next(form.next), status_code=303)
    request.state.visitor = visitor
    fields = fields_in(form.kept)
    return page(
        request,
        "send_again.html",
        fields=fields,
        longest=longest_of(fields),
        again=safe_next(form.again),
        next=safe_next(form.next),
    )
