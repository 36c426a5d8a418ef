"""The last third of the way of a failure: incidents and their advice are written, or kept aside until they can be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from knowledge.advisor.advice import Advice
from knowledge.errors import InvalidInput
from knowledge.failures import Action, Cause, ErrorInfo, Failure, Resolution, Verdict
from knowledge.intake import Prepared, prepare_now
from knowledge.spool import Spool, Spooled
from knowledge.store import advice, incidents, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident, Recorded

#: Times that a clock can plausibly tell: partitions are made by month, so an absurd year is refused.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
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
        moment = EARLIEST - AHEAD
    if not EARLIEST <= moment <= now + AHEAD:
        raise InvalidInput("occurred_at lies before 2000 or in the future.", field="occurred_at")
    return moment


def error_document(failure: Failure) -> dict[str, Any] | None:
    """The error as JSON, without absent parts."""
    if failure.error is None:
        return None
    parts = {"type": failure.error.type, "message": failure.error.message, "stacktrace": failure.error.stacktrace}
    return {name: value for name, value in parts.items() if value is not None}


def spooled_body(failure: Failure, *, incident_id: UUID) -> bytes:
    """A scrubbed failure as JSON for the spool."""
    return orjson.dumps({"incident_id": incident_id, "failure": asdict(failure)})


def from_spooled_body(body: bytes) -> tuple[Failure, UUID]:
    """What `spooled_body` wrote."""
    document = orjson.loads(body)
    given = document["failure"]
    said, error = given["resolution"], given["error"]
    failure = Failure(
        **{
            **given,
            "error": ErrorInfo(**error) if error else None,
            "occurred_at": datetime.fromisoformat(given["occurred_at"]) if given["occurred_at"] else None,
            "verdict": Verdict(given["verdict"]) if given["verdict"] else None,
            "cause": Cause(given["cause"]) if given["cause"] else None,
            "resolution": Resolution(
                said["summary"], Action(said["action"]) if said["action"] else None, said["author"]
            )
            if said
            else None,
        }
    )
    return failure, UUID(document["incident_id"])


class Recorder:
    """Writes incidents with their advice; keeps failures aside while PostgreSQL is away, and writes them later."""

    def __init__(self, database: Database, *, spool: Spool, wake: Callable[[], None]) -> None:
        self._database = database
        self._spool = spool
        self._wake = wake

    async def advised(
        self, incident: NewIncident, *, answer: dict[str, Any], on: Connection | None = None
    ) -> dict[str, Any]:
        """Record an incident with its advice, in the caller's transaction if there is one; the answer that stands.

        The same `external_id` again gets the answer that was given the first time.
        """
        if on is None:
            async with self._database.connection() as connection:
                return await self._advised(connection, incident, answer=answer)
        return await self._advised(on, incident, answer=answer)

    async def _advised(
        self, connection: Connection, incident: NewIncident, *, answer: dict[str, Any]
    ) -> dict[str, Any]:
        recorded = await incidents.record_with_advice(
            connection, incident, advice_id=UUID(answer["advice_id"]), answer=answer
        )
        if recorded.new_signature:
            self._wake()
        if not recorded.duplicate:
            return answer
        return await self._answer_of_duplicate(connection, recorded, incident.workspace_id, answer=answer)

    async def record(self, incident: NewIncident) -> Recorded:
        """Record an incident by itself."""
        async with self._database.connection() as connection:
            recorded = (await incidents.record(connection, [incident]))[0]
        if recorded.new_signature:
            self._wake()
        return recorded

    async def advise_recorded(self, recorded: Recorded, workspace_id: int, *, answer: dict[str, Any]) -> dict[str, Any]:
        """Record the advice for an incident that `record` wrote; the answer that stands."""
        async with self._database.connection() as connection:
            if recorded.duplicate:
                return await self._answer_of_duplicate(connection, recorded, workspace_id, answer=answer)
            await self._add_advice(connection, workspace_id, answer)
            return answer

    async def _answer_of_duplicate(
        self, connection: Connection, recorded: Recorded, workspace_id: int, *, answer: dict[str, Any]
    ) -> dict[str, Any]:
        given = await self.latest_advice(connection, workspace_id=workspace_id, incident_id=recorded.incident_id)
        if given is not None:
            return given
        # The incident came without advice (an import): this is its first.
        answer = answer | {"incident_id": str(recorded.incident_id)}
        await self._add_advice(connection, workspace_id, answer)
        return answer

    async def _add_advice(self, connection: Connection, workspace_id: int, answer: dict[str, Any]) -> None:
        await advice.record(
            connection,
            workspace_id=workspace_id,
            id=UUID(answer["advice_id"]),
            incident_id=UUID(answer["incident_id"]),
            answer=answer,
        )

    async def latest_advice(
        self, connection: Connection, *, workspace_id: int, incident_id: UUID
    ) -> dict[str, Any] | None:
        """The answer last given for an incident."""
        given = await advice.latest_for_incident(connection, workspace_id=workspace_id, incident_id=incident_id)
        return None if given is None else dict(given.answer)

    async def keep_aside(self, workspace: str, prepared: Prepared, *, advice: Advice, incident_id: UUID) -> Advice:
        """Put a failure into the spool; the incident's id is already the one it will have."""
        body = spooled_body(prepared.failure, incident_id=incident_id)
        await asyncio.to_thread(self._spool.add, workspace, body)
        degraded = tuple(dict.fromkeys([*advice.degraded, "store"]))
        return replace(advice, incident_id=incident_id, advice_id=None, degraded=degraded)

    async def replay(self) -> int:
        """Write what waits in the spool, in order; how many. Raises `StoreUnavailable` while PostgreSQL is away."""
        written = 0
        while waiting := await asyncio.to_thread(self._spool.oldest, REPLAYED_AT_ONCE):
            try:
                written += await self._write_spooled(waiting)
            except InvalidInput:
                written += sum([await self._write_or_drop(each) for each in waiting])
        return written

    async def _write_spooled(self, waiting: list[Spooled]) -> int:
        async with self._database.transaction() as connection:
            rows = [await self._from_spool(connection, each) for each in waiting]
            await incidents.record(connection, rows)
        await asyncio.to_thread(self._spool.remove, [each.number for each in waiting])
        self._wake()
        return len(waiting)

    async def _write_or_drop(self, spooled: Spooled) -> int:
        """What can never be written must not hold the others up for ever."""
        try:
            return await self._write_spooled([spooled])
        except InvalidInput as error:
            log.error("a spooled failure cannot be written and is dropped, for its field %s", error.field)
            await asyncio.to_thread(self._spool.remove, [spooled.number])
            return 0

    async def _from_spool(self, connection: Connection, spooled: Spooled) -> NewIncident:
        failure, incident_id = from_spooled_body(spooled.body)
        workspace_id = await workspaces.ensure(connection, spooled.workspace)
        return as_incident(
            prepare_now(failure), workspace_id=workspace_id, incident_id=incident_id, now=datetime.now(UTC)
        )
