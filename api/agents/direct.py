"""The service itself answers: what its routes do, for the workspace of whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from api.agents.respondent import Document, Refused
from api.composition import Parts
from api.models import OutcomeBody
from api.models_proposals import ProposalBody
from api.problems import kind_of
from ingest.records import FailureBody
from knowledge.errors import KnowledgeError
from knowledge.search import SearchQuery


class Direct:
    """A `Respondent` within the service. `asker` is the API key, by its name; None where nobody is asked for one."""

    def __init__(self, parts: Parts, *, workspace: str, asker: str | None) -> None:
        self._parts = parts
        self._workspace = workspace
        self._asker = asker

    async def advise(self, failure: FailureBody, *, dry_run: bool) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.service.advise(self._workspace, failure.to_failure(), dry_run=dry_run)

    async def search(self, query: SearchQuery) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.service.search(self._workspace, query)

    async def precedent(self, id: UUID) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.service.precedent(self._workspace, id)

    async def resume_point(self, run_id: str) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.memory.resume_point(self._workspace, run_id)

    async def report_outcome(self, incident_id: UUID, outcome: OutcomeBody) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.service.outcome(
                self._workspace,
                incident_id,
                result=outcome.result,
                attempt=outcome.attempt,
                waited_s=outcome.waited_s,
                author=self._asker,
            )

    async def propose(self, proposal: ProposalBody) -> Document:
        """See `Respondent`."""
        async with _refusing():
            return await self._parts.proposals.propose(self._workspace, proposal.to_proposal(self._asker))


@asynccontextmanager
async def _refusing() -> AsyncIterator[None]:
    """What the service refuses, as the port says it."""
    try:
        yield
    except KnowledgeError as error:
        kind = kind_of(error)
        if kind is None:
            raise
        fields = (error.field,) if error.field else ()
        raise Refused(kind.status, str(error), fields=fields) from None
