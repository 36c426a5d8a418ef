"""Errors as pages: what is wrong in plain words, and what to do. The table from exceptions to problems is the API's."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from api import problems
from api.problems import Problem
from api.web.fences import HEADERS, UNKEPT
from api.web.rendering import PREFIX, is_in_place, page
from api.web.visitors import HOME, SignInNeeded, safe_next
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
TITLES: Mapping[int, str] = {404: "There is nothing at this address", 500: "The service met an error of its own"}


def install(app: FastAPI) -> None:
    """Make every error of the pages a page."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(KnowledgeError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def refusal(app: FastAPI, scope: Scope, status: int, detail: str) -> Response:
    """The page for a request that is refused before it comes to a route."""
    return error_page(Request({**scope, "app": app}), status, detail)


def error_page(request: Request, status: int, detail: str, *, title: str | None = None) -> Response:
    """A whole page; a note where htmx puts it into the page that is open.

    With all headers: what is refused before a route, and what breaks in one, does not pass the fences.
    """
    title = title or TITLES.get(status) or problems.TITLES.get(status, "Something is wrong")
    template = "_problem.html" if is_in_place(request) else "problem.html"
    answer = page(
        request, template, status=status, title=title, detail=detail, code=status, todo=ADVICE.get(status, "")
    )
    answer.headers.update({**HEADERS, "Cache-Control": UNKEPT})
    if status == 503:
        answer.headers["Retry-After"] = "2"
    if is_in_place(request) and request.method == "POST":  # what was written in the form stays
        answer.headers.update({"HX-Retarget": "find .form-problem", "HX-Reswap": "innerHTML"})
    return answer


async def _sign_in(request: Request, _: Exception) -> Response:
    """To the sign-in page, and back from there.

    Who follows a link from elsewhere comes without the cookie, signed in or not: a page of ours that reloads itself
    brings it along.
    """
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        return page(request, "reload.html")
    query = f"?{request.url.query}" if request.url.query else ""
    back = safe_next(f"{request.url.path}{query}") if request.method == "GET" else HOME
    if is_in_place(request):
        return Response(status_code=401, headers={"HX-Redirect": f"{PREFIX}/sign-in"})
    return RedirectResponse(f"{PREFIX}/sign-in?{urlencode({'next': back})}", status_code=303)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - for the type checker: it is registered for Problem alone
    return error_page(request, error.status, error.detail)


async def _known(request: Request, error: Exception) -> Response:
    kind = problems.kind_of(error)
    if kind is None:
        return await _unexpected(request, error)
    return error_page(request, kind.status, str(error), title=kind.title)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = problems.invalid_fields(error)[0]
    if first["field"].startswith("path."):
        return error_page(request, 404, "An address like this leads nowhere.")
    return error_page(request, 422, f"{first['field'].removeprefix('query.')}: {first['problem']}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    said = {404: "No page has this address.", 405: "This page does not take what was sent."}
    return error_page(request, error.status_code, said.get(error.status_code, str(error.detail)))


async def _unexpected(request: Request, error: Exception) -> Response:
    problems.log_unexpected(request, error)
    return error_page(request, 500, "The service met an error of its own, and could not make this page.")
