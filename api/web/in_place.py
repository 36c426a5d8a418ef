"""Answers that htmx puts into the page that is open: whether it asks for one, and where they go."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from starlette.responses import RedirectResponse, Response

#: A note goes into the form that was sent, so that what was written there stays.
IN_FORM: Mapping[str, str] = {"HX-Retarget": "find .form-problem", "HX-Reswap": "innerHTML"}


def is_in_place(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page that is open."""
    return request.headers.get("hx-request") == "true"


def sent_on(request: Request, address: str) -> Response:
    """The way to another page. htmx would put that one into this, so it is told by a header of its own."""
    if is_in_place(request):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)
