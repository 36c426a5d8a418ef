"""Errors as pages: what is wrong in plain words, and what to do. The table from exceptions to problems is the API's."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from api import problems
from api.problems import LONGEST_FIELD, Problem
from api.web.address import way_back
from api.web.fences import HEADERS, UNKEPT
from api.web.forms import plainly
from api.web.in_place import IN_FORM, is_in_place
from api.web.rendering import page
from api.web.sessions import sign_in_needed
from api.web.visitors import SignInNeeded
from knowledge.errors import KnowledgeError

#: What to do about it.
ADVICE: Mapping[int, str] = {
    400: "Check the address and what was pasted: only readable text can be taken.",
    403: "Go to the page here, and try again from there.",
    404: "It may belong to another workspace, or the address is not whole.",
    405: "Go back, and use the buttons of the page.",
    409: "Go back and look at it as it is now.",
    412: "Somebody was faster. Reload the page, look at what they changed, and decide again.",
    413: "Leave out the middle of the log: what failed stands at its end. “seenbefore advise” does it for you.",
    415: "Use the form of the page.",
    421: "Use the address that the service printed when it started.",
    422: "Go back, correct it, and send it again.",
    500: "The log of the service tells where. What was recorded before is safe.",
    503: "Wait a moment and reload. Pipelines are answered meanwhile from what the index carries, and nothing is lost.",
}
TITLES: Mapping[int, str] = {
    404: "There is nothing at this address",
    412: "It was changed meanwhile",
    500: "The service met an error of its own",
}
#: Characters of an id that a template of ours gives.
PLACE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
ADDRESS = "A part of the address cannot be taken"


def install(app: FastAPI) -> None:
    """Make every error of the pages a page."""
    app.add_exception_handler(SignInNeeded, sign_in_needed)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(KnowledgeError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def refusal(app: FastAPI, scope: Scope, status: int, detail: str) -> Response:
    """The page for a request that is refused before it comes to a route."""
    return error_page(Request({**scope, "app": app}), status, detail)


def error_page(
    request: Request, status: int, detail: str, *, title: str | None = None, field: str | None = None
) -> Response:
    """A whole page; a note where htmx puts it into the page that is open. `field` is what is wrong, as far as known.

    With all headers: what is refused before a route, and what breaks in one, does not pass the fences.
    """
    title = title or TITLES.get(status) or problems.TITLES.get(status, "Something is wrong")
    todo = ADVICE.get(status, "")
    back = way_back(request, field) if status == 422 or field else None
    if back is not None:
        title, todo = ADDRESS, "Correct it there, or go on without it."
    template = "_problem.html" if is_in_place(request) else "problem.html"
    said = {"title": title, "detail": detail, "code": status, "todo": todo}
    answer = page(request, template, status=status, back=back, place=_place(request), **said)
    answer.headers.update({**HEADERS, "Cache-Control": UNKEPT})
    if status == 503:
        answer.headers["Retry-After"] = "2"
    if is_in_place(request) and request.method == "POST":  # what was written in the form stays
        answer.headers.update(IN_FORM)
    return answer


def _place(request: Request) -> str | None:
    """The id of what a note takes the place of, where htmx asks to read: the next answer goes there again."""
    named = request.headers.get("hx-target", "")
    if request.method != "GET" or len(named) > LONGEST_FIELD or not PLACE.issuperset(named):
        return None
    return named or None


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - for the type checker: it is registered for Problem alone
    return error_page(request, error.status, error.detail, field=error.field)


async def _known(request: Request, error: Exception) -> Response:
    kind = problems.kind_of(error)
    if kind is None:
        return await _unexpected(request, error)
    title = TITLES[412] if kind.status == 412 else kind.title
    return error_page(request, kind.status, str(error), title=title, field=getattr(error, "field", None))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = problems.invalid_fields(error)[0]
    if first["field"].startswith("path."):
        return error_page(request, 404, "An address like this leads nowhere.")
    return error_page(request, 422, f"{plainly(first['problem'])}.", field=first["field"].removeprefix("query."))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    said = {404: "No page has this address.", 405: "This page does not take what was sent."}
    return error_page(request, error.status_code, said.get(error.status_code, str(error.detail)))


async def _unexpected(request: Request, error: Exception) -> Response:
    problems.log_unexpected(request, error)
    return error_page(request, 500, "The service met an error of its own, and could not make this page.")
