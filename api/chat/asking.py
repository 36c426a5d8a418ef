"""Asking the service on behalf of people in chat, and writing back what they say."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

from api.chat.answers import Answer, answer_of, best_of
from ingest.foreign import text_of
from knowledge.documents import Document
from knowledge.errors import NotFound, StoreBusy, StoreUnavailable
from knowledge.failures import Failure
from knowledge.proposals import ProposalState
from knowledge.proposing import Proposals
from knowledge.service import KnowledgeService

NO_ANSWER = "Seen Before cannot answer just now."
#: Said in place of an unexpected error's own words, which may quote what was asked, and others than the asker read.
FAULT = "That is a fault of its own, and its log says where."


@dataclass(frozen=True, slots=True)
class Asking:
    """The service as chat asks it: in one workspace, with the address of the web pages where that is known."""

    service: KnowledgeService
    proposals: Proposals
    workspace: str
    public_url: str | None

    async def ask(self, text: str, *, external_id: str) -> Answer:
        """Is this failure known? Recorded as `POST /advise` records, once an `external_id`. Raises `KnowledgeError`."""
        failure = Failure(text=text_of(text), external_id=external_id)  # a paste may hold what cannot be stored
        return await self._in_words(await self.service.advise(self.workspace, failure))

    async def again(self, incident_id: UUID, *, notes: tuple[str, ...]) -> Answer:
        """The answer as it was given for an incident, with what people did since. Raises `NotFound`."""
        incident = await self.service.incident(self.workspace, incident_id)
        given = incident["advice"] or await self._judged(incident)
        return await self._in_words(given | {"incident_id": str(incident_id)}, notes=notes)

    async def _judged(self, incident: Document) -> Document:
        """What there is to say of an incident that nobody has asked about (an import)."""
        failure = Failure(
            text=incident["text"] or incident["template"],
            pipeline=incident["pipeline"],
            step=incident["step"],
            attempt=incident["attempt"],
            max_attempts=incident["max_attempts"],
        )
        return await self.service.advise(self.workspace, failure, dry_run=True)

    async def _in_words(self, advice: Document, *, notes: tuple[str, ...] = ()) -> Answer:
        ids = [entry["precedent_id"] for entry in best_of(advice)]
        read = await asyncio.gather(*map(self._precedent, ids))
        precedents = {id: each for id, each in zip(ids, read, strict=True) if each is not None}
        proposal = await self._proposal(advice.get("precedent"))
        return answer_of(advice, precedents=precedents, proposal=proposal, public_url=self.public_url, notes=notes)

    async def _proposal(self, precedent: Document | None) -> Document | None:
        """The latest resolution that is proposed for a precedent and waits for a person."""
        if precedent is None:
            return None
        with contextlib.suppress(StoreUnavailable, StoreBusy):
            waiting = await self.proposals.page(
                self.workspace, state=ProposalState.PROPOSED, precedent_id=UUID(precedent["id"]), limit=1
            )
            return waiting[0] if waiting else None
        return None

    async def _precedent(self, id: str) -> Document | None:
        with contextlib.suppress(NotFound, StoreUnavailable, StoreBusy):
            return await self.service.precedent(self.workspace, UUID(id))
        return None
