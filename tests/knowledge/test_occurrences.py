"""When and where a precedent occurred, from the real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from knowledge.errors import NotFound
from knowledge.occurrences import MOST_STRETCHES, WIDTHS, Occurrences, Stretch, without_gaps
from knowledge.signature.signature import Signature
from knowledge.store import incidents, workspaces
from knowledge.store.database import Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident
from knowledge.workspaces import Workspaces
from tests.knowledge.store.conftest import signature

__all__ = ["signature"]
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def occurrences(database: Database) -> Occurrences:
    """The facade on the test's own database."""
    return Occurrences(database, workspaces=Workspaces(database))


async def reported(database: Database, signature: Signature, *ats: datetime, **fields: object) -> UUID:
    """Record an incident at each of these times; their precedent's id."""
    async with database.transaction() as connection:
        workspace_id = await workspaces.ensure(connection, "team")
        rows = [
            NewIncident(workspace_id=workspace_id, id=uuid7(), signature=signature, occurred_at=at, **fields)  # type: ignore[arg-type]
            for at in ats
        ]
        return (await incidents.record(connection, rows))[0].precedent_id


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (timedelta(0), timedelta(minutes=1)),
        (timedelta(minutes=40), timedelta(minutes=1)),
        (timedelta(minutes=41), timedelta(minutes=10)),
        (timedelta(days=1), timedelta(hours=1)),
        (timedelta(days=30), timedelta(days=1)),
        (timedelta(days=400), timedelta(days=28)),
        (timedelta(days=9_000), timedelta(days=364)),
    ],
)
async def test_stretches_are_as_wide_as_the_span_asks_for(
    database: Database,
    occurrences: Occurrences,
    signature: Callable[[str], Signature],
    span: timedelta,
    width: timedelta,
) -> None:
    """Never more than can be told apart, from the first to the last, and all incidents are in them."""
    id = await reported(database, signature("a"), BEGIN, BEGIN - span)
    stretches = (await occurrences.course("team", id)).stretches

    assert width == stretches[0].width
    assert len(stretches) <= MOST_STRETCHES + 1
    assert 2 == sum(each.number for each in stretches)
    assert stretches[0].since <= BEGIN - span < stretches[0].since + width
    assert stretches[-1].since <= BEGIN < stretches[-1].since + width


async def test_places_are_counted(
    database: Database, occurrences: Occurrences, signature: Callable[[str], Signature]
) -> None:
    """Pipelines, and the values of each name of the environment, the most first."""
    await reported(database, signature("a"), BEGIN, pipeline="p", environment={"torch": "2.13", "debug": None})
    await reported(database, signature("a"), BEGIN, BEGIN, pipeline="q", environment={"torch": "2.14"})
    id = await reported(database, signature("a"), BEGIN)
    course = await occurrences.course("team", id)

    assert [("q", 2), ("p", 1)] == [(each.value, each.number) for each in course.pipelines]
    assert {"torch": [("2.14", 2), ("2.13", 1)]} == {
        key: [(each.value, each.number) for each in values] for key, values in course.environment.items()
    }


async def test_nothing_of_others(
    database: Database, occurrences: Occurrences, signature: Callable[[str], Signature]
) -> None:
    """Another workspace's precedent is not there, nor one that nobody has."""
    id = await reported(database, signature("a"), BEGIN)
    for workspace, asked in (("other", id), ("team", uuid4())):
        with pytest.raises(NotFound):
            await occurrences.course(workspace, asked)
        with pytest.raises(NotFound):
            await occurrences.incidents(workspace, asked, after=None, limit=1)


def test_gaps_are_filled() -> None:
    """With stretches in which nothing happened."""
    day = timedelta(days=1)
    told = [Stretch(BEGIN, day, 2), Stretch(BEGIN + 3 * day, day, 1)]

    assert [2, 0, 0, 1] == [each.number for each in without_gaps(told)]
    assert [] == without_gaps([])
    assert sorted(WIDTHS) == list(WIDTHS)
