"""What a proposed resolution is, and how it stands (see `knowledge.proposing`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from knowledge.failures import Cause, Resolution, Verdict


class ProposalState(StrEnum):
    """Where a proposed resolution stands."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed to have fixed an incident, and what it thereby turned out to be."""

    incident_id: UUID
    resolution: Resolution
    verdict: Verdict | None = None
    cause: Cause | None = None
