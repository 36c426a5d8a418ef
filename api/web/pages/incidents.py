"""An incident: what is advised about it now, and what people say of it.

The advice is worked out anew each time the page is looked at, so that corrections show at once; what was advised when
it was asked is told where it was otherwise. Forms are answered in place where htmx sends them, and lead back to the
page where a browser does.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.context import Service
from api.web.differences import Sides, nearest_sides
from api.web.forms import Form, read_form
from api.web.in_place import is_in_place
from api.web.incident import LookedAt, failure_of, looked_at, precedent_id_of
from api.web.pages.meanwhile import changed_meanwhile
from api.web.rendering import address_of, page
from api.web.told import led_to, told
from api.web.visitors import Visiting, Visitor
from ingest.records import Attempt, Name, Summary
from knowledge.correcting import Correction, Signed
from knowledge.errors import Conflict, StaleVersion
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.incident_log import IncidentLog
from knowledge.once import Once
from knowledge.service import KnowledgeService
from knowledge.store.records import Keep

router = APIRouter(prefix="/incidents")
#: Changes of its precedent that its history looks through.
CHANGES = 20
THANKS = {
    "outcome": "Recorded. It counts in what is advised next.",
    "outcome-in-storm": "Recorded. This failure was part of a storm: it tells how the outage goes, and changes nothing "
    "in what is advised of its precedent.",
    "resolution": "Recorded. Whoever meets this next is told what fixed it.",
    "verdict": "Corrected. From now on this precedent answers so; its history keeps who said it and why.",
}


class OnceForm(Form):
    """`once` comes with the form: sent twice, it is done once."""

    once: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    author: Name | None = None

    def key(self, request: Request) -> Once:
        """The form's key, bound to what it says."""
        return Once.of(self.once, route=f"POST {request.url.path}", body=self.model_dump_json().encode())


class ResolutionForm(OnceForm):
    """What fixed it."""

    summary: Summary
    action: Action | None = None
    cause: Cause | None = None


class OutcomeForm(OnceForm):
    """How the retry ended; `attempt` is the one that it was, else the one after that which failed."""

    result: Literal["succeeded", "failed"]
    attempt: Attempt | None = None


class VerdictForm(OnceForm):
    """What the precedent is, why, and the version of it that was looked at."""

    verdict: Literal["transient", "genuine", "unknown"]
    cause: Cause | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=5_000)]
    precedent: UUID
    version: Annotated[int, Field(ge=0, le=2**62)]


@router.get("/{incident_id}", name="incident")
async def read(incident_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """The incident with what is advised about it now."""
    return _page(request, await look(request, service, visitor, incident_id), said=told(request))


@router.post("/{incident_id}/resolution", name="incident-resolution")
async def resolve(incident_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Say what fixed it."""
    form = await read_form(request, ResolutionForm)
    said = Resolution(form.summary, form.action, form.author or visitor.author)
    await service.resolve(visitor.workspace, incident_id, said, cause=form.cause, once=form.key(request))
    return await _after(request, service, visitor, incident_id, said="resolution")


@router.post("/{incident_id}/verdict", name="incident-verdict")
async def correct(incident_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Say that the verdict is another; a person's word outweighs what was counted."""
    form = await read_form(request, VerdictForm)
    try:
        await service.change(
            visitor.workspace,
            form.precedent,
            Correction(verdict=Verdict(form.verdict), cause=form.cause or Keep.KEEP),
            expected_version=form.version,
            signed=Signed(form.author or visitor.author, form.reason),
            once=form.key(request),
        )
    except (StaleVersion, Conflict) as error:
        return await changed_meanwhile(request, service, visitor, form.precedent, error=error, can_follow=True)
    return await _after(request, service, visitor, incident_id, said="verdict")


@router.post("/{incident_id}/outcome", name="incident-outcome")
async def outcome(incident_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Say how the retry after it ended."""
    form = await read_form(request, OutcomeForm)
    attempt = form.attempt
    if attempt is None:
        incident = await service.incident(visitor.workspace, incident_id)
        attempt = (incident["attempt"] or 1) + 1
    await service.outcome(
        visitor.workspace,
        incident_id,
        result=form.result,
        attempt=attempt,
        author=form.author or visitor.author,
        once=form.key(request),
    )
    return await _after(request, service, visitor, incident_id, said="outcome")


@router.get("/{incident_id}/difference/{precedent_id}", name="difference")
async def difference(
    incident_id: UUID, precedent_id: UUID, request: Request, service: Service, visitor: Visiting
) -> Response:
    """The failure and a neighbour side by side."""
    incident, precedent = await asyncio.gather(
        service.incident(visitor.workspace, incident_id), service.precedent(visitor.workspace, precedent_id)
    )
    sides: Sides = await asyncio.to_thread(nearest_sides, incident, precedent)
    template = "_difference.html" if is_in_place(request) else "difference.html"
    return page(request, template, incident=incident, precedent=precedent, sides=sides)


async def look(request: Request, service: KnowledgeService, visitor: Visitor, incident_id: UUID) -> LookedAt:
    """All that the page shows; raises `NotFound`."""
    log: IncidentLog = request.app.state.parts.incident_log
    workspace, incident = visitor.workspace, await service.incident(visitor.workspace, incident_id)
    precedent_id = precedent_id_of(incident)
    advice, precedent, history, since = await asyncio.gather(
        service.advise(workspace, failure_of(incident), dry_run=True),
        service.precedent(workspace, precedent_id),
        service.history(workspace, precedent_id, after=None, limit=CHANGES),
        log.since(
            workspace,
            incident_id,
            precedent_id=precedent_id,
            storm_id=UUID(incident["storm_id"]) if incident["storm_id"] else None,
            run_id=incident["run_id"],
            pipeline=incident["pipeline"],
        ),
    )
    return looked_at(incident, advice=advice, precedent=precedent, since=since, history=history, now=datetime.now(UTC))


async def _after(
    request: Request, service: KnowledgeService, visitor: Visitor, incident_id: UUID, *, said: str
) -> Response:
    if is_in_place(request):
        looked = await look(request, service, visitor, incident_id)
        return _page(request, looked, template="_answer.html", said=said)
    address = address_of(request, "incident", incident_id=incident_id)
    return led_to(request, f"{address}#answer", telling=said)


def _page(request: Request, looked: LookedAt, *, said: str, template: str = "incident.html") -> Response:
    if said == "outcome" and looked.since.was_in_storm:
        said = "outcome-in-storm"
    return page(
        request,
        template,
        looked=looked,
        incident=looked.incident,
        advice=looked.advice,
        thanks=THANKS.get(said),
        once=uuid4().hex,
        actions=list(Action),
        causes=list(Cause),
    )
