"""Where incidents happened whose end is known: what tells a precedent's transient failures from its genuine ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from knowledge.failures import Verdict
from knowledge.store.database import Connection
from knowledge.store.records import EndingRecord
from knowledge.store.rows import fetch_all

#: Incidents of a precedent that are looked at, from the latest on.
LATEST = 300


async def endings(
    connection: Connection, *, workspace_id: int, ids: Sequence[UUID]
) -> dict[UUID, tuple[EndingRecord, ...]]:
    """The latest incidents of these precedents that ended in a way that is known, latest first."""
    rows = await fetch_all(connection, "contexts.endings", workspace_id=workspace_id, ids=list(ids), latest=LATEST)
    found: dict[UUID, list[EndingRecord]] = defaultdict(list)
    for row in rows:
        ending = EndingRecord(
            verdict=Verdict(row["verdict"]) if row["verdict"] else None,
            succeeded=row["succeeded"],
            failed=row["failed"],
            attempt=row["attempt"],
            step=row["step"],
            pipeline=row["pipeline"],
            environment=row["environment"] or {},
            fingerprint=row["fingerprint"],
            run_id=row["run_id"],
        )
        found[row["precedent_id"]].append(ending)
    return {id: tuple(each) for id, each in found.items()}
