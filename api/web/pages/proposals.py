"""Proposals: what agents say fixed a failure, for a person to accept or reject. None of it is advice before that.

Each is shown with what it is about, so that who decides need not look it up. A decision is one press, answered in place
where htmx sends it; who decides is the API key that has signed in, and else the name that is given.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.cursors import read_cursor, write_cursor
from api.routes.resolutions import Proposed
from api.web.fields import narrowed
from api.web.forms import read_form
from api.web.in_place import is_in_place
from api.web.pages.incidents import OnceForm
from api.web.rendering import NavEntry, address_of, page
from api.web.told import led_to, told
from api.web.visitors import A_YEAR_S, HOME, Visiting
from knowledge.correcting import Signed
from knowledge.proposals import ProposalState

NAV = NavEntry("Proposals", "/ui/proposals", "p")
router = APIRouter(prefix="/proposals")
#: Proposals of a page.
SHOWN = 20
#: Who decided last in this browser, so that the next decision is one press.
NAME_COOKIE = "seenbefore_name"
LONGEST_NAME = 500
THANKS = {
    "accepted": "Accepted. It is a resolution now, and advice shows it.",
    "rejected": "Rejected. It is put aside for good, and the history keeps it.",
}


class DecisionForm(OnceForm):
    """What is decided, and why where that is said."""

    decision: Literal["accept", "reject"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=5_000)] | None = None


@router.get("", name="proposals")
async def list_proposals(
    request: Request,
    proposals: Proposed,
    visitor: Visiting,
    state: ProposalState = ProposalState.PROPOSED,
    precedent: UUID | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Those of a state, newest first; of one precedent where it is named."""
    after = read_cursor(cursor) if cursor is not None else None
    found = await proposals.with_precedents(
        visitor.workspace, state=state, precedent_id=precedent, after=after, limit=SHOWN + 1
    )
    asked = {"state": state.value, **({"precedent": str(precedent)} if precedent else {})}
    last = found[SHOWN - 1] if len(found) > SHOWN else None
    following = write_cursor(last["proposed_at"], last["id"]) if last else None
    return page(
        request,
        "proposals.html",
        proposals=found[:SHOWN],
        states={each.value: narrowed(request, "proposals", asked | {"state": each.value}) for each in ProposalState},
        state=state.value,
        of_all=narrowed(request, "proposals", {"state": state.value}) if precedent else None,
        name=_name(request),
        once=uuid4().hex,
        thanks=THANKS.get(told(request)),
        next=narrowed(request, "proposals", asked | {"cursor": following}) if following else None,
        first=narrowed(request, "proposals", asked) if cursor else None,
    )


@router.post("/{proposal_id}", name="proposal-decision")
async def decide(proposal_id: UUID, request: Request, proposals: Proposed, visitor: Visiting) -> Response:
    """Accept or reject; neither who has proposed it nor the API key that did can accept it."""
    form = await read_form(request, DecisionForm)
    signed = Signed(visitor.author or form.author, form.reason)
    deciding = proposals.accept if form.decision == "accept" else proposals.reject
    decided = await deciding(visitor.workspace, proposal_id, signed=signed, key=visitor.author, once=form.key(request))
    if is_in_place(request):
        thanks = THANKS[decided["state"]]
        waiting = await proposals.waiting(visitor.workspace)
        answer: Response = page(request, "_proposal_decided.html", each=decided, thanks=thanks, waiting=waiting)
    else:
        answer = led_to(request, address_of(request, "proposals"), telling=decided["state"])
    if form.author and visitor.key is None:
        _remember(answer, form.author)
    return answer


def _name(request: Request) -> str:
    return unquote(request.cookies.get(NAME_COOKIE, ""))[:LONGEST_NAME]


def _remember(answer: Response, name: str) -> None:
    answer.set_cookie(NAME_COOKIE, quote(name), max_age=A_YEAR_S, path=HOME, httponly=True, samesite="lax")
