"""Proposed resolutions: proposed, listed, and accepted or rejected by a person."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from api.context import Idempotent, JsonAnswer, KeyName, Workspace, problems
from api.cursors import read_cursor, write_cursor
from api.models_corrections import SignedBody
from api.models_proposals import ProposalAnswer, ProposalBody, ProposalPage
from knowledge.correcting import Signed
from knowledge.proposals import ProposalState
from knowledge.proposing import Proposals

router = APIRouter(prefix="/resolutions", tags=["resolutions"])


async def proposals_of(request: Request) -> Proposals:
    """The proposed resolutions, from the composition root."""
    proposals: Proposals = request.app.state.parts.proposals
    return proposals


Proposed = Annotated[Proposals, Depends(proposals_of)]


@router.post("", response_model=ProposalAnswer, status_code=201, responses=problems(404, 409))
async def propose(
    body: ProposalBody, proposals: Proposed, workspace: Workspace, key: KeyName, once: Idempotent
) -> JsonAnswer:
    """Propose what fixed an incident. Advice shows it, and anything counts it, once a person has accepted it."""
    return JsonAnswer(await proposals.propose(workspace, body.to_proposal(key), once=once), status_code=201)


@router.get("", response_model=ProposalPage, responses=problems())
async def list_proposed(
    proposals: Proposed,
    workspace: Workspace,
    state: Annotated[ProposalState, Query(description="Where they stand.")] = ProposalState.PROPOSED,
    precedent: Annotated[UUID | None, Query(description="Only those of this precedent's incidents.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """Resolutions that were proposed, newest first, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await proposals.page(workspace, state=state, precedent_id=precedent, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["proposed_at"], last["id"]) if last is not None else None
    return JsonAnswer({"resolutions": page[:limit], "next": following})


@router.post("/{resolution_id}/accept", response_model=ProposalAnswer, responses=problems(404, 409))
async def accept(
    resolution_id: UUID, body: SignedBody, proposals: Proposed, workspace: Workspace, key: KeyName, once: Idempotent
) -> JsonAnswer:
    """Make a proposal a resolution, as a person: another than who proposed it, and with another API key."""
    signed = _signed(body, key)
    return JsonAnswer(await proposals.accept(workspace, resolution_id, signed=signed, key=key, once=once))


@router.post("/{resolution_id}/reject", response_model=ProposalAnswer, responses=problems(404, 409))
async def reject(
    resolution_id: UUID, body: SignedBody, proposals: Proposed, workspace: Workspace, key: KeyName, once: Idempotent
) -> JsonAnswer:
    """Put a proposal aside for good."""
    signed = _signed(body, key)
    return JsonAnswer(await proposals.reject(workspace, resolution_id, signed=signed, key=key, once=once))


def _signed(body: SignedBody, key: str | None) -> Signed:
    """Who says so: the author that is named, else the API key."""
    return Signed(body.author or key, body.reason)
