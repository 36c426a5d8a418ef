"""Errors as RFC 9457 problem details: one table from exceptions to problems."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.logs import bare
from api.observing import route_of
from ingest.records import problem_in_words
from knowledge import errors
from knowledge.signature.scrub import scrub

MEDIA_TYPE = "application/problem+json"
#: Characters of a field's place in an answer: callers make up names as long as a body.
LONGEST_FIELD = 80
MOST_PROBLEMS = 50
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """Status, slug and title of a class of problems. `challenge` is what a 401 asks for (RFC 9110 wants it named)."""

    status: int
    slug: str
    title: str
    challenge: str = "Bearer"


KINDS: dict[type[Exception], Kind] = {
    errors.InvalidInput: Kind(422, "invalid-input", "The request cannot be taken"),
    errors.NotFound: Kind(404, "not-found", "There is no such thing"),
    errors.Conflict: Kind(409, "conflict", "The request contradicts what is stored"),
    errors.StaleVersion: Kind(412, "stale-version", "The row has changed since it was read"),
    errors.VersionRequired: Kind(428, "version-required", "A precondition is required"),
    errors.StoreUnavailable: Kind(503, "store-unavailable", "PostgreSQL cannot be reached"),
    errors.StoreBusy: Kind(503, "store-busy", "PostgreSQL has too much to do"),
    errors.IndexUnavailable: Kind(503, "index-unavailable", "The index cannot be reached"),
    errors.ModelUnavailable: Kind(503, "model-unavailable", "The embedding model cannot be used"),
}
TITLES = {
    400: "The request is malformed",
    401: "An API key is needed",
    403: "This is not allowed",
    404: "There is no such thing",
    405: "This method is not offered here",
    406: "No such representation",
    409: "The request contradicts what is stored",
    412: "The precondition does not hold",
    413: "The body is too large",
    415: "This content type is not taken",
    421: "This host is not served here",
    422: "The request cannot be taken",
    428: "A precondition is required",
    501: "This part is not installed",
}


#: Of doors without API keys: chat and webhooks prove with a secret that both sides have, by a signature or a token.
UNPROVEN = Kind(401, "unproven", "The request does not prove where it comes from", challenge="Shared-Secret")


class Problem(Exception):
    """A problem that the HTTP layer itself finds; `kind` where it has a class of its own."""

    kind: Kind | None = None

    def __init__(self, status: int, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field

    def response(self) -> Response:
        """As problem details."""
        return response(self.status, self.detail, field=self.field, kind=self.kind)


class Unproven(Problem):
    """A request that is forged, stale, replayed or malformed; `field` says what is wrong with it."""

    kind = UNPROVEN

    def __init__(self, detail: str, *, field: str) -> None:
        super().__init__(UNPROVEN.status, detail, field=field)


def body_of(
    status: int, *, slug: str, title: str, detail: str, problems: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    """A problem document; `errors` names each field and what is wrong with it."""
    document: dict[str, Any] = {"type": f"urn:seenbefore:problem:{slug}", "title": title, "status": status}
    document["detail"] = detail
    if problems:
        document["errors"] = list(problems)
    return document


def response(
    status: int,
    detail: str,
    *,
    field: str | None = None,
    kind: Kind | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem as a response; `members` stand beside the members of every problem, and in place of none."""
    document = _document(status, detail, field=field, kind=kind, members=members)
    headers = {"Retry-After": "2"} if status == 503 else {}
    headers |= {"WWW-Authenticate": kind.challenge if kind else "Bearer"} if status == 401 else {}
    return Response(orjson.dumps(document), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _document(
    status: int, detail: str, *, field: str | None, kind: Kind | None, members: Mapping[str, Any] | None
) -> dict[str, Any]:
    slug = kind.slug if kind else f"http-{status}"
    title = kind.title if kind else TITLES.get(status, "Something is wrong")
    problems = [{"field": field, "problem": detail}] if field else []
    return dict(members or {}) | body_of(status, slug=slug, title=title, detail=detail, problems=problems)


def document_of(error: errors.KnowledgeError) -> dict[str, Any]:
    """The problem that an exception is, for an answer that tells of several writes; raises it where it is none."""
    kind = kind_of(error)
    if kind is None:
        raise error
    field, members = getattr(error, "field", None), getattr(error, "members", None)
    return _document(kind.status, str(error), field=field, kind=kind, members=members)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(errors.KnowledgeError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - for the type checker: it is registered for Problem alone
    return error.response()


def kind_of(error: Exception) -> Kind | None:
    """The class of problems that an exception is; None for one that is no problem of the caller's or of a part."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), None)


async def _known(_: Request, error: Exception) -> Response:
    kind = kind_of(error)
    if kind is None:
        return await _unexpected(_, error)
    field, members = getattr(error, "field", None), getattr(error, "members", None)
    return response(kind.status, str(error), field=field, kind=kind, members=members)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = invalid_fields(error)
    first = problems[0]
    detail = f"{first['field']}: {first['problem']}"
    document = body_of(422, slug="invalid-input", title=TITLES[422], detail=detail, problems=problems)
    return Response(orjson.dumps(document), status_code=422, media_type=MEDIA_TYPE)


def invalid_fields(error: RequestValidationError) -> list[dict[str, str]]:
    """The fields that cannot be taken, and what is wrong with each; at least one."""
    found = [
        {"field": _field(each["loc"]), "problem": problem_in_words(each)} for each in error.errors()[:MOST_PROBLEMS]
    ]
    return found or [{"field": "body", "problem": "cannot be understood"}]


def _field(location: Sequence[object]) -> str:
    # A field that is refused because nobody knows it has a name of the caller's own.
    parts = [scrub(str(part)[:1_000]) for part in location if part != "body"]
    return (".".join(parts) or "body")[:LONGEST_FIELD]


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    answer = response(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    if error.status_code == 405 and (allowed := _allowed(request)):
        answer.headers["Allow"] = allowed
    return answer


def _allowed(request: Request) -> str:
    """All methods of the path: the framework names only those of the first route that has it."""
    path = getattr(request.scope.get("route"), "path", None)
    return ", ".join(sorted(method.upper() for method in request.app.openapi()["paths"].get(path, {})))


async def _unexpected(request: Request, error: Exception) -> Response:
    log_unexpected(request, error)
    return response(500, "The service met an error of its own. The log tells where.")


def log_unexpected(request: Request, error: Exception) -> None:
    """The error's own text may quote the failure that was sent: only its class is logged, and where it was raised."""
    route, kind = route_of(request.scope), type(error).__name__  # an address holds names that callers have made up
    log.error("%s %s failed with %s", request.method, route, kind, exc_info=bare(error))
