"""The facade of what happened to a precedent: when it occurred, and where. Raises only `knowledge.errors`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from knowledge.failures import Resolution, Source
from knowledge.store import occurrences as stored
from knowledge.store import precedents
from knowledge.store.database import Database
from knowledge.store.occurrences import MOST_PLACES, MOST_TIMES, Occurrence, PlaceCount, Stretch, ToldLast
from knowledge.workspaces import Workspaces

__all__ = ["MOST_PLACES", "MOST_TIMES", "Course", "Occurrence", "Occurrences", "PlaceCount", "Stretch", "ToldLast"]

#: How wide a stretch of time may be; the last is wide enough for all that is recorded.
WIDTHS = (
    *(timedelta(minutes=minutes) for minutes in (1, 10)),
    *(timedelta(hours=hours) for hours in (1, 6)),
    *(timedelta(days=days) for days in (1, 7, 28, 91, 364)),
)
MOST_STRETCHES = 40


@dataclass(frozen=True, slots=True)
class Course:
    """Stretches of time without gaps, pipelines, and the environment's values by their names, the most first.

    `documented`: what its sources say helps, of a documented precedent. `told`: what was advised of it last.
    """

    stretches: Sequence[Stretch]
    pipelines: Sequence[PlaceCount]
    environment: dict[str, list[PlaceCount]]
    documented: Resolution | None
    told: ToldLast | None = None


class Occurrences:
    """Built once, by the composition root."""

    def __init__(self, database: Database, *, workspaces: Workspaces) -> None:
        self._database = database
        self._workspaces = workspaces

    async def course(self, workspace: str, precedent_id: UUID) -> Course:
        """The latest incidents of a precedent by time and by place; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            found = await precedents.get(connection, workspace_id=workspace_id, id=precedent_id)
            times = await stored.over_time(
                connection, precedent_id=found.id, widths=WIDTHS, most_stretches=MOST_STRETCHES
            )
            places = await stored.places(connection, precedent_id=found.id)
            told = await stored.told_last(connection, precedent_id=found.id)
        return Course(
            without_gaps(times),
            [each for each in places if each.key is None],
            _by_key([each for each in places if each.key is not None]),
            found.resolution if found.source is Source.STARTER else None,
            told,
        )

    async def incidents(
        self, workspace: str, precedent_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Occurrence]:
        """The latest incidents of a precedent; `after` is `(occurred_at, id)` of the last one of the page before.

        Raises `NotFound`.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            found = await precedents.get(connection, workspace_id=workspace_id, id=precedent_id)
            return await stored.incidents(connection, precedent_id=found.id, after=after, limit=limit)


def without_gaps(stretches: Sequence[Stretch]) -> list[Stretch]:
    """With those between them in which nothing happened."""
    if not stretches:
        return []
    first, width = stretches[0].since, stretches[0].width
    numbers = {each.since: each.number for each in stretches}
    count = (stretches[-1].since - first) // width + 1
    starts = (first + place * width for place in range(count))
    return [Stretch(since, width, numbers.get(since, 0)) for since in starts]


def _by_key(places: Sequence[PlaceCount]) -> dict[str, list[PlaceCount]]:
    found: dict[str, list[PlaceCount]] = {}
    for each in places:
        found.setdefault(each.key or "", []).append(each)
    return found
