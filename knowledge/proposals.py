"""What a proposed resolution is, and how it stands (see `knowledge.proposing`)."""

from __future__ import annotations

import unicodedata
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
    """What is proposed to have fixed an incident, and what it thereby turned out to be.

    `key`: the API key that proposes it, by its name; None where nobody was asked for one. The resolution's author is
    what its bearer calls itself.
    """

    incident_id: UUID
    resolution: Resolution
    verdict: Verdict | None = None
    cause: Cause | None = None
    key: str | None = None


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are one to whoever reads them: in upper or lower case, in other forms or with other blanks."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    shown = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown.casefold()).split())
