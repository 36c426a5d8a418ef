"""Incidents looked at afterwards, on the real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from knowledge.advisor.storms import Storm, StormState
from knowledge.failures import Resolution, Verdict
from knowledge.incident_log import IncidentLog, Since
from knowledge.proposals import Proposal
from knowledge.proposing import Proposals
from knowledge.store import incident_log, incidents, outcomes, resolutions, storms, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.incident_log import Wanted
from knowledge.store.records import Recorded
from knowledge.workspaces import Workspaces
from tests.knowledge.store.conftest import MakeIncident

NOW = datetime.now(UTC)


async def since(database: Database, of: Recorded, *, now: datetime = NOW, workspace: str = "team") -> Since:
    """What became of an incident of run r-1."""
    log = IncidentLog(database, workspaces=Workspaces(database), clock=lambda: now)
    where = {"precedent_id": of.precedent_id, "storm_id": None, "run_id": "r-1", "pipeline": None}
    return await log.since(workspace, of.incident_id, **where)


async def test_what_was_recorded_on_it(
    database: Database, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Newest first, with who said it; of what was proposed only what nobody accepted; other workspaces see nothing."""
    made = (await incidents.record(connection, [incident()]))[0]
    ours = {"workspace_id": workspace, "incident_id": made.incident_id}
    await outcomes.record(connection, result="failed", attempt=2, author="Ada", **ours)
    await outcomes.record(connection, result="succeeded", attempt=2, waited_s=60, author="Bea", **ours)
    await resolutions.record(connection, summary="Glue it", author="Mo", **ours)
    proposals = Proposals(database, workspaces=Workspaces(database), wake=lambda: None)
    await proposals.propose("team", Proposal(made.incident_id, Resolution("Burn it", author="an agent")))
    found = (await since(database, made)).entries

    assert [("proposal", "an agent", "proposed"), ("resolution", "Mo", "said"), ("outcome", "Bea", "succeeded")] == [
        (each.kind, each.who, each.said) for each in found
    ]
    assert (2, 60.0, False) == (found[2].attempt, found[2].waited_s, found[2].in_storm)
    await workspaces.ensure(connection, "elsewhere")
    assert [] == (await since(database, made, workspace="elsewhere")).entries


async def test_its_storm_as_it_is_now(
    database: Database, connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """With the latest failure in it; once it is over nobody says that it goes on."""
    made = (await incidents.record(connection, [incident(occurred_at=NOW, run_id="r-1")]))[0]
    storm = storm_of(made.precedent_id)
    assert await storms.begin(connection, storm, workspace_id=workspace, now=NOW) is not None
    during, after = [await since(database, made, now=NOW + timedelta(minutes=m)) for m in (1, 30)]

    assert during.storm is not None
    assert (storm.id, True, NOW) == (during.storm.id, during.storm.going_on, during.storm.last_at)
    assert after.storm is None


def storm_of(precedent_id: UUID) -> Storm:
    """One that lasts for twenty minutes from now on."""
    return Storm(
        id=uuid7(),
        precedent_id=precedent_id,
        state=StormState.ACTIVE,
        since=NOW - timedelta(minutes=1),
        ends_at=NOW + timedelta(minutes=20),
        latest_end=NOW + timedelta(days=1),
        wait_s=60.0,
        next_try_at=NOW + timedelta(minutes=1),
        usual_runs=0.05,
    )


async def test_rare_ones_are_found_by_pages_of_one_price(
    connection: Connection, workspace: int, incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page looks at so many and no more; where it finds none, it says where the next goes on."""
    monkeypatch.setattr(incident_log, "MOST_LOOKED_AT", 4)
    rows = [incident(occurred_at=NOW - timedelta(minutes=minute)) for minute in range(10)]
    rows[9] = incident("b", occurred_at=rows[9].occurred_at, verdict=Verdict.GENUINE)
    await incidents.record(connection, rows)
    found, looked_at, after = list[UUID](), list[int](), None
    while True:
        page = await incident_log.page(
            connection, Wanted(verdict=Verdict.GENUINE), workspace_id=workspace, after=after, limit=2
        )
        found += [each.id for each in page.incidents]
        looked_at.append(page.looked_at)
        if (after := page.next) is None:
            break

    assert ([4, 4, 2], [rows[9].id]) == (looked_at, found)
