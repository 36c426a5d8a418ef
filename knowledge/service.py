"""The facade: everything that `ingest` and `api` may ask of what is known.

Answers are documents, the JSON of the HTTP contract. Every method raises only `knowledge.errors`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from knowledge import correcting, documents
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.starters import Starters
from knowledge.answering import Answering, Clock
from knowledge.calibrations import REFIT_EVERY, Calibrations
from knowledge.correcting import ChangeOf, Signed
from knowledge.documents import Document
from knowledge.embedding import Embedder
from knowledge.errors import StoreUnavailable
from knowledge.failures import Cause, Failure, Resolution, Verdict
from knowledge.index.port import Index
from knowledge.indexer import Indexer
from knowledge.intake import prepare, prepare_many, scrubbed_resolution
from knowledge.lookup import STORE, Lookup
from knowledge.observer import Observer, Unobserved
from knowledge.once import Once
from knowledge.recording import Recorder, as_incident, occurred_at
from knowledge.search import SearchQuery
from knowledge.searching import Searching
from knowledge.signature.scrub import scrub
from knowledge.spool import Spool
from knowledge.spooling import aside_id
from knowledge.state.resuming import Resuming
from knowledge.store import incidents, outcomes, resolutions, retelling
from knowledge.store.database import Connection, Database
from knowledge.store.records import Recorded
from knowledge.storms import Storms
from knowledge.workspaces import Workspaces
from knowledge.writing import write


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list shows; `since` inclusive, `until` exclusive."""

    precedent_id: UUID | None = None
    storm_id: UUID | None = None
    pipeline: str | None = None
    step: str | None = None
    run_id: str | None = None
    verdict: Verdict | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None


class KnowledgeService:
    """All of Seen Before but its faces. Built once, by the composition root."""

    def __init__(
        self,
        *,
        database: Database,
        index: Index,
        embedder: Embedder,
        indexer: Indexer,
        spool: Spool,
        starters: Starters,
        settings: AdvisorSettings,
        observer: Observer | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._observer = observer or Unobserved()
        self._indexer = indexer
        self._clock = clock
        self._workspaces = Workspaces(database)
        self._recorder = Recorder(database, spool=spool, wake=indexer.wake)
        self._storms = Storms(database, clock=clock)
        self._calibrations = Calibrations(database, settings=settings)
        self.searching = Searching(
            database, index=index, embedder=embedder, weights=settings.similarity, terms=starters.weights
        )
        self._answering = Answering(
            Lookup(database, index=index, embedder=embedder, weights=settings.similarity, starters=starters),
            recorder=self._recorder,
            storms=self._storms,
            calibrations=self._calibrations,
            resuming=Resuming(database),
            terms=starters.weights,
            clock=clock,
        )

    async def advise(
        self, workspace: str, failure: Failure, *, dry_run: bool = False, claims: bool = True, once: Once | None = None
    ) -> Document:
        """The answer of `POST /advise`; records the failure and the advice unless `dry_run`.

        `claims`: whether who asks acts on it, and so may try for all in a storm. Who only reads takes no part in one.
        """
        answer = await self._advise(workspace, failure, dry_run=dry_run, claims=claims, once=once)
        self._observer.advised(
            verdict=answer["verdict"],
            decision=answer["decision"]["action"],
            degraded=answer["degraded"],
            dry_run=dry_run,
        )
        return answer

    async def _advise(
        self, workspace: str, failure: Failure, *, dry_run: bool, claims: bool, once: Once | None
    ) -> Document:
        workspace_id = await self._workspace_or_none(workspace)
        asked = await self._answering.ask(
            failure, workspace=workspace, workspace_id=workspace_id, claims=claims, once=once
        )
        if dry_run:
            return await self._answering.only_answer(asked)
        if once is None or asked.workspace_id is None:
            return await self._answering.answer_and_record(asked)
        # The answer before the transaction: a request that holds one connection must not wait for another.
        answered = await self._answering.answer(asked)
        if isinstance(answered, dict):
            return answered
        return await write(self._database, answered, workspace_id=asked.workspace_id, once=once)

    async def record(self, workspace: str, failure: Failure, *, once: Once | None = None) -> Document:
        """The answer of `POST /incidents`; without PostgreSQL the failure is kept aside."""
        now = self._clock()
        prepared = await prepare(replace(failure, occurred_at=occurred_at(failure, now=now)))
        workspace_id = await self._workspace_or_none(workspace)
        incident = as_incident(prepared, workspace_id=workspace_id or 0, now=now)
        begun = False

        async def work(connection: Connection) -> Document:
            nonlocal begun
            begun = True
            recorded = (await incidents.record(connection, [incident]))[0]
            record = await incidents.get(connection, workspace_id=incident.workspace_id, id=recorded.incident_id)
            return documents.of_incident(record) | {"duplicate": recorded.duplicate, "degraded": []}

        if workspace_id is not None:
            with contextlib.suppress(StoreUnavailable):
                return await self._write(workspace_id, once, work)
        # What was begun may have been written, under its id.
        id = incident.id if begun else aside_id(workspace, prepared.failure, once=once)
        return await self._recorder.keep_incident_aside(workspace, prepared, incident_id=id, once=once)

    async def record_many(self, workspace: str, failures: Sequence[Failure]) -> list[Recorded]:
        """Record a batch, one answer a failure, in order; all or none."""
        prepared = await prepare_many(failures)
        workspace_id, now = await self._workspace(workspace), self._clock()
        return await self._recorder.record_many(
            [as_incident(each, workspace_id=workspace_id, now=now) for each in prepared]
        )

    async def retell(self, workspace: str, failure: Failure, *, instead_of: str) -> bool:
        """Let the incident with the failure's external id, which says `instead_of`, say what the failure says.

        False where it says something else by now, is part of a storm, or somebody has said something of it.
        """
        workspace_id, prepared = await self._workspace(workspace), await prepare(failure)
        row = as_incident(prepared, workspace_id=workspace_id, now=self._clock())

        async def work(connection: Connection) -> Document:
            return {"retold": await retelling.retell(connection, row, instead_of=instead_of)}

        return bool((await self._write(workspace_id, None, work))["retold"])

    async def known(self, workspace: str, external_ids: Sequence[str]) -> set[str]:
        """Which of these external ids have incidents already; one with a secret in it is never told to be known."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            return await incidents.known(connection, workspace_id=workspace_id, external_ids=external_ids)

    async def told(self, workspace: str, external_ids: Sequence[str]) -> dict[str, Document]:
        """The incidents that have these external ids, by them; see `known` for ids with secrets."""
        if not external_ids:
            return {}
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            found = await incidents.told(connection, workspace_id=workspace_id, external_ids=external_ids)
        return {each.external_id: documents.of_incident(each) for each in found if each.external_id is not None}

    async def wait_indexed(self, workspace: str, *, limit_s: float = 120.0) -> bool:
        """Wait until what was recorded can be found as a neighbour; False when it takes longer than that."""
        return await self._indexer.wait(await self._workspace(workspace), limit_s=limit_s)

    async def incident(self, workspace: str, id: UUID) -> Document:
        """One incident with the advice last given for it; raises `NotFound`."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            record = await incidents.get(connection, workspace_id=workspace_id, id=id)
            given = await self._recorder.latest_advice(connection, workspace_id=workspace_id, incident_id=id)
        return documents.of_incident(record) | {"advice": given}

    async def list_incidents(
        self, workspace: str, wanted: IncidentFilter, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Document]:
        """Incidents, newest first; `after` is `(occurred_at, id)` of the last one of the page before."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            page = await incidents.list_page(
                connection, workspace_id=workspace_id, after=after, limit=limit, **asdict(wanted)
            )
        return [documents.of_incident(each) for each in page]

    async def outcome(
        self,
        workspace: str,
        incident_id: UUID,
        *,
        result: Literal["succeeded", "failed"],
        attempt: int | None = None,
        waited_s: float | None = None,
        author: str | None = None,
        once: Once | None = None,
    ) -> Document:
        """Record how a retry ended; `author` is who tells it."""
        workspace_id, told_by = await self._workspace(workspace), author and scrub(author)

        async def work(connection: Connection) -> Document:
            outcome = await outcomes.record(
                connection,
                workspace_id=workspace_id,
                incident_id=incident_id,
                result=result,
                attempt=attempt,
                waited_s=waited_s,
                author=told_by,
            )
            await self._storms.after_outcome(connection, outcome)
            return documents.of_outcome(outcome)

        written = await self._write(workspace_id, once, work)
        self._observer.outcome(result)
        return written

    async def resolve(
        self,
        workspace: str,
        incident_id: UUID,
        resolution: Resolution,
        *,
        verdict: Verdict | None = None,
        cause: Cause | None = None,
        once: Once | None = None,
    ) -> Document:
        """Record what fixed an incident."""
        workspace_id, said = await self._workspace(workspace), scrubbed_resolution(resolution)

        async def work(connection: Connection) -> Document:
            return documents.of_resolution(
                await resolutions.record(
                    connection,
                    workspace_id=workspace_id,
                    incident_id=incident_id,
                    summary=said.summary,
                    action=said.action,
                    verdict=verdict,
                    cause=cause,
                    author=said.author,
                    fixed_in=said.fixed_in,
                )
            )

        return await self._write(workspace_id, once, work)

    async def precedent(self, workspace: str, id: UUID) -> Document:
        """One precedent, or what it was merged into; raises `NotFound`."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            return await correcting.precedent(connection, workspace_id=workspace_id, id=id)

    async def change(
        self,
        workspace: str,
        id: UUID,
        change: ChangeOf,
        *,
        expected_version: int,
        signed: Signed,
        once: Once | None = None,
    ) -> Document:
        """Correct, merge, split, or take one of these back; the precedent then, of a split the new one.

        Raises `StaleVersion`, `Conflict`, `NotFound`, `InvalidInput`.
        """
        workspace_id = await self._workspace(workspace)
        work = partial(
            correcting.apply,
            change=change,
            workspace_id=workspace_id,
            id=id,
            expected_version=expected_version,
            signed=signed,
        )
        return await self._write(workspace_id, once, work)

    async def history(
        self, workspace: str, id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Document]:
        """What was done to a precedent, newest first; `after` is `(at, id)` of the last one of the page before."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            return await correcting.history(connection, workspace_id=workspace_id, id=id, after=after, limit=limit)

    async def storms(
        self, workspace: str, *, active: bool | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Document]:
        """Storms, the latest first; `after` is `(since, id)` of the last one of the page before."""
        workspace_id, now = await self._workspace(workspace), self._clock()
        page = await self._storms.page(workspace_id, active=active, after=after, limit=limit, now=now)
        return [documents.of_storm(each, now=now) for each in page]

    async def calibration(self, workspace: str) -> Document:
        """How far confidence means what it says, and what follows from it."""
        workspace_id = await self._workspace(workspace)
        measured = await self._calibrations.measured(workspace_id)
        settings, fit = self._calibrations.settings_of(workspace_id), self._calibrations.fit_of(workspace_id)
        return documents.of_calibration(measured, settings=settings, fitted_on=fit.judged if fit else None)

    async def relearn_calibration(self, *, every: timedelta = REFIT_EVERY) -> int:
        """Learn from what came out, for each workspace at most once in `every`; how many were looked at."""
        return await self._calibrations.relearn(every=every)

    async def search(self, workspace: str, query: SearchQuery) -> Document:
        """The answer of `GET /search`: precedents by meaning and by word, best first.

        Without PostgreSQL they are as the index shows them; of a workspace never met before, the documented ones.
        """
        asked = await self.searching.ask(query, workspace_id=await self._workspace_or_none(workspace))
        found = await self.searching.find(asked)
        return {
            "results": [documents.of_evidence(entry) for entry in self.searching.shown(asked, found)],
            "degraded": [] if found.known else [STORE],
        }

    async def _write(
        self, workspace_id: int, once: Once | None, work: Callable[[Connection], Awaitable[Document]]
    ) -> Document:
        """Do the work in one transaction, at most once where a key says so, and wake the index worker."""
        document = await write(self._database, work, workspace_id=workspace_id, once=once)
        self._indexer.wake()
        return document

    async def _workspace(self, name: str) -> int:
        return await self._workspaces.id_of(name)

    async def _workspace_or_none(self, name: str) -> int | None:
        try:
            return await self._workspace(name)
        except StoreUnavailable:
            return None
