"""The facade of incidents looked at afterwards. Raises only `knowledge.errors`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from knowledge.store import incident_log as stored
from knowledge.store.database import Database
from knowledge.store.incident_log import ASKED_HERE, MOST_LOOKED_AT, Entry, Listed, ListPage, Run, StormNow, Wanted
from knowledge.workspaces import Workspaces

__all__ = [
    "ASKED_HERE",
    "MOST_LOOKED_AT",
    "Entry",
    "IncidentLog",
    "ListPage",
    "Listed",
    "Run",
    "Since",
    "StormNow",
    "Wanted",
]


#: What is rare is looked for so long for one page, and is looked for further on the next: a page comes within 100 ms.
#: Reproduce: `python -m benchmarks.pages`.
LOOKING_S = 0.05


@dataclass(frozen=True, slots=True)
class Since:
    """What became of an incident: what was recorded on it, newest first, its run, and the storm that it is told of."""

    entries: Sequence[Entry]
    run: Run | None
    storm: StormNow | None


class IncidentLog:
    """Built once, by the composition root."""

    def __init__(
        self, database: Database, *, workspaces: Workspaces, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._clock = clock

    async def since(
        self,
        workspace: str,
        incident_id: UUID,
        *,
        precedent_id: UUID,
        storm_id: UUID | None,
        run_id: str | None,
        pipeline: str | None,
    ) -> Since:
        """What became of an incident that was read; the rest says where it belongs."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            entries = await stored.after(connection, workspace_id=workspace_id, incident_id=incident_id)
            storm = await stored.storm(
                connection,
                workspace_id=workspace_id,
                precedent_id=precedent_id,
                storm_id=storm_id,
                now=self._clock(),
            )
            run = None
            if run_id is not None:
                run = await stored.run(connection, workspace_id=workspace_id, run_id=run_id, pipeline=pipeline)
        return Since(entries, run, storm)

    async def page(
        self, workspace: str, wanted: Wanted, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> ListPage:
        """Incidents, newest first; `after` is the `next` of the page before.

        It looks on until the page is full or its time is over: what is rare may be on a later page.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        found, looked_at, until = list[Listed](), 0, time.monotonic() + LOOKING_S
        async with self._database.connection() as connection:
            while True:
                more = await stored.page(
                    connection, wanted, workspace_id=workspace_id, after=after, limit=limit - len(found)
                )
                found += more.incidents
                looked_at, after = looked_at + more.looked_at, more.next
                if after is None or len(found) == limit or time.monotonic() >= until:
                    return ListPage(found, after, looked_at)
