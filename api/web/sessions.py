"""Who is not signed in, or no longer: the way to the sign-in page and back, with what they wrote.

A key that is revoked, or a browser signed out in another tab, must cost nobody the text of a form. In place, the form
is still open: it says so, and the sign-in page opens beside it. A form that a browser sent as a whole comes back with
the sign-in page, which carries what was written, and is sent again by a button: whoever signs in sees first where they
are, for another key may open another workspace.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.problems import Problem
from api.web.address import page_of, path_of, whole_of
from api.web.forms import pairs_of
from api.web.in_place import IN_FORM, is_in_place
from api.web.rendering import PREFIX, page
from api.web.visitors import safe_next

SIGN_IN = f"{PREFIX}/sign-in"
Fields = list[tuple[str, str]]
_FIELDS: TypeAdapter[Fields] = TypeAdapter(Fields)


async def sign_in_needed(request: Request, _: Exception) -> Response:
    """Ask for a key, and keep what was written.

    Who follows a link from elsewhere comes without the cookie, signed in or not: a page of ours that reloads itself
    brings it along.
    """
    if request.method != "GET":
        return _in_place(request) if is_in_place(request) else await _kept(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        return page(request, "reload.html")
    if is_in_place(request):
        return Response(status_code=401, headers={"HX-Redirect": sign_in_address(page_of(request))})
    return RedirectResponse(sign_in_address(safe_next(whole_of(request))), status_code=303)


def sign_in_address(next: str) -> str:
    """The sign-in page that leads to a page of ours."""
    return f"{SIGN_IN}?{urlencode({'next': next})}"


def fields_in(kept: str) -> Fields:
    """The fields that a sign-in page has carried; raises a 422 problem."""
    try:
        return _FIELDS.validate_json(kept)
    except ValidationError:
        raise Problem(422, "What was written cannot be read any more. Go back, and send it again.") from None


def longest_of(fields: Fields) -> str:
    """What a person would miss most."""
    return max((value for _, value in fields), key=len, default="")


def _in_place(request: Request) -> Response:
    """A note in the form, which is still open."""
    answer = page(request, "_signed_out.html", status=401, sign_in=sign_in_address(page_of(request)))
    answer.headers.update(IN_FORM)
    return answer


async def _kept(request: Request) -> Response:
    """The sign-in page, with the form that was sent."""
    fields = await _fields(request)
    kept = json.dumps(fields, ensure_ascii=False)
    # It comes back inside of another form, where its own signs take more room.
    is_much = len(kept.encode()) > request.app.state.parts.settings.max_body_bytes // 2
    again = None if is_much or not fields else path_of(request)
    return page(
        request,
        "sign_in.html",
        status=401,
        next=page_of(request),
        again=again,
        kept=kept if again else None,
        is_much=is_much,
        problem=None,
    )


async def _fields(request: Request) -> Fields:
    try:
        return await pairs_of(request)
    except HTTPException:  # no form: there is nothing to keep
        return []
