"""The way of a failure, from what was reported to the answer that is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from knowledge import documents
from knowledge.advisor import advising
from knowledge.advisor.advice import Advice, PrecedentSummary
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.term_weights import TermWeights
from knowledge.documents import Document
from knowledge.errors import StoreUnavailable
from knowledge.failures import Failure, Source
from knowledge.intake import Prepared, prepare
from knowledge.lookup import STORE, Found, Lookup, is_own
from knowledge.recording import Recorder, as_incident, occurred_at
from knowledge.store.database import Connection
from knowledge.store.ids import precedent_id, uuid7
from knowledge.store.records import NewIncident, Recorded

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Asked:
    """A prepared failure, who asks, and when. Without a `workspace_id` PostgreSQL is away."""

    prepared: Prepared
    workspace: str
    workspace_id: int | None
    now: datetime


class Answering:
    """Looks up, judges, answers, records."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        recorder: Recorder,
        settings: AdvisorSettings,
        terms: TermWeights,
        clock: Clock,
    ) -> None:
        self._lookup = lookup
        self._recorder = recorder
        self._settings = settings
        self._terms = terms
        self._clock = clock

    async def ask(self, failure: Failure, *, workspace: str, workspace_id: int | None) -> Asked:
        """Scrub and sign; raises `InvalidInput`."""
        now = self._clock()
        prepared = await prepare(replace(failure, occurred_at=occurred_at(failure, now=now)))
        return Asked(prepared, workspace, workspace_id, now)

    async def only_answer(self, asked: Asked) -> Document:
        """The answer, nothing recorded."""
        found = await self._lookup.find(asked.prepared.signature, workspace_id=asked.workspace_id)
        return documents.of_advice(self._advice(asked, found))

    async def answer_and_record(self, asked: Asked) -> Document:
        """The answer, recorded with the failure."""
        incident_id = uuid7()
        early = _Early(self._recorder, self._incident(asked, id=incident_id))
        found = await self._lookup.find(
            asked.prepared.signature, workspace_id=asked.workspace_id, unsettled=early.start
        )
        advice = self._advice(asked, found)
        if asked.workspace_id is None or STORE in found.degraded:
            return await self._keep_aside(asked, advice, incident_id=incident_id)
        answer = self._answer(asked, found, advice, incident_id=incident_id)
        try:
            recorded = await early.recorded()
            if recorded is not None:
                return await self._recorder.advise_recorded(recorded, asked.workspace_id, answer=answer)
            return await self._recorder.advised(early.incident, answer=answer)
        except StoreUnavailable:
            return await self._keep_aside(asked, advice, incident_id=incident_id)

    async def answer(self, asked: Asked) -> Callable[[Connection], Awaitable[Document]]:
        """The answer first, and then, in the caller's transaction, the recording of it with the failure.

        Raises `StoreUnavailable` while PostgreSQL is away: nobody can say then whether a key was used.
        """
        found = await self._lookup.find(asked.prepared.signature, workspace_id=asked.workspace_id)
        if asked.workspace_id is None or STORE in found.degraded:
            raise StoreUnavailable()
        incident_id = uuid7()
        answer = self._answer(asked, found, self._advice(asked, found), incident_id=incident_id)
        incident = self._incident(asked, id=incident_id)
        return lambda connection: self._recorder.advised(incident, answer=answer, on=connection)

    def _answer(self, asked: Asked, found: Found, advice: Advice, *, incident_id: UUID) -> Document:
        summary = _summary(asked, found, workspace_id=asked.workspace_id or 0)
        return documents.of_advice(replace(advice, advice_id=uuid7(), incident_id=incident_id, precedent=summary))

    async def _keep_aside(self, asked: Asked, advice: Advice, *, incident_id: UUID) -> Document:
        kept = await self._recorder.keep_aside(asked.workspace, asked.prepared, advice=advice, incident_id=incident_id)
        return documents.of_advice(kept)

    def _incident(self, asked: Asked, *, id: UUID) -> NewIncident:
        return as_incident(asked.prepared, workspace_id=asked.workspace_id or 0, incident_id=id, now=asked.now)

    def _advice(self, asked: Asked, found: Found) -> Advice:
        own = (each.similarity for each in found.neighbours if each.source is Source.INCIDENT)
        return advising.advise(
            asked.prepared.failure,
            signature=asked.prepared.signature,
            neighbours=found.neighbours,
            precedent=_known_summary(found),
            seen_before=is_own(found.known) or max(own, default=0.0) >= self._settings.seen_from,
            settings=self._settings,
            terms=self._terms,
            now=asked.now,
            degraded=found.degraded,
        )


class _Early:
    """Writes the incident while its neighbours are still looked for: PostgreSQL has nothing else to do then."""

    def __init__(self, recorder: Recorder, incident: NewIncident) -> None:
        self._recorder = recorder
        self.incident = incident
        self._task: asyncio.Task[Recorded] | None = None

    def start(self) -> None:
        """What is known does not settle the matter: the incident goes ahead of its advice."""
        self._task = asyncio.create_task(self._recorder.record(self.incident))
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def recorded(self) -> Recorded | None:
        """Where it went; None when it was not begun. Raises what went wrong."""
        return None if self._task is None else await self._task


def _known_summary(found: Found) -> PrecedentSummary | None:
    if found.known is None:
        return None
    record = found.known.precedent
    return PrecedentSummary(
        id=record.id,
        fingerprint=record.signature.fingerprint,
        template=record.signature.template,
        occurrences=record.occurrences,
        first_seen=record.first_seen,
        last_seen=record.last_seen,
    )


def _summary(asked: Asked, found: Found, *, workspace_id: int) -> PrecedentSummary:
    """The precedent as it stands once this failure is recorded."""
    at = asked.prepared.failure.occurred_at or asked.now
    known = _known_summary(found)
    if known is not None and is_own(found.known):
        last = max(at, known.last_seen or at)
        first = min(at, known.first_seen or at)
        return replace(known, occurrences=known.occurrences + 1, first_seen=first, last_seen=last)
    signature = asked.prepared.signature
    return PrecedentSummary(
        id=precedent_id(workspace_id, signature.fingerprint),
        fingerprint=signature.fingerprint,
        template=signature.template,
        occurrences=1,
        first_seen=at,
        last_seen=at,
    )
