"""Who answers the tools: a port with two adapters, the service itself (`direct`) and one elsewhere (`remote`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from api.models import OutcomeBody
from api.models_proposals import ProposalBody
from ingest.records import FailureBody
from knowledge.search import SearchQuery

Document = dict[str, Any]


class Refused(Exception):
    """What was asked is not done: why, in words that may quote what was sent, and at which fields."""

    def __init__(self, status: int, detail: str, *, fields: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fields = tuple(fields)


class Respondent(Protocol):
    """Answers are documents of the HTTP contract; every method raises only `Refused`."""

    async def advise(self, failure: FailureBody, *, dry_run: bool) -> Document:
        """The answer of `POST /advise`."""

    async def search(self, query: SearchQuery) -> Document:
        """The answer of `GET /search`."""

    async def precedent(self, id: UUID) -> Document:
        """The answer of `GET /precedents/{id}`."""

    async def resume_point(self, run_id: str) -> Document:
        """The answer of `GET /runs/{run_id}/resume-point`."""

    async def report_outcome(self, incident_id: UUID, outcome: OutcomeBody) -> Document:
        """The answer of `POST /incidents/{id}/outcome`."""

    async def propose(self, proposal: ProposalBody) -> Document:
        """The answer of `POST /resolutions`."""
