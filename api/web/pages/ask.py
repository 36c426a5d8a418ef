"""*Ask*, where people land: paste an error, get the advice.

What was asked is recorded, as `POST /advise` records it, and has a permalink: `/ui/incidents/{id}`. The incident's
`external_id` is made of what was pasted, so that pasting it twice counts once and leads to the same page. An example is
answered without being recorded, and its address carries its name: `/ui/?example=slow-down`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import RedirectResponse, Response

from api.context import Service
from api.problems import Problem
from api.web.advice import shown
from api.web.examples import EXAMPLES, example_of
from api.web.forms import Form, checked, fields_of
from api.web.rendering import NavEntry, address_of, page
from api.web.visitors import HOME, Visiting
from ingest.records import Attempt, Name, Text
from knowledge.failures import Failure

NAV = NavEntry("Ask", HOME, "a")
router = APIRouter()
#: What an advice says where the failure could only be kept aside.
AWAY = "store"


class AskForm(Form):
    """A failure as people paste it."""

    text: Annotated[Text, StringConstraints(min_length=1)]
    pipeline: Name | None = None
    step: Name | None = None
    run_id: Name | None = None
    attempt: Attempt | None = None
    max_attempts: Attempt | None = None

    def to_failure(self) -> Failure:
        """The failure; the same fields again are the same failure."""
        said = self.model_dump()
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
        return Failure(**said, external_id=f"page:{digest}")


@router.get("/", name="ask")
async def ask_page(request: Request, service: Service, visitor: Visiting, example: str | None = None) -> Response:
    """The form; with an example, filled in and answered."""
    chosen = example_of(example)
    if chosen is None:
        return _page(request, fields={})
    failure = Failure(text=chosen.text)
    answer = await service.advise(visitor.workspace, failure, dry_run=True)
    return _page(request, fields={"text": chosen.text}, advice=shown(answer, text=chosen.text), chosen=chosen.key)


@router.post("/ask", name="ask-send")
async def ask(request: Request, service: Service, visitor: Visiting) -> Response:
    """Record and answer; the answer is at the address of the incident."""
    fields = await fields_of(request)
    try:
        form = checked(fields, AskForm)
    except Problem as problem:
        said = (
            problem.detail if "text" in fields else "Paste an error first: a message, a traceback, or the end of a log."
        )
        return _page(request, fields=fields, status=422, problem=said)
    advice = await service.advise(visitor.workspace, form.to_failure())
    if AWAY in advice["degraded"]:  # the incident cannot be shown yet, its advice can
        return _page(request, fields=fields, advice=shown(advice, text=form.text), kept=advice["incident_id"])
    return RedirectResponse(address_of(request, "incident", incident_id=advice["incident_id"]), status_code=303)


def _page(
    request: Request,
    *,
    fields: dict[str, str],
    status: int = 200,
    advice: object = None,
    chosen: str | None = None,
    kept: str | None = None,
    problem: str | None = None,
) -> Response:
    context = {"advice": advice, "chosen": chosen, "kept": kept, "problem": problem}
    return page(request, "ask.html", status=status, fields=fields, examples=EXAMPLES, **context)
