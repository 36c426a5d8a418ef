"""What comes from outside is taken once, by any of many processes, and while PostgreSQL is away by each of them."""

from __future__ import annotations

import asyncio

import pytest

from knowledge import arrivals
from knowledge.arrivals import Arrivals
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces


def remembering(database: Database) -> Arrivals:
    """One process."""
    return Arrivals(database, workspaces=Workspaces(database), workspace="team")


async def test_a_key_comes_once(database: Database) -> None:
    """Here, and in another process, and of many at once."""
    one, other = remembering(database), remembering(database)
    found = [await one.is_first("a"), await one.is_first("a"), await other.is_first("a"), await other.is_first("b")]
    at_once = await asyncio.gather(*(each.is_first("c") for each in (one, other) * 5))

    assert [True, False, False, True] == found
    assert 1 == sum(at_once)


async def test_what_is_forgotten_may_come_again(database: Database) -> None:
    """Here, and in another process; once."""
    one, other = remembering(database), remembering(database)
    await one.is_first("a")
    await one.forget("a")

    assert [True, False, False] == [await one.is_first("a"), await one.is_first("a"), await other.is_first("a")]


async def test_without_postgresql_each_process_remembers(database_url: str) -> None:
    """Replays are refused all the same."""
    database = Database(database_url)
    await database.open()
    alone = remembering(database)
    await alone.is_first("before")
    await database.close()

    assert [True, False, False] == [await alone.is_first(key) for key in ("a", "a", "before")]


async def test_what_is_remembered_here_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL has what is forgotten."""
    monkeypatch.setattr(arrivals, "MOST_REMEMBERED", 3)
    one = remembering(database)
    found = [await one.is_first(str(key)) for key in range(5)]

    assert [True] * 5 == found
    assert await one.is_first("0") is False
