"""Requests that correct precedents, and the history of what was corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from api.models import Answer
from ingest.records import Name, Request, StatedResolution
from knowledge.failures import Action, Cause, Verdict


class SignedBody(Request):
    """Who changes something, and why; kept in the audit trail."""

    author: Name | None = None
    reason: Annotated[str, StringConstraints(max_length=5_000)] | None = None


class PrecedentPatch(SignedBody):
    """What a person says of a precedent; a field left out stays, `null` takes it away."""

    verdict: Verdict | None = None
    cause: Cause | None = None
    action: Action | None = None
    resolution: StatedResolution | None = None

    @model_validator(mode="after")
    def _resolution_is_said(self) -> PrecedentPatch:
        if "resolution" in self.model_fields_set and self.resolution is None:
            raise ValueError("a resolution cannot be taken away; say a better one")
        return self


class MergeBody(SignedBody):
    """Precedents that are the same as this one."""

    precedents: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class SplitBody(SignedBody):
    """Signatures that are something else than this precedent."""

    fingerprints: Annotated[list[Name], Field(min_length=1, max_length=1_000)]


class UndoBody(SignedBody):
    """A change that is to be taken back; of an undo, what it took back is brought back."""

    change: Annotated[UUID, Field(description="The `id` of an entry of the precedent's history.")]


class ChangeAnswer(Answer):
    """An entry of a precedent's history."""

    id: UUID
    at: datetime
    author: str | None
    reason: str | None
    action: Annotated[str, Field(description="`precedent.patch`, `.merge`, `.split`, `.undo`, `.regressed`, ...")]
    precedents: Annotated[list[UUID], Field(description="All that it touched, the one that it is about first.")]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undone_by: Annotated[UUID | None, Field(description="The change that took it back.")]
    undoable: Annotated[
        bool, Field(description="Whether it can be taken back, unless a later change stands in the way.")
    ]


class HistoryPage(Answer):
    """A page of a precedent's history, newest first; `next` is the cursor of the next page, null on the last."""

    changes: list[ChangeAnswer]
    next: str | None
