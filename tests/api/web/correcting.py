"""The page of a precedent: looking at it, and sending its forms."""

from __future__ import annotations

from typing import Any

import httpx

from knowledge.documents import Document
from tests.api.web.knowing import precedent
from tests.api.web.reading import fields_of_form, text_of

#: The id of nothing; the same in every process, for it stands in names of tests.
NOBODY = "8f14e45f-ceea-467f-a0e6-2d3c4b5a6978"


def looked_at(pages: httpx.Client, id: str, **query: str) -> str:
    """What people read on its page."""
    response = pages.get(f"/ui/precedents/{id}", params=query)
    assert 200 == response.status_code, text_of(response)
    return text_of(response)


def sent(pages: httpx.Client, id: str, what: str, **fields: Any) -> httpx.Response:
    """What a form of its page is answered with, sent by a browser without script."""
    action = f"/ui/precedents/{id}/{what}"
    hidden = fields_of_form(pages.get(f"/ui/precedents/{id}"), action)
    return pages.post(action, data=hidden | fields)


def taken(pages: httpx.Client, id: str, what: str, **fields: Any) -> httpx.Response:
    """The same, of a form that leads on. One that is refused is told here, and not later where something lacks."""
    answer = sent(pages, id, what, **fields)
    assert 303 == answer.status_code, text_of(answer)
    return answer


def merged(pages: httpx.Client, told: httpx.Client) -> Document:
    """A precedent into which another was merged, by the page."""
    apple, beet = precedent(told, "apple", times=2), precedent(told, "beet", times=3)
    look = pages.get(
        f"/ui/precedents/{apple['id']}/merge", params={"other": f"http://x/ui/precedents/{beet['id']}?said=x"}
    )
    hidden = fields_of_form(look, f"/ui/precedents/{apple['id']}/merge")
    answer = pages.post(f"/ui/precedents/{apple['id']}/merge", data=hidden | {"reason": "both torn", "author": "Ada"})
    assert f"/ui/precedents/{apple['id']}" == answer.headers["location"], text_of(answer)
    found: Document = told.get(f"/precedents/{apple['id']}").json()
    return found
