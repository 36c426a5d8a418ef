"""A precedent: all that is known of it, and what people can say of it.

What is corrected goes by the version that was looked at (`If-Match` of the API): where somebody was faster, nothing is
changed and the page says so. Forms are answered in place where htmx sends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.context import Service
from api.cursors import read_cursor, write_cursor
from api.problems import Problem
from api.web.forms import Form, read_form
from api.web.in_place import is_in_place
from api.web.precedent import shown_changes, shown_precedent
from api.web.rendering import address_of, page
from api.web.told import led_to, told
from api.web.visitors import Visiting, Visitor
from api.web.voters import new_voter, remember_voter, voter_of
from knowledge.documents import Document
from knowledge.failures import Action, Cause
from knowledge.occurrences import MOST_PLACES, Occurrences
from knowledge.proposals import ProposalState
from knowledge.proposing import Proposals
from knowledge.service import KnowledgeService
from knowledge.votes import Votes

router = APIRouter(prefix="/precedents")
#: Incidents and changes of a page, and proposals that wait.
INCIDENTS, CHANGES, PROPOSED = 10, 10, 3
THANKS = {
    "verdict": "Corrected. From now on this precedent answers so.",
    "resolution": "Recorded. Whoever meets this next is told what fixed it.",
    "merge": "Merged. Both are one precedent now, and recurrences of either come here.",
    "split": "Split. This is the new precedent; what was said of the whole stayed with the old one.",
    "undo": "Taken back. The history keeps both, and undoing the undo brings it back.",
    "vote": "Counted. What helped most is shown first.",
}
Cursor = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Places:
    """Where its lists go on: cursors of the incidents and of the history."""

    incidents: str | None = None
    history: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedSplit:
    """Why a split cannot be done, and what was written in its form."""

    problem: str
    reason: str | None
    ticked: frozenset[str] = frozenset()


class VoteForm(Form):
    """Whether it helped; nothing takes the vote back."""

    helped: bool | None = None


@router.get("/{precedent_id}", name="precedent")
async def read(
    precedent_id: UUID,
    request: Request,
    service: Service,
    visitor: Visiting,
    incidents: Cursor = None,
    history: Cursor = None,
) -> Response:
    """All that is known of it; what was merged away leads to what it was merged into."""
    places, said = Places(incidents, history), told(request)
    return await precedent_page(request, service, visitor, precedent_id, places=places, said=said)


@router.post("/{precedent_id}/resolutions/{resolution_id}/vote", name="precedent-vote")
async def vote(
    precedent_id: UUID, resolution_id: UUID, request: Request, service: Service, visitor: Visiting
) -> Response:
    """Say whether a resolution helped: one vote an API key, or a browser while nobody is asked for one."""
    form = await read_form(request, VoteForm)
    votes: Votes = request.app.state.parts.votes
    voter, cookie = voter_of(request, visitor), None
    if voter is None:
        voter, cookie = new_voter()
    await votes.vote(visitor.workspace, precedent_id, resolution_id, voter=voter, helped=form.helped)
    answer = await after_change(request, service, visitor, precedent_id, said="vote", voter=voter)
    if cookie is not None:
        remember_voter(answer, cookie)
    return answer


async def after_change(
    request: Request,
    service: KnowledgeService,
    visitor: Visitor,
    precedent_id: UUID,
    *,
    said: str,
    voter: str | None = None,
) -> Response:
    """The page as it is now: in place, or by the way back to it."""
    if is_in_place(request):
        return await precedent_page(request, service, visitor, precedent_id, said=said, voter=voter)
    address = address_of(request, "precedent", precedent_id=precedent_id)
    return led_to(request, address, telling=said)


async def precedent_page(
    request: Request,
    service: KnowledgeService,
    visitor: Visitor,
    id: UUID,
    *,
    places: Places = Places(),
    said: str | None = None,
    voter: str | None = None,
    refused: RefusedSplit | None = None,
) -> Response:
    """The whole page, or in place its content; `refused` is told in its form. Raises `NotFound`."""
    if refused is not None and is_in_place(request):  # the form is still open, and takes the note
        raise Problem(422, refused.problem)
    document = await service.precedent(visitor.workspace, id)
    if (living := UUID(document["id"])) != id:
        return RedirectResponse(address_of(request, "precedent", precedent_id=living), status_code=303)
    found = await _looked_up(request, service, visitor, document, places=places, voter=voter)
    return page(
        request,
        "_precedent.html" if is_in_place(request) else "precedent.html",
        places=places,
        most_places=MOST_PLACES,
        permalink=address_of(request, "precedent", precedent_id=id),
        status=200 if refused is None else 422,
        refused=refused,
        thanks=THANKS.get(said or ""),
        once=uuid4().hex,
        actions=list(Action),
        causes=list(Cause),
        **found,
    )


async def _looked_up(
    request: Request,
    service: KnowledgeService,
    visitor: Visitor,
    document: Document,
    *,
    places: Places,
    voter: str | None,
) -> dict[str, Any]:
    """All that is looked up beside the precedent, at once, as the template has it."""
    occurrences: Occurrences = request.app.state.parts.occurrences
    votes: Votes = request.app.state.parts.votes
    workspace, id = visitor.workspace, UUID(document["id"])
    whose = voter or voter_of(request, visitor) or ""
    course, resolutions, proposed, latest, changes, newest = await asyncio.gather(
        occurrences.course(workspace, id),
        votes.resolutions(workspace, id, voter=whose),
        _proposed(request, visitor, id),
        occurrences.incidents(workspace, id, after=_read(places.incidents), limit=INCIDENTS + 1),
        service.history(workspace, id, after=_read(places.history), limit=CHANGES + 1),
        # Who set the verdict is told on every page of the history.
        service.history(workspace, id, after=None, limit=CHANGES) if places.history else _nothing(),
    )
    told = newest if places.history else changes
    return {
        "shown": shown_precedent(document, course=course, resolutions=resolutions, history=told),
        "proposed": proposed[:PROPOSED],
        "more_proposed": len(proposed) > PROPOSED,
        "latest": latest[:INCIDENTS],
        "next_incidents": _cursor([(each.occurred_at.isoformat(), each.id) for each in latest], page=INCIDENTS),
        "changes": shown_changes(changes[:CHANGES], of=id),
        "next_changes": _cursor([(each["at"], each["id"]) for each in changes], page=CHANGES),
    }


async def _proposed(request: Request, visitor: Visitor, id: UUID) -> list[Document]:
    """What waits to be accepted; not asked for where it is known that nothing waits in the whole workspace."""
    if getattr(request.state, "waiting", None) == 0:
        return []
    proposals: Proposals = request.app.state.parts.proposals
    waiting = ProposalState.PROPOSED
    return await proposals.page(visitor.workspace, state=waiting, precedent_id=id, limit=PROPOSED + 1)


def _cursor(entries: Sequence[tuple[object, object]], *, page: int) -> str | None:
    """The cursor of the next page, where one entry more than a page was found."""
    return write_cursor(*entries[page - 1]) if len(entries) > page else None


def _read(cursor: str | None) -> tuple[datetime, UUID] | None:
    return read_cursor(cursor) if cursor else None


async def _nothing() -> list[Document]:
    return []
