"""The last third of the way of a failure: incidents and their advice are written, or kept aside until they can be."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from knowledge import documents
from knowledge.advisor.advice import Advice
from knowledge.documents import Document
from knowledge.errors import Conflict, InvalidInput
from knowledge.failures import Failure
from knowledge.intake import Prepared
from knowledge.lookup import STORE
from knowledge.once import Once
from knowledge.spool import Spool, Spooled
from knowledge.spooling import KeptAside, from_body, to_body
from knowledge.store import advice, fixes, idempotency, incidents, workspaces
from knowledge.store.advice import Judged
from knowledge.store.contention import anew
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident, Recorded

REPLAYED_AT_ONCE = 200

log = logging.getLogger(__name__)


def as_incident(
    prepared: Prepared,
    *,
    workspace_id: int,
    now: datetime,
    incident_id: UUID | None = None,
) -> NewIncident:
    """A prepared failure as a row to write."""
    failure = prepared.failure
    return NewIncident(
        workspace_id=workspace_id,
        id=incident_id or uuid7(),
        signature=prepared.signature,
        occurred_at=occurred_at(failure, now=now),
        pipeline=failure.pipeline,
        step=failure.step,
        run_id=failure.run_id,
        attempt=failure.attempt,
        max_attempts=failure.max_attempts,
        environment=failure.environment,
        spent=failure.spent,
        error=error_document(failure),
        text=failure.text,
        external_id=failure.external_id,
        verdict=failure.verdict,
        cause=failure.cause,
        resolution=failure.resolution,
    )


def occurred_at(failure: Failure, *, now: datetime) -> datetime:
    """When it happened, in UTC; a time without a zone is UTC. Raises `InvalidInput` for a time that cannot be."""
    given = failure.occurred_at or now
    try:
        moment = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except OverflowError:
        moment = given.replace(tzinfo=UTC)  # at the very beginning or end of the calendar
    incidents.check_time(moment, now=now)
    return moment


def error_document(failure: Failure) -> dict[str, Any] | None:
    """The error as JSON, without absent parts."""
    if failure.error is None:
        return None
    parts = {"type": failure.error.type, "message": failure.error.message, "stacktrace": failure.error.stacktrace}
    return {name: value for name, value in parts.items() if value is not None}


class Recorder:
    """Writes incidents with their advice; keeps failures aside while PostgreSQL is away, and writes them later."""

    def __init__(self, database: Database, *, spool: Spool, wake: Callable[[], None]) -> None:
        self._database = database
        self._spool = spool
        self._wake = wake

    async def advised(
        self, incident: NewIncident, *, answer: dict[str, Any], judged: Judged = None, on: Connection | None = None
    ) -> dict[str, Any]:
        """Record an incident with its advice, in the caller's transaction if there is one; the answer that stands.

        The same `external_id` again gets the answer that was given the first time. `judged`: see `advice.with_judged`.
        """
        async with self._database.given(on) as connection:
            recorded = await incidents.record_with_advice(
                connection, incident, advice_id=UUID(answer["advice_id"]), answer=advice.with_judged(answer, judged)
            )
            if recorded.new_signature:
                self._wake()
            if recorded.duplicate:
                return await self._answer_of_duplicate(connection, recorded, incident.workspace_id, answer=answer)
            if answer["regression"] is not None:
                await fixes.flag(connection, [(incident, recorded)])
            return answer

    async def record(self, incident: NewIncident, *, on: Connection | None = None) -> Recorded:
        """Record an incident by itself, in the caller's transaction if there is one."""
        async with self._database.given(on) as connection:
            recorded = (await incidents.record(connection, [incident]))[0]
        if recorded.new_signature:
            self._wake()
        return recorded

    async def record_many(self, rows: Sequence[NewIncident]) -> list[Recorded]:
        """Record a batch, one answer a row, in order; all or none."""

        async def work() -> list[Recorded]:
            async with self._database.transaction() as connection:
                return await incidents.record(connection, rows)

        recorded = await anew(work)
        self._wake()
        return recorded

    async def advise_recorded(
        self,
        recorded: Recorded,
        workspace_id: int,
        *,
        answer: dict[str, Any],
        judged: Judged = None,
        on: Connection | None = None,
    ) -> dict[str, Any]:
        """Record the advice for an incident that `record` wrote; the answer that stands."""
        async with self._database.given(on) as connection:
            if recorded.duplicate:
                return await self._answer_of_duplicate(connection, recorded, workspace_id, answer=answer)
            await self._add_advice(connection, workspace_id, answer, judged=judged)
            return answer

    async def _answer_of_duplicate(
        self, connection: Connection, recorded: Recorded, workspace_id: int, *, answer: dict[str, Any]
    ) -> dict[str, Any]:
        given = await self.latest_advice(connection, workspace_id=workspace_id, incident_id=recorded.incident_id)
        if given is not None:
            return given
        # The incident came without advice (an import): this is its first. What was stated of it then was known when
        # this was judged, and is not held against it.
        answer = answer | {"incident_id": str(recorded.incident_id)}
        await self._add_advice(connection, workspace_id, answer)
        return answer

    async def _add_advice(
        self, connection: Connection, workspace_id: int, answer: dict[str, Any], *, judged: Judged = None
    ) -> None:
        await advice.record(
            connection,
            workspace_id=workspace_id,
            id=UUID(answer["advice_id"]),
            incident_id=UUID(answer["incident_id"]),
            answer=advice.with_judged(answer, judged),
        )

    async def latest_advice(
        self, connection: Connection, *, workspace_id: int, incident_id: UUID
    ) -> dict[str, Any] | None:
        """The answer last given for an incident."""
        given = await advice.latest_for_incident(connection, workspace_id=workspace_id, incident_id=incident_id)
        return None if given is None else dict(given.answer)

    async def keep_aside(
        self, workspace: str, prepared: Prepared, *, advice: Advice, incident_id: UUID, once: Once | None = None
    ) -> Document:
        """Put a failure that was asked about into the spool; the answer, with the id that the incident will have."""
        degraded = tuple(dict.fromkeys([*advice.degraded, STORE]))
        answer = documents.of_advice(replace(advice, incident_id=incident_id, advice_id=None, degraded=degraded))
        await self._spool_it(workspace, KeptAside(incident_id, prepared, once, answer))
        return answer

    async def keep_incident_aside(
        self, workspace: str, prepared: Prepared, *, incident_id: UUID, once: Once | None = None
    ) -> Document:
        """Put a failure that was told into the spool; the incident as it will be."""
        incident = as_incident(prepared, workspace_id=0, incident_id=incident_id, now=datetime.now(UTC))
        answer = documents.of_waiting_incident(incident) | {"degraded": [STORE]}
        await self._spool_it(workspace, KeptAside(incident_id, prepared, once, answer))
        return answer

    async def _spool_it(self, workspace: str, kept: KeptAside) -> None:
        await asyncio.to_thread(self._spool.add, workspace, to_body(kept))

    async def replay(self) -> int:
        """Write what waits in the spool, in order; how many. Raises `StoreUnavailable` while PostgreSQL is away."""
        written = 0
        while waiting := await asyncio.to_thread(self._spool.oldest, REPLAYED_AT_ONCE):
            try:
                written += await self._write_spooled(waiting)
            except (InvalidInput, Conflict):
                written += sum([await self._write_or_refuse(each) for each in waiting])
        return written

    async def _write_spooled(self, waiting: list[Spooled]) -> int:
        by_workspace: defaultdict[str, list[KeptAside]] = defaultdict(list)
        for each in waiting:
            by_workspace[each.workspace].append(from_body(each.body))
        for workspace, kept in by_workspace.items():  # a transaction each: nobody holds things of two workspaces
            await anew(partial(self._write_kept, workspace, kept))
        await asyncio.to_thread(self._spool.remove, [each.number for each in waiting])
        self._wake()
        return len(waiting)

    async def _write_kept(self, workspace: str, kept: Sequence[KeptAside]) -> None:
        async with self._database.transaction() as connection:
            await incidents.replay_alone(connection)
            there = await incidents.existing(connection, [each.incident_id for each in kept])
            workspace_id = await workspaces.ensure(connection, workspace)
            rows = [
                await self._from_spool(connection, workspace_id, each) for each in kept if each.incident_id not in there
            ]
            await incidents.record(connection, [row for row in rows if row is not None])

    async def _write_or_refuse(self, spooled: Spooled) -> int:
        """What can never be written must not hold the others up for ever."""
        try:
            return await self._write_spooled([spooled])
        except (InvalidInput, Conflict) as error:
            reason = f"{error.field}: {error}" if error.field else str(error)
            kind = type(error).__name__  # why, `doctor` tells: it may name what the caller has written
            log.error("a spooled failure cannot be written and is set apart (seenbefore doctor): %s", kind)
            await asyncio.to_thread(self._spool.refuse, spooled.number, reason=reason)
            return 0

    async def _from_spool(self, connection: Connection, workspace_id: int, kept: KeptAside) -> NewIncident | None:
        """The row to write; None when the request was done already, under its key."""
        if kept.once is not None and not await idempotency.adopt(
            connection, kept.once, workspace_id=workspace_id, response=kept.answer
        ):
            return None
        return as_incident(
            kept.prepared, workspace_id=workspace_id, incident_id=kept.incident_id, now=datetime.now(UTC)
        )
