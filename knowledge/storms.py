"""Storms as the service meets them: look, decide, write if nobody was faster, else look again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from knowledge.advisor import storm_telling, storms
from knowledge.advisor.advice import Advice
from knowledge.advisor.storms import Asker, Meeting, Sight, Write
from knowledge.failures import Failure
from knowledge.lookup import Found, is_own
from knowledge.store import storms as stored
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import OutcomeRecord
from knowledge.store.storms import StormRow

#: Each time another one has changed the storm in between; after so many it is told as seen last, with nothing claimed.
MOST_LOOKS = 8


class Storms:
    """Who tries and who holds, over all replicas of the service: PostgreSQL decides who is first."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def meet(
        self,
        advice: Advice,
        *,
        failure: Failure,
        found: Found,
        workspace_id: int,
        incident_id: UUID,
        recorded: bool = False,
        on: Connection | None = None,
    ) -> Advice:
        """The advice with the storm in it, where there is one; the canary's place may be claimed by it.

        `recorded`: the incident is in the store already. `on`: the caller's transaction. Raises `StoreUnavailable`.
        """
        if not self.possible(failure, found=found):
            return advice
        now = self._clock()
        asker = storm_telling.asker_of(failure, advice=advice, incident_id=incident_id, now=now)
        async with self._database.given(on) as connection:
            met = await _meet(connection, asker, workspace_id=workspace_id, found=found, now=now)
        if met is None:
            return advice
        sight, meeting = met
        counted = meeting if recorded else _with_asker(meeting, sight=sight, asker=asker)
        return storm_telling.tell(advice, counted, asker=asker, max_attempts=failure.max_attempts, now=now)

    async def look_on(self, advice: Advice, *, failure: Failure, found: Found, workspace_id: int) -> Advice:
        """The advice with the storm in it, and nothing claimed."""
        if found.known is None or not self.possible(failure, found=found):
            return advice
        now = self._clock()
        asker = storm_telling.asker_of(failure, advice=advice, incident_id=uuid7(), now=now)
        async with self._database.connection() as connection:
            sight = await stored.sight(
                connection,
                workspace_id=workspace_id,
                precedent_id=found.known.precedent.id,
                asker=replace(asker, external_id=None),
                now=now,
            )
        meeting = storms.look_on(sight, asker, now=now) if sight is not None else None
        if meeting is None:
            return advice
        return storm_telling.tell(advice, meeting, asker=asker, max_attempts=failure.max_attempts, now=now)

    def possible(self, failure: Failure, *, found: Found) -> bool:
        """Whether looking is worth a round trip: a run, and a precedent that was seen or stormed just now."""
        if failure.run_id is None or found.known is None or not is_own(found.known):
            return False
        return storms.worth_asking(
            last_seen=found.known.precedent.last_seen, storm_ends_at=found.known.storm_ends_at, now=self._clock()
        )

    async def after_outcome(self, connection: Connection, outcome: OutcomeRecord) -> None:
        """What the outcome of a storm's incident means for the storm; in the outcome's own transaction."""
        if outcome.storm_id is None:
            return
        for _ in range(MOST_LOOKS):
            told = await stored.of_retry(
                connection,
                id=outcome.storm_id,
                incident_id=outcome.incident_id,
                succeeded=outcome.result == "succeeded",
                attempt=outcome.attempt,
            )
            changed = storms.after_retry(*told, now=self._clock()) if told is not None else None
            if changed is None or await stored.move(connection, changed) is not None:
                return

    async def page(
        self, workspace_id: int, *, active: bool | None, after: tuple[datetime, UUID] | None, limit: int, now: datetime
    ) -> list[StormRow]:
        """Storms, the latest first."""
        async with self._database.connection() as connection:
            return await stored.list_page(
                connection, workspace_id=workspace_id, now=now, active=active, after=after, limit=limit
            )


async def _meet(
    connection: Connection, asker: Asker, *, workspace_id: int, found: Found, now: datetime
) -> tuple[Sight, Meeting] | None:
    assert found.known is not None  # noqa: S101 - asked by the caller
    precedent_id, sight = found.known.precedent.id, Sight(storm=None)
    for _ in range(MOST_LOOKS):
        seen = await stored.sight(
            connection, workspace_id=workspace_id, precedent_id=precedent_id, asker=asker, now=now
        )
        if seen is None:
            return None
        sight, meeting = seen, storms.meet(seen, asker, now=now, new_id=uuid7(), precedent_id=precedent_id)
        if meeting is None:
            return None
        written = await _write(connection, meeting, workspace_id=workspace_id, now=now)
        if written is not None:
            return sight, written
    unclaimed = storms.look_on(sight, asker, now=now)
    return None if unclaimed is None else (sight, unclaimed)


async def _write(connection: Connection, meeting: Meeting, *, workspace_id: int, now: datetime) -> Meeting | None:
    """The meeting with the storm as it now stands in the store; None when another was faster."""
    match meeting.write:
        case None:
            return meeting
        case Write.OPEN:
            storm = await stored.begin(connection, meeting.storm, workspace_id=workspace_id, now=now)
        case Write.MOVE:
            storm = await stored.move(connection, meeting.storm)
    return None if storm is None else replace(meeting, storm=storm)


def _with_asker(meeting: Meeting, *, sight: Sight, asker: Asker) -> Meeting:
    """The storm as it stands once the asker's failure is recorded."""
    storm = meeting.storm
    if not storm.since <= asker.at < storm.ends_at:
        return meeting
    runs = storm.runs + (0 if sight.joined else 1)
    return replace(meeting, storm=replace(storm, runs=runs, incidents=storm.incidents + 1))
