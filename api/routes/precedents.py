"""Precedents: read, and corrected by people."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.context import Idempotent, IfMatch, JsonAnswer, KeyName, Service, Workspace, etag, problems
from api.cursors import read_cursor, write_cursor
from api.models import PrecedentAnswer
from api.models_corrections import HistoryPage, MergeBody, PrecedentPatch, SignedBody, SplitBody, UndoBody
from knowledge.correcting import Correction, Merge, Signed, Split, Undo
from knowledge.documents import Document
from knowledge.store.records import Keep

router = APIRouter(prefix="/precedents", tags=["precedents"])
CHANGING = problems(404, 409, 412, 428)


@router.get("/{precedent_id}", response_model=PrecedentAnswer, responses=problems(404))
async def read(precedent_id: UUID, service: Service, workspace: Workspace) -> JsonAnswer:
    """A precedent with its signatures, its retries and what was said to fix it."""
    return _versioned(await service.precedent(workspace, precedent_id))


@router.get("/{precedent_id}/history", response_model=HistoryPage, responses=problems(404))
async def history(
    precedent_id: UUID,
    service: Service,
    workspace: Workspace,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JsonAnswer:
    """Who changed it, when, why and what, newest first, by keyset pages."""
    after = read_cursor(cursor) if cursor is not None else None
    page = await service.history(workspace, precedent_id, after=after, limit=limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    following = write_cursor(last["at"], last["id"]) if last is not None else None
    return JsonAnswer({"changes": page[:limit], "next": following})


@router.patch("/{precedent_id}", response_model=PrecedentAnswer, responses=CHANGING)
async def correct(
    precedent_id: UUID,
    body: PrecedentPatch,
    service: Service,
    workspace: Workspace,
    key: KeyName,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Say what a precedent is; a person's word outweighs what was counted."""
    given = body.model_fields_set
    correction = Correction(
        verdict=body.verdict if "verdict" in given else Keep.KEEP,
        cause=body.cause if "cause" in given else Keep.KEEP,
        action=body.action if "action" in given else Keep.KEEP,
        resolution=body.resolution.to_resolution(body.author) if body.resolution else Keep.KEEP,
    )
    signed = _signed(body, key)
    return _versioned(
        await service.change(workspace, precedent_id, correction, expected_version=version, signed=signed, once=once)
    )


@router.post("/{precedent_id}/merge", response_model=PrecedentAnswer, responses=CHANGING)
async def merge(
    precedent_id: UUID,
    body: MergeBody,
    service: Service,
    workspace: Workspace,
    key: KeyName,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Join other precedents into this one; their recurrences follow."""
    joined, signed = Merge(body.precedents), _signed(body, key)
    return _versioned(
        await service.change(workspace, precedent_id, joined, expected_version=version, signed=signed, once=once)
    )


@router.post("/{precedent_id}/split", response_model=PrecedentAnswer, responses=CHANGING)
async def split(
    precedent_id: UUID,
    body: SplitBody,
    service: Service,
    workspace: Workspace,
    key: KeyName,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Part signatures from this precedent; answers the new one."""
    parted, signed = Split(body.fingerprints), _signed(body, key)
    return _versioned(
        await service.change(workspace, precedent_id, parted, expected_version=version, signed=signed, once=once)
    )


@router.post("/{precedent_id}/undo", response_model=PrecedentAnswer, responses=CHANGING)
async def undo(
    precedent_id: UUID,
    body: UndoBody,
    service: Service,
    workspace: Workspace,
    key: KeyName,
    version: IfMatch,
    once: Idempotent,
) -> JsonAnswer:
    """Take a change of its history back: an override, a merge, a split, or an undo of one of them."""
    undone, signed = Undo(body.change), _signed(body, key)
    return _versioned(
        await service.change(workspace, precedent_id, undone, expected_version=version, signed=signed, once=once)
    )


def _signed(body: SignedBody, key: str | None) -> Signed:
    """Who says so: the author that is named, else the API key."""
    return Signed(body.author or key, body.reason)


def _versioned(document: Document) -> JsonAnswer:
    return JsonAnswer(document, headers=etag(document["version"]))
