"""The facade: everything that `ingest` and `api` may ask of what is known.

Answers are documents, the JSON of the HTTP contract. Every method raises only `knowledge.errors`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from knowledge import documents, search
from knowledge.advisor import neighbours as near
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.starters import Starters
from knowledge.answering import Answering, Clock
from knowledge.documents import Document
from knowledge.embedding import Embedder
from knowledge.errors import StoreUnavailable
from knowledge.failures import Action, Cause, Failure, Resolution, Verdict
from knowledge.index.port import Index
from knowledge.indexer import Indexer
from knowledge.intake import prepare, prepare_many
from knowledge.lookup import Lookup
from knowledge.recording import Recorder, as_incident
from knowledge.search import SearchQuery
from knowledge.signature.scrub import scrub
from knowledge.spool import Spool
from knowledge.store import idempotency, incidents, outcomes, precedents, resolutions, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.records import Keep, Recorded


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is done at most once: its key, and the hash of what was asked under it."""

    key: str
    route: str
    request_hash: bytes

    @classmethod
    def of(cls, key: str, *, route: str, body: bytes) -> Once:
        """The same key with another body is another request, and refused."""
        return cls(key=key, route=route, request_hash=hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's change of a precedent: `KEEP` leaves a field as it is, `None` takes an override away."""

    verdict: Verdict | Keep | None = Keep.KEEP
    cause: Cause | Keep | None = Keep.KEEP
    action: Action | Keep | None = Keep.KEEP
    resolution: Resolution | Keep = Keep.KEEP


@dataclass(frozen=True, slots=True)
class Signed:
    """Who changes something, and why."""

    actor: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list shows; `since` inclusive, `until` exclusive."""

    precedent_id: UUID | None = None
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
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._indexer = indexer
        self._terms = starters.weights
        self._settings = settings
        self._clock = clock
        self._workspaces: dict[str, int] = {}
        self._recorder = Recorder(database, spool=spool, wake=indexer.wake)
        self._answering = Answering(
            Lookup(database, index=index, embedder=embedder, weights=settings.similarity, starters=starters),
            recorder=self._recorder,
            settings=settings,
            terms=starters.weights,
            clock=clock,
        )

    async def advise(
        self, workspace: str, failure: Failure, *, dry_run: bool = False, once: Once | None = None
    ) -> Document:
        """The answer of `POST /advise`; records the failure and the advice unless `dry_run`."""
        asked = await self._answering.ask(
            failure, workspace=workspace, workspace_id=await self._workspace_or_none(workspace)
        )
        if dry_run:
            return await self._answering.only_answer(asked)
        if once is None or asked.workspace_id is None:
            return await self._answering.answer_and_record(asked)
        # The answer before the transaction: a request that holds one connection must not wait for another.
        return await self._once(asked.workspace_id, once, await self._answering.answer(asked))

    async def record(self, workspace: str, failure: Failure, *, once: Once | None = None) -> Document:
        """The answer of `POST /incidents`."""
        prepared = await prepare(failure)
        workspace_id = await self._workspace(workspace)
        incident = as_incident(prepared, workspace_id=workspace_id, now=self._clock())

        async def work(connection: Connection) -> Document:
            recorded = (await incidents.record(connection, [incident]))[0]
            return documents.of_incident(
                await incidents.get(connection, workspace_id=workspace_id, id=recorded.incident_id)
            ) | {"duplicate": recorded.duplicate}

        return await self._write(workspace_id, once, work)

    async def record_many(self, workspace: str, failures: Sequence[Failure]) -> list[Recorded]:
        """Record a batch, one answer a failure, in order; all or none."""
        prepared = await prepare_many(failures)
        workspace_id, now = await self._workspace(workspace), self._clock()
        rows = [as_incident(each, workspace_id=workspace_id, now=now) for each in prepared]
        async with self._database.transaction() as connection:
            recorded = await incidents.record(connection, rows)
        self._indexer.wake()
        return recorded

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
        once: Once | None = None,
    ) -> Document:
        """Record how a retry ended."""
        workspace_id = await self._workspace(workspace)

        async def work(connection: Connection) -> Document:
            return documents.of_outcome(
                await outcomes.record(
                    connection,
                    workspace_id=workspace_id,
                    incident_id=incident_id,
                    result=result,
                    attempt=attempt,
                    waited_s=waited_s,
                )
            )

        return await self._write(workspace_id, once, work)

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
        workspace_id = await self._workspace(workspace)

        async def work(connection: Connection) -> Document:
            return documents.of_resolution(
                await resolutions.record(
                    connection,
                    workspace_id=workspace_id,
                    incident_id=incident_id,
                    summary=scrub(resolution.summary),
                    action=resolution.action,
                    verdict=verdict,
                    cause=cause,
                    author=resolution.author and scrub(resolution.author),
                )
            )

        return await self._write(workspace_id, once, work)

    async def precedent(self, workspace: str, id: UUID) -> Document:
        """One precedent, or what it was merged into; raises `NotFound`."""
        workspace_id = await self._workspace(workspace)
        async with self._database.connection() as connection:
            return await _precedent(connection, workspace_id=workspace_id, id=id)

    async def correct(
        self,
        workspace: str,
        id: UUID,
        correction: Correction,
        *,
        expected_version: int,
        signed: Signed,
        once: Once | None = None,
    ) -> Document:
        """Set what a person says of a precedent; raises `StaleVersion`, `Conflict`, `NotFound`."""
        workspace_id = await self._workspace(workspace)
        said = correction.resolution
        if isinstance(said, Resolution):
            said = replace(said, summary=scrub(said.summary), author=said.author and scrub(said.author))

        async def work(connection: Connection) -> Document:
            await precedents.patch(
                connection,
                workspace_id=workspace_id,
                id=id,
                expected_version=expected_version,
                verdict=correction.verdict,
                cause=correction.cause,
                action=correction.action,
                resolution=said,
                **_scrubbed(signed),
            )
            return await _precedent(connection, workspace_id=workspace_id, id=id)

        return await self._write(workspace_id, once, work)

    async def merge(
        self,
        workspace: str,
        into: UUID,
        sources: Sequence[UUID],
        *,
        expected_version: int,
        signed: Signed,
        once: Once | None = None,
    ) -> Document:
        """Join precedents into one; what recurs of any of them belongs to it."""
        workspace_id = await self._workspace(workspace)

        async def work(connection: Connection) -> Document:
            await precedents.merge(
                connection,
                workspace_id=workspace_id,
                into=into,
                sources=sources,
                expected_version=expected_version,
                **_scrubbed(signed),
            )
            return await _precedent(connection, workspace_id=workspace_id, id=into)

        return await self._write(workspace_id, once, work)

    async def split(
        self,
        workspace: str,
        id: UUID,
        fingerprints: Sequence[str],
        *,
        expected_version: int,
        signed: Signed,
        once: Once | None = None,
    ) -> Document:
        """Part signatures from a precedent; the new precedent."""
        workspace_id = await self._workspace(workspace)

        async def work(connection: Connection) -> Document:
            made = await precedents.split(
                connection,
                workspace_id=workspace_id,
                id=id,
                fingerprints=[scrub(each) for each in fingerprints],  # those that are none are quoted
                expected_version=expected_version,
                **_scrubbed(signed),
            )
            return await _precedent(connection, workspace_id=workspace_id, id=made.id)

        return await self._write(workspace_id, once, work)

    async def search(self, workspace: str, query: SearchQuery) -> list[Document]:
        """Precedents by meaning and by word, best first."""
        workspace_id = await self._workspace(workspace)
        scrubbed = replace(query, text=scrub(query.text))
        signature = await asyncio.to_thread(search.signature_of, scrubbed)
        vector = (await self._embedder.embed([signature.embedding_text]))[0]
        asked = search.index_query(scrubbed, signature=signature, vector=vector, workspace_id=workspace_id)
        hits = await self._index.neighbours(asked)
        nearest = search.nearest(hits, signature=signature, weights=self._settings.similarity, terms=self._terms)
        async with self._database.connection() as connection:
            records = await precedents.by_ids(connection, workspace_id=workspace_id, ids=list(nearest))
        found = near.gather(nearest, records=records)
        shown = search.shown(found, signature=signature, terms=self._terms, limit=query.limit)
        return [documents.of_evidence(entry) for entry in shown]

    async def _write(
        self, workspace_id: int, once: Once | None, work: Callable[[Connection], Awaitable[Document]]
    ) -> Document:
        """Do the work in one transaction, at most once where a key says so, and wake the index worker."""
        if once is not None:
            document = await self._once(workspace_id, once, work)
        else:
            async with self._database.transaction() as connection:
                document = await work(connection)
        self._indexer.wake()
        return document

    async def _once(self, workspace_id: int, once: Once, work: Callable[[Connection], Awaitable[Document]]) -> Document:
        async with self._database.transaction() as connection:
            stored = await idempotency.claim(
                connection,
                workspace_id=workspace_id,
                key=once.key,
                route=once.route,
                request_hash=once.request_hash,
            )
            if stored is not None:
                return dict(stored.response)
            document = await work(connection)
            await idempotency.store_response(
                connection, workspace_id=workspace_id, key=once.key, status=200, response=document
            )
            return document

    async def _workspace(self, name: str) -> int:
        if name not in self._workspaces:
            async with self._database.connection() as connection:
                self._workspaces[name] = await workspaces.ensure(connection, name)
        return self._workspaces[name]

    async def _workspace_or_none(self, name: str) -> int | None:
        try:
            return await self._workspace(name)
        except StoreUnavailable:
            return None


async def _precedent(connection: Connection, *, workspace_id: int, id: UUID) -> Document:
    record = await precedents.get(connection, workspace_id=workspace_id, id=id)
    signatures = await precedents.signatures_of(connection, workspace_id=workspace_id, id=record.id)
    said = await resolutions.of_precedent(connection, workspace_id=workspace_id, precedent_id=record.id)
    return documents.of_precedent(record, signatures=signatures, resolutions=said)


def _scrubbed(signed: Signed) -> dict[str, str | None]:
    return {"actor": signed.actor and scrub(signed.actor), "reason": signed.reason and scrub(signed.reason)}
