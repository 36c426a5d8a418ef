"""The way of a failure, from what was reported to the answer that is recorded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from knowledge import documents
from knowledge.advisor import advising, regression
from knowledge.advisor.advice import Advice, PrecedentSummary, Resume
from knowledge.advisor.term_weights import TermWeights
from knowledge.calibrations import Calibrations
from knowledge.documents import Document
from knowledge.errors import StoreUnavailable
from knowledge.failures import Failure, Source
from knowledge.intake import Prepared, prepare
from knowledge.lookup import STORE, Found, Lookup, is_own
from knowledge.once import Once
from knowledge.recording import Recorder, as_incident, occurred_at
from knowledge.spooling import aside_id
from knowledge.state.resuming import Resuming
from knowledge.store.database import Connection
from knowledge.store.ids import precedent_id, uuid7
from knowledge.store.records import NewIncident, Recorded
from knowledge.storms import Storms
from knowledge.tracing import span

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Asked:
    """A prepared failure, who asks, when, and under which key. Without a `workspace_id` PostgreSQL is away.

    `run_id` and `step` are as they were told, and as pipeline memory has them; those of the failure are scrubbed.
    `claims`: whether it may try for all in a storm.
    """

    prepared: Prepared
    workspace: str
    workspace_id: int | None
    now: datetime
    once: Once | None = None
    run_id: str | None = None
    step: str | None = None
    claims: bool = True


class Answering:
    """Looks up, judges, answers, records."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        recorder: Recorder,
        storms: Storms,
        calibrations: Calibrations,
        resuming: Resuming,
        terms: TermWeights,
        clock: Clock,
    ) -> None:
        self._lookup = lookup
        self._resuming = resuming
        self._recorder = recorder
        self._storms = storms
        self._calibrations = calibrations
        self._terms = terms
        self._clock = clock

    async def ask(
        self,
        failure: Failure,
        *,
        workspace: str,
        workspace_id: int | None,
        claims: bool = True,
        once: Once | None = None,
    ) -> Asked:
        """Scrub and sign; raises `InvalidInput`."""
        now = self._clock()
        with span("sign"):
            prepared = await prepare(replace(failure, occurred_at=occurred_at(failure, now=now)))
        named = {"run_id": failure.run_id, "step": failure.step}
        return Asked(prepared, workspace, workspace_id, now, once, claims=claims, **named)

    async def only_answer(self, asked: Asked) -> Document:
        """The answer, nothing recorded, and no part in a storm claimed."""
        found, resume = await self._find(asked)
        advice = self._advice(asked, found, resume=resume)
        if _store_is_there(asked, found):
            with contextlib.suppress(StoreUnavailable):
                advice = await self._storms.look_on(
                    advice, failure=asked.prepared.failure, found=found, workspace_id=asked.workspace_id or 0
                )
        return documents.of_advice(advice)

    async def answer_and_record(self, asked: Asked) -> Document:
        """The answer, recorded with the failure."""
        incident_id = uuid7()
        early = _Early(self._recorder, self._incident(asked, id=incident_id))
        found, resume = await self._find(asked, unsettled=early.start)
        advice = self._advice(asked, found, resume=resume)
        with span("record"):
            if not _store_is_there(asked, found):
                return await self._keep_aside(asked, advice, incident_id=incident_id if early.begun else None)
            try:
                return await self._record(asked, found, advice, early)
            except StoreUnavailable:  # it may have been written, under this id
                return await self._keep_aside(asked, advice, incident_id=incident_id)

    async def _record(self, asked: Asked, found: Found, advice: Advice, early: _Early) -> Document:
        """The answer, recorded with an incident that may have been written already."""
        id = early.incident.id
        recorded = await early.recorded()
        if recorded is not None:
            return await self._advise_recorded(asked, found, advice, recorded, id=id)
        told = await self._in_storm(asked, found, advice, id=id)
        answer = self._answer(asked, found, told, incident_id=id)
        return await self._recorder.advised(early.incident, answer=answer, judged=documents.of_judged(told))

    async def answer(self, asked: Asked) -> Callable[[Connection], Awaitable[Document]] | Document:
        """The answer first, and then, in the caller's transaction, the recording of it with the failure.

        The answer alone while PostgreSQL is away: the failure is kept aside, with its key.
        """
        found, resume = await self._find(asked)
        advice = self._advice(asked, found, resume=resume)
        if not _store_is_there(asked, found):
            return await self._keep_aside(asked, advice)
        incident_id = uuid7()
        incident = self._incident(asked, id=incident_id)

        async def work(connection: Connection) -> Document:
            if self._storms.possible(asked.prepared.failure, found=found):
                # The incident first, as everywhere: the locks of a storm come after those of recording.
                recorded = await self._recorder.record(incident, on=connection)
                return await self._advise_recorded(asked, found, advice, recorded, id=incident_id, on=connection)
            answer = self._answer(asked, found, advice, incident_id=incident_id)
            judged = documents.of_judged(advice)
            return await self._recorder.advised(incident, answer=answer, judged=judged, on=connection)

        return work

    async def _find(self, asked: Asked, *, unsettled: Callable[[], None] | None = None) -> tuple[Found, Resume | None]:
        """What is known of the failure, and, looked for at the same time, where its run can go on."""
        with span("look up"):
            return await self._look_up(asked, unsettled=unsettled)

    async def _look_up(self, asked: Asked, *, unsettled: Callable[[], None] | None) -> tuple[Found, Resume | None]:
        finding = self._lookup.find(asked.prepared.signature, workspace_id=asked.workspace_id, unsettled=unsettled)
        if asked.run_id is None or asked.workspace_id is None:
            return await finding, None
        resuming = self._resuming.find(
            asked.run_id,
            pipeline=asked.prepared.failure.pipeline,
            failed_step=asked.step,
            workspace_id=asked.workspace_id,
        )
        return await asyncio.gather(finding, resuming)

    async def _advise_recorded(
        self,
        asked: Asked,
        found: Found,
        advice: Advice,
        recorded: Recorded,
        *,
        id: UUID,
        on: Connection | None = None,
    ) -> Document:
        """What was reported before has its part in a storm already."""
        if not recorded.duplicate:
            advice = await self._in_storm(asked, found, advice, id=id, recorded=True, on=on)
        answer = self._answer(asked, found, advice, incident_id=id)
        return await self._recorder.advise_recorded(
            recorded, asked.workspace_id or 0, answer=answer, judged=documents.of_judged(advice), on=on
        )

    async def _in_storm(
        self,
        asked: Asked,
        found: Found,
        advice: Advice,
        *,
        id: UUID,
        recorded: bool = False,
        on: Connection | None = None,
    ) -> Advice:
        failure, workspace_id = asked.prepared.failure, asked.workspace_id or 0
        if not asked.claims:
            return await self._storms.look_on(advice, failure=failure, found=found, workspace_id=workspace_id)
        return await self._storms.meet(
            advice,
            failure=failure,
            found=found,
            workspace_id=workspace_id,
            incident_id=id,
            recorded=recorded,
            on=on,
        )

    def _answer(self, asked: Asked, found: Found, advice: Advice, *, incident_id: UUID) -> Document:
        summary = _summary(asked, found, workspace_id=asked.workspace_id or 0)
        return documents.of_advice(replace(advice, advice_id=uuid7(), incident_id=incident_id, precedent=summary))

    async def _keep_aside(self, asked: Asked, advice: Advice, *, incident_id: UUID | None = None) -> Document:
        id = incident_id or aside_id(asked.workspace, asked.prepared.failure, once=asked.once)
        return await self._recorder.keep_aside(
            asked.workspace, asked.prepared, advice=advice, incident_id=id, once=asked.once
        )

    def _incident(self, asked: Asked, *, id: UUID) -> NewIncident:
        return as_incident(asked.prepared, workspace_id=asked.workspace_id or 0, incident_id=id, now=asked.now)

    def _advice(self, asked: Asked, found: Found, *, resume: Resume | None) -> Advice:
        with span("judge") as judging:
            advice = self._judged(asked, found, resume=resume)
            judging.set_attributes({"verdict": advice.verdict, "decision": advice.decision.action})
        return advice

    def _judged(self, asked: Asked, found: Found, *, resume: Resume | None) -> Advice:
        own = (each.similarity for each in found.neighbours if each.source is Source.INCIDENT)
        failure, settings = asked.prepared.failure, self._calibrations.settings_of(asked.workspace_id)
        advice = advising.advise(
            failure,
            signature=asked.prepared.signature,
            neighbours=found.neighbours,
            precedent=_known_summary(found),
            seen_before=is_own(found.known) or max(own, default=0.0) >= settings.seen_from,
            settings=settings,
            terms=self._terms,
            now=asked.now,
            resume_saves=resume.saves if resume else 0.0,
            degraded=found.degraded,
        )
        return regression.with_fix(
            replace(advice, strategy=replace(advice.strategy, resume=resume)),
            fix=found.known.precedent.fix if found.known else None,
            environment=failure.environment,
            occurred_at=failure.occurred_at or asked.now,
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

    @property
    def begun(self) -> bool:
        """Whether it may have been written, under its id."""
        return self._task is not None

    async def recorded(self) -> Recorded | None:
        """Where it went; None when it was not begun. Raises what went wrong."""
        return None if self._task is None else await self._task


def _store_is_there(asked: Asked, found: Found) -> bool:
    return asked.workspace_id is not None and STORE not in found.degraded


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
