"""Searches that a workspace keeps, on the real PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.errors import Conflict, NotFound
from knowledge.saved_searches import SavedSearches
from knowledge.store import audit, saved_searches
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


async def test_what_is_brought_back_is_what_was_deleted(
    database: Database, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its id, with who saved it and when; the log has who deleted it, without secrets. A day later it is gone."""
    searches = SavedSearches(database, workspaces=Workspaces(database))
    kept = await searches.save("team", name="first", fields={"q": "apple"}, by="ana")
    secret = "ghp_" + "a1B2c3D4" * 5
    await searches.remove("team", kept.id, by=f"bob {secret}")
    async with database.connection() as connection:
        (logged,) = await audit.list_recent(connection, workspace_id=workspace, subject_id=kept.id)

    assert [] == await searches.all_of("team")
    assert kept == await searches.removed("team", kept.id)
    assert [kept, kept] == [await searches.bring_back("team", kept.id) for _ in range(2)]
    assert [kept] == await searches.all_of("team")
    assert (True, False) == ((logged.actor or "").startswith("bob "), secret in (logged.actor or ""))
    await searches.remove("team", kept.id)
    monkeypatch.setattr(saved_searches, "BACK_WITHIN_S", 0)
    with pytest.raises(NotFound, match="within the last day"):
        await searches.bring_back("team", kept.id)
