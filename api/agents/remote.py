"""A service that runs elsewhere answers, asked over HTTP as the other commands ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from api.agents.respondent import Document, Refused
from api.cli.asking import REFUSES, Service, ServiceTrouble
from api.models import OutcomeBody
from api.models_proposals import ProposalBody
from ingest.records import FailureBody, Request
from knowledge.search import SearchQuery


class Remote:
    """A `Respondent` elsewhere."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def advise(self, failure: FailureBody, *, dry_run: bool) -> Document:
        """See `Respondent`."""
        return await self._post("/advise", failure, params={"dry_run": str(dry_run).lower()})

    async def search(self, query: SearchQuery) -> Document:
        """See `Respondent`."""
        given = {
            "verdict": query.verdict,
            "cause": query.cause,
            "pipeline": query.pipeline,
            "since": query.since and query.since.isoformat(),
            "resolved": query.resolved,
        }
        params = {name: value for name, value in given.items() if value is not None}
        return await self._get("/search", params={"q": query.text, "limit": query.limit, **params})

    async def precedent(self, id: UUID) -> Document:
        """See `Respondent`."""
        return await self._get(f"/precedents/{id}")

    async def resume_point(self, run_id: str) -> Document:
        """See `Respondent`."""
        return await self._get(f"/runs/{quote(run_id, safe='')}/resume-point")

    async def report_outcome(self, incident_id: UUID, outcome: OutcomeBody) -> Document:
        """See `Respondent`."""
        return await self._post(f"/incidents/{incident_id}/outcome", outcome)

    async def propose(self, proposal: ProposalBody) -> Document:
        """See `Respondent`."""
        return await self._post("/resolutions", proposal)

    async def _get(self, path: str, *, params: dict[str, Any] | None = None) -> Document:
        return await _asked(partial(self._service.get, path, params=params))

    async def _post(self, path: str, body: Request, *, params: dict[str, str] | None = None) -> Document:
        content = json.dumps(body.model_dump(mode="json", exclude_unset=True)).encode("ascii")
        return await _asked(partial(self._service.post, path, content, params=params))


async def _asked(ask: Callable[[], Document]) -> Document:
    """The answer; the asking waits in a thread."""
    with _refusing():
        return await asyncio.to_thread(ask)


@contextmanager
def _refusing() -> Iterator[None]:
    """What the service refuses, or that there is none, as the port says it."""
    try:
        yield
    except ServiceTrouble as trouble:
        detail = trouble.message.removeprefix(REFUSES)
        raise Refused(trouble.status or 503, detail, fields=trouble.fields) from None
