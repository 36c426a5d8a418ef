"""What a request brings along: its workspace, its idempotency key, its precondition."""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request
from starlette.responses import Response

from api.auth import Entered, Gate
from api.problems import LONGEST_FIELD, MEDIA_TYPE, Problem
from knowledge.once import Once
from knowledge.service import KnowledgeService
from knowledge.signature.scrub import scrub

WORKSPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
ETAG = re.compile(r'(?:W/)?"(\d{1,18})"')
#: Seconds as a decimal.
AGE = re.compile(r"^[0-9]{1,20}(\.[0-9]{0,20})?$")
#: What was said longer ago counts as said then.
OLDEST_S = 30 * 86_400.0
LONGEST_KEY = 255


class JsonAnswer(Response):
    """A document as JSON, written by orjson and not validated a second time."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return orjson.dumps(content)


async def known_query(request: Request) -> None:
    """Refuse query parameters that the route does not declare: a misspelt `dry_run` would record.

    What is declared is what the OpenAPI document says of the route.
    """
    if not request.query_params:
        return
    path = getattr(request.scope.get("route"), "path", None)
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    declared = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    unknown = next((name for name in request.query_params if name not in declared), None)
    if unknown is not None:
        name = scrub(unknown[:1_000])[:LONGEST_FIELD]
        taken = f"it takes {', '.join(sorted(declared))}" if declared else "it takes none"
        raise Problem(422, f"This call has no query parameter {name!a}: {taken}.", field=f"query.{name}")


async def service_of(request: Request) -> KnowledgeService:
    """The service, from the composition root."""
    service: KnowledgeService = request.app.state.parts.service
    return service


async def entered_of(
    request: Request,
    x_workspace: Annotated[str | None, Header(description="Workspace, while authentication is off.")] = None,
    authorization: Annotated[str | None, Header(description="`Bearer` and an API key.")] = None,
) -> Entered:
    """What the API key opens; with authentication off, what the header names. Asked once for a request."""
    gate: Gate = request.app.state.gate
    if await gate.is_open():
        return Entered(checked_workspace(x_workspace or "default"), key=None)
    return await gate.enter(authorization)


async def workspace_of(entered: Annotated[Entered, Depends(entered_of)]) -> str:
    """The request's workspace."""
    return entered.workspace


async def author_of(entered: Annotated[Entered, Depends(entered_of)]) -> str | None:
    """Who says what the request says, where it names nobody: its API key; None where nobody is asked for one."""
    return entered.author


def checked_workspace(name: str) -> str:
    """A workspace's name: up to 64 letters, digits, dots, dashes and underscores."""
    if not WORKSPACE.fullmatch(name):
        raise Problem(422, "A workspace has 1 to 64 letters, digits, . _ or -.", field="X-Workspace")
    return name


async def once_of(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="The same key again gets the first answer again; nothing is done twice.")
    ] = None,
) -> Once | None:
    """The request's idempotency key, bound to what was asked."""
    if idempotency_key is None:
        return None
    if not 0 < len(idempotency_key) <= LONGEST_KEY or not idempotency_key.isprintable():
        raise Problem(422, f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.", field="Idempotency-Key")
    route = f"{request.method} {request.url.path}"
    body = await request.body() + str(request.query_params).encode()
    return Once.of(idempotency_key, route=route, body=body)


async def expected_version(
    if_match: Annotated[str | None, Header(description="The ETag of the row that was read.")] = None,
) -> int:
    """The version that a change builds on: 428 without, 412 when it cannot be any.

    `*` (RFC 9110: any version) is refused as well: a correction is made of what its author has read, and `*` says that
    nothing was.
    """
    if if_match is None:
        raise Problem(428, "Send If-Match with the ETag of the row that you have read.", field="If-Match")
    if if_match.strip() == "*":
        raise Problem(412, "If-Match: * is not taken: send the ETag of the row that you have read.", field="If-Match")
    matched = ETAG.fullmatch(if_match.strip())
    if matched is None:
        detail = 'If-Match names no version: send the ETag as it was answered, a number in double quotes: "3".'
        raise Problem(412, detail, field="If-Match")
    return int(matched[1])


async def stated_version(
    if_match: Annotated[
        str | None, Header(description="The ETag of the row that was read; its first write goes without.")
    ] = None,
) -> int | None:
    """The version that a write builds on, where it names one; whether it must, the row decides."""
    return None if if_match is None else await expected_version(if_match)


async def age_of(
    seenbefore_age: Annotated[
        str | None,
        Header(
            description="Seconds since this was said, where it is delivered late: a decimal of 0 or more; more than 30 "
            "days count as 30. What is there and was said later stays: 409 with `superseded`.",
            json_schema_extra={"pattern": AGE.pattern},
            examples=["0.25", "3600"],
        ),
    ] = None,
) -> float | None:
    """Seconds since what the request says was said; None for what is said now."""
    if seenbefore_age is None:
        return None
    if not AGE.fullmatch(seenbefore_age):
        raise Problem(422, "Seenbefore-Age is in seconds, a decimal of 0 or more: 0.25.", field="Seenbefore-Age")
    return min(float(seenbefore_age), OLDEST_S)


def etag(version: int) -> dict[str, str]:
    """The header that names a row's version."""
    return {"ETag": f'"{version}"'}


Service = Annotated[KnowledgeService, Depends(service_of)]
Workspace = Annotated[str, Depends(workspace_of)]
KeyName = Annotated[str | None, Depends(author_of)]
Idempotent = Annotated[Once | None, Depends(once_of)]
IfMatch = Annotated[int, Depends(expected_version)]
IfMatchStated = Annotated[int | None, Depends(stated_version)]
Age = Annotated[float | None, Depends(age_of)]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer, for the OpenAPI document."""
    everywhere = (400, 401, 413, 421, 422, 503)
    return {
        status: {
            "description": "Problem details",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}},
        }
        for status in sorted({*everywhere, *statuses})
    }
