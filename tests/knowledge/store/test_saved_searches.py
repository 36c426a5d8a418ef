"""Searches that a workspace keeps, on the real PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.errors import Conflict
from knowledge.saved_searches import SavedSearches
from knowledge.store import saved_searches
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces


async def test_two_at_once_do_not_pass_the_limit(
    database: Database, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, and counts it; the same name again is no other."""
    monkeypatch.setattr(saved_searches, "MOST", 1)
    searches = SavedSearches(database, workspaces=Workspaces(database))
    async with database.transaction() as first:
        kept = await saved_searches.save(first, workspace_id=workspace, name="first", fields={}, saved_by=None)
        second = asyncio.create_task(searches.save("team", name="second", fields={}))
        await asyncio.wait([second], timeout=0.5)
    with pytest.raises(Conflict):
        await second
    again = await searches.save("team", name="first", fields={})
    with pytest.raises(Conflict, match="saved already"):
        await searches.save("team", name="first", fields={"q": "another"})

    assert kept.id == again.id
    assert ["first"] == [each.name for each in await searches.all_of("team")]
