"""Precedents: read, and corrected by people."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from api.context import Idempotent, IfMatch, JsonAnswer, Service, Workspace, etag, problems
from api.models import MergeBody, PrecedentAnswer, PrecedentPatch, SplitBody
from knowledge.documents import Document
from knowledge.failures import Resolution
from knowledge.service import Correction, Signed
from knowledge.store.records import Keep

router = APIRouter(prefix="/precedents", tags=["precedents"])
CHANGING = problems(404, 409, 412, 428)


@router.get("/{precedent_id}", response_model=PrecedentAnswer, responses=problems(404))
async def read(precedent_id: UUID, service: Service, workspace: Workspace) -> JsonAnswer:
    """A precedent with its signatures, its retries and what was said to fix it."""
    return _versioned(await service.precedent(workspace, precedent_id))


@router.patch("/{precedent_id}", response_model=PrecedentAnswer, responses=CHANGING)
async def correct(
    precedent_id: UUID,
    body: PrecedentPatch,
    service: Service,
    workspace: Workspace,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Say what a precedent is; a person's word outweighs what was counted."""
    given = body.model_fields_set
    said = body.resolution
    correction = Correction(
        verdict=body.verdict if "verdict" in given else Keep.KEEP,
        cause=body.cause if "cause" in given else Keep.KEEP,
        action=body.action if "action" in given else Keep.KEEP,
        resolution=Resolution(said.summary, said.action, body.author) if said else Keep.KEEP,
    )
    signed = Signed(body.author, body.reason)
    return _versioned(
        await service.correct(workspace, precedent_id, correction, expected_version=version, signed=signed, once=once)
    )


@router.post("/{precedent_id}/merge", response_model=PrecedentAnswer, responses=CHANGING)
async def merge(
    precedent_id: UUID, body: MergeBody, service: Service, workspace: Workspace, version: IfMatch, once: Idempotent
) -> JsonAnswer:
    """Join other precedents into this one; their recurrences follow."""
    signed = Signed(body.author, body.reason)
    return _versioned(
        await service.merge(
            workspace, precedent_id, body.precedents, expected_version=version, signed=signed, once=once
        )
    )


@router.post("/{precedent_id}/split", response_model=PrecedentAnswer, responses=CHANGING)
async def split(
    precedent_id: UUID, body: SplitBody, service: Service, workspace: Workspace, version: IfMatch, once: Idempotent
) -> JsonAnswer:
    """Part signatures from this precedent; answers the new one."""
    signed = Signed(body.author, body.reason)
    return _versioned(
        await service.split(
            workspace, precedent_id, body.fingerprints, expected_version=version, signed=signed, once=once
        )
    )


def _versioned(document: Document) -> JsonAnswer:
    return JsonAnswer(document, headers=etag(document["version"]))
