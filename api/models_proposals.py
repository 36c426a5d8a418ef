"""Resolutions that are proposed, and what people decide about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.models import Answer
from ingest.records import Name, StatedResolution
from knowledge.failures import Action, Cause, Verdict
from knowledge.proposals import Proposal, ProposalState


class ProposalBody(StatedResolution):
    """What would fix a failure, for a person to accept."""

    incident_id: UUID
    verdict: Literal["transient", "genuine"] | None = None
    cause: Cause | None = None
    author: Annotated[Name | None, Field(description="Who proposes it; the API key, where that is not said.")] = None

    def to_proposal(self, key: str | None) -> Proposal:
        """The proposal as the service knows it; `key` is the name of the API key."""
        return Proposal(
            self.incident_id,
            self.to_resolution(self.author or key),
            verdict=Verdict(self.verdict) if self.verdict else None,
            cause=self.cause,
            key=key,
        )


class ProposalAnswer(Answer):
    """A proposed resolution. It counts nowhere until it is accepted; then it is a resolution of that `id`."""

    id: UUID
    state: ProposalState
    incident_id: UUID
    precedent_id: UUID
    summary: str
    action: Action | None
    verdict: Literal["transient", "genuine"] | None
    cause: Cause | None
    fixed_in: dict[str, str] | None
    proposed_by: str | None
    proposed_at: datetime
    decided_by: str | None = Field(description="Who accepted or rejected it.")
    decided_at: datetime | None
    reason: str | None = Field(description="Why, where that was said.")


class ProposalPage(Answer):
    """A page of proposed resolutions, newest first; `next` is the cursor of the next page, null on the last."""

    resolutions: list[ProposalAnswer]
    next: str | None
