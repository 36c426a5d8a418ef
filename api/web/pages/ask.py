"""*Ask*, where people land: paste an error, get the advice.

What was asked is recorded as an occurrence, as `POST /advise` records it, and has a permalink: `/ui/incidents/{id}`.
The incident's `external_id` is made of what was pasted and of the hour: pasted again within the hour (a reload, a
double click) it is the same and leads to the same page, and next week it has happened again. Whose pipeline has
reported the failure already only looks: that is answered, and nothing is recorded or counted. A person takes no part in
a storm, for nobody waits for them to try. An example is answered without being recorded, and its address carries its
name: `/ui/?example=slow-down`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import RedirectResponse, Response

from api.context import Service
from api.problems import Problem
from api.untrusted import first_line
from api.web.advice import shown
from api.web.examples import EXAMPLES, example_of
from api.web.forms import Form, checked, fields_of
from api.web.in_place import is_in_place, sent_on
from api.web.rendering import NavEntry, address_of, page
from api.web.visitors import HOME, Visiting, Visitor
from ingest.records import Attempt, Name, Text
from knowledge.errors import StoreUnavailable
from knowledge.failures import Failure
from knowledge.incident_log import ASKED_HERE
from knowledge.service import KnowledgeService
from knowledge.signature import sign

NAV = NavEntry("Ask", HOME, "a")
router = APIRouter()
#: What is pasted again within this time is the same occurrence.
AGAIN = timedelta(hours=1)
#: What an advice says where the failure could only be kept aside.
AWAY = "store"
#: Fields that stand folded while they are empty.
MORE = ("pipeline", "step", "run_id", "attempt", "max_attempts")


class AskForm(Form):
    """A failure as people paste it; `only_look` records nothing."""

    text: Annotated[Text, StringConstraints(min_length=1)]
    pipeline: Name | None = None
    step: Name | None = None
    run_id: Name | None = None
    attempt: Attempt | None = None
    max_attempts: Attempt | None = None
    only_look: Literal["yes"] | None = None

    def to_failure(self, external_id: str | None = None) -> Failure:
        """What is said of the failure."""
        return Failure(**self.model_dump(exclude={"only_look"}), external_id=external_id)

    def external_ids(self, *, now: datetime) -> tuple[str, str]:
        """What these fields are called in this hour and in the hour before."""
        said = json.dumps(self.model_dump(exclude={"only_look"}), sort_keys=True)
        digest, hour = hashlib.sha256(said.encode()).hexdigest()[:32], int(now.timestamp() // AGAIN.total_seconds())
        return f"{ASKED_HERE}{digest}:{hour}", f"{ASKED_HERE}{digest}:{hour - 1}"


@router.get("/", name="ask")
async def ask_page(request: Request, service: Service, visitor: Visiting, example: str | None = None) -> Response:
    """The form; with an example, filled in and answered."""
    chosen = example_of(example)
    if example and chosen is None:
        raise Problem(422, f"it is one of {', '.join(each.key for each in EXAMPLES)}.", field="example")
    if chosen is None:
        return _page(request, fields={})
    failure = Failure(text=chosen.text)
    answer = await service.advise(visitor.workspace, failure, dry_run=True)
    advice, fields = shown(answer, text=chosen.text), {"text": chosen.text}
    return _page(request, fields=fields, advice=advice, headline=await _headline(failure), chosen=chosen.key)


@router.get("/ask")
async def ask_again() -> Response:
    """The form: whoever reloads an answer that has no address of its own, or types this one, gets there."""
    return RedirectResponse(HOME, status_code=303)


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
        return _page(request, fields=fields, status=422, problem=said, wrong=problem.field)
    if form.only_look:
        advice, headline = await asyncio.gather(
            service.advise(visitor.workspace, form.to_failure(), dry_run=True), _headline(form.to_failure())
        )
        return _page(request, fields=fields, advice=shown(advice, text=form.text), headline=headline, only_looked=True)
    external_id = await _external_id(service, visitor, form)
    advice = await service.advise(visitor.workspace, form.to_failure(external_id), claims=False)
    if AWAY in advice["degraded"]:  # the incident cannot be shown yet, its advice can
        headline, kept = await _headline(form.to_failure()), advice["incident_id"]
        return _page(request, fields=fields, advice=shown(advice, text=form.text), headline=headline, kept=kept)
    return sent_on(request, address_of(request, "incident", incident_id=advice["incident_id"]))


async def _external_id(service: KnowledgeService, visitor: Visitor, form: AskForm) -> str:
    """That of the hour before, where it was asked then: so it is the same for an hour at least, and two at most."""
    current, before = form.external_ids(now=datetime.now(UTC))
    try:
        known = await service.known(visitor.workspace, [current, before])
    except StoreUnavailable:  # it is kept aside, and told apart when it is written
        return current
    return before if before in known and current not in known else current


async def _headline(failure: Failure) -> str:
    """What the failure is called, as on the page of an incident: what went wrong, and not how the log begins."""
    return first_line((await asyncio.to_thread(sign, failure)).template)


def _page(
    request: Request,
    *,
    fields: dict[str, str],
    status: int = 200,
    advice: object = None,
    chosen: str | None = None,
    kept: str | None = None,
    only_looked: bool = False,
    headline: str = "",
    problem: str | None = None,
    wrong: str | None = None,
) -> Response:
    """`headline` names what was answered; `wrong` is the field that has the problem."""
    answered = {"advice": advice, "headline": headline, "chosen": chosen, "kept": kept, "only_looked": only_looked}
    context = answered | {"problem": problem, "wrong": wrong, "more": MORE, "examples": EXAMPLES}
    said_more = not fields.keys().isdisjoint(MORE)
    template = "_ask.html" if is_in_place(request) else "ask.html"
    return page(request, template, status=status, fields=fields, said_more=said_more, **context)
