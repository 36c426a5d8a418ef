"""Precedents for those who browse: those seen last, and what they can be told apart by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.facets import Facts
from knowledge.failures import Cause, Verdict
from knowledge.store.database import Connection
from knowledge.store.rows import fetch_all, strings

#: Pipelines of a precedent in a list, and characters of its template.
MOST_PIPELINES, MOST_TEMPLATE = 5, 2_000


@dataclass(frozen=True, slots=True)
class LatestRecord:
    """A precedent in a list. `place` is where it stands there: its last occurrence, to within ten minutes."""

    id: UUID
    title: str | None
    template: str
    verdict: Verdict
    overridden: bool
    cause: Cause | None
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None
    place: datetime
    pipelines: tuple[str, ...]
    resolution: str | None
    retries_succeeded: int
    retries_failed: int


async def latest(
    connection: Connection,
    *,
    workspace_id: int,
    wanted: Mapping[str, Any],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[LatestRecord]:
    """Those seen last, first; `after` is `(place, id)` of the last one of the page before.

    `wanted` has verdict, cause, pipeline, resolved and since, each of which may be None.
    """
    after_time, after_id = after or (None, None)
    rows = await fetch_all(
        connection,
        "finding.latest",
        prepare=False,
        workspace_id=workspace_id,
        after_time=after_time,
        after_id=after_id,
        limit=limit,
        most_pipelines=MOST_PIPELINES,
        most_template=MOST_TEMPLATE,
        **wanted,
    )
    return [LatestRecord(**{**row, **_vocabulary(row), "pipelines": strings(row["pipelines"])}) for row in rows]


async def facts(connection: Connection, *, workspace_id: int, wanted: Mapping[str, Any], limit: int) -> list[Facts]:
    """Of the same precedents what facets count."""
    rows = await fetch_all(connection, "finding.facts", prepare=False, workspace_id=workspace_id, limit=limit, **wanted)
    return [
        Facts(pipelines=strings(row["pipelines"]), resolved=row["resolved"], seen=row["seen"], **_vocabulary(row))
        for row in rows
    ]


def _vocabulary(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"verdict": Verdict(row["verdict"]), "cause": Cause(row["cause"]) if row["cause"] else None}
