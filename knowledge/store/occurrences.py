"""When and where the incidents of a precedent occurred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from knowledge.failures import Verdict
from knowledge.store.database import Connection
from knowledge.store.rows import fetch_all, fetch_one

#: Incidents that are counted by time, and looked at for where they were: the latest.
MOST_TIMES, MOST_PLACES = 10_000, 1_000
#: Incidents among which the latest advice is looked for.
MOST_TOLD = 20
#: Values of a sort that are told, and characters of each.
MOST_VALUES, LONGEST = 100, 200


@dataclass(frozen=True, slots=True)
class Stretch:
    """Incidents from `since` on, for `width`."""

    since: datetime
    width: timedelta
    number: int


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """Incidents in one pipeline (`key` None), or with one value of the environment."""

    key: str | None
    value: str
    number: int


@dataclass(frozen=True, slots=True)
class ToldLast:
    """What an advice said; `confidence` from 0 to 1."""

    verdict: Verdict
    confidence: float


async def told_last(connection: Connection, *, precedent_id: UUID) -> ToldLast | None:
    """What was advised last; None where nobody has asked lately."""
    row = await fetch_one(connection, "occurrences.told_last", precedent_id=precedent_id, most=MOST_TOLD)
    return None if row is None else ToldLast(Verdict(row["verdict"]), row["confidence"])


async def over_time(
    connection: Connection, *, precedent_id: UUID, widths: Sequence[timedelta], most_stretches: int
) -> list[Stretch]:
    """The latest incidents by stretches, in order, those without any left out. `widths`: the shortest that does."""
    rows = await fetch_all(
        connection,
        "occurrences.over_time",
        precedent_id=precedent_id,
        widths=list(widths),
        most_stretches=most_stretches,
        most=MOST_TIMES,
    )
    return [Stretch(**row) for row in rows]


async def places(connection: Connection, *, precedent_id: UUID) -> list[PlaceCount]:
    """Where the latest incidents were, the most first."""
    rows = await fetch_all(
        connection,
        "occurrences.places",
        precedent_id=precedent_id,
        most=MOST_PLACES,
        most_values=MOST_VALUES,
        longest=LONGEST,
    )
    return [PlaceCount(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An incident in a list, without what was reported."""

    id: UUID
    occurred_at: datetime
    pipeline: str | None
    step: str | None
    run_id: str | None
    attempt: int | None
    verdict: Verdict | None
    storm_id: UUID | None


async def incidents(
    connection: Connection, *, precedent_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[Occurrence]:
    """The latest first; `after` is `(occurred_at, id)` of the last one of the page before."""
    after_time, after_id = after or (None, None)
    rows = await fetch_all(
        connection,
        "occurrences.incidents",
        prepare=False,
        precedent_id=precedent_id,
        after_time=after_time,
        after_id=after_id,
        limit=limit,
    )
    return [Occurrence(**{**row, "verdict": Verdict(row["verdict"]) if row["verdict"] else None}) for row in rows]
