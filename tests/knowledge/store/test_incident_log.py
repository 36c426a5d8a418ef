"""Incidents looked at afterwards, on the real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from knowledge import incident_log as log_of_incidents
from knowledge.advisor.storms import Storm, StormState
from knowledge.failures import Resolution, Verdict
from knowledge.incident_log import IncidentLog, Since
from knowledge.proposals import Proposal
from knowledge.proposing import Proposals
from knowledge.store import incident_log, incidents, outcomes, resolutions, storms, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.incident_log import Wanted
from knowledge.store.records import NewIncident, Recorded
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


def asked_here_last(incident: MakeIncident, number: int) -> list[NewIncident]:
    """So many of which only the earliest was asked about on the page."""
    ids = [None] * (number - 1) + [f"{incident_log.ASKED_HERE}x"]
    return [incident(occurred_at=NOW - timedelta(minutes=nr), external_id=id) for nr, id in enumerate(ids)]


async def test_rare_ones_are_found_by_looks_of_one_price(
    connection: Connection, workspace: int, incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look is at so many and no more; where it finds none, it says where the next goes on."""
    monkeypatch.setattr(incident_log, "MOST_LOOKED_AT", 4)
    rows = asked_here_last(incident, 10)
    await incidents.record(connection, rows)
    found, looked_at, after = list[UUID](), list[int](), None
    while True:
        page = await incident_log.page(
            connection, Wanted(asked_here=True), workspace_id=workspace, after=after, limit=2
        )
        found += [each.id for each in page.incidents]
        looked_at.append(page.looked_at)
        if (after := page.next) is None:
            break

    assert ([4, 4, 2], [rows[9].id]) == (looked_at, found)


@pytest.mark.parametrize(("looking_s", "looked_at"), [(0.0, [4, 4, 2]), (60.0, [10])])
async def test_what_is_rare_is_looked_for_a_while(
    database: Database,
    connection: Connection,
    workspace: int,
    incident: MakeIncident,
    monkeypatch: pytest.MonkeyPatch,
    looking_s: float,
    looked_at: list[int],
) -> None:
    """In one request, as long as its time lasts: else who asks presses Next for each look."""
    monkeypatch.setattr(incident_log, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(log_of_incidents, "LOOKING_S", looking_s)
    rows = asked_here_last(incident, 10)
    await incidents.record(connection, rows)
    log = IncidentLog(database, workspaces=Workspaces(database))
    pages = [await log.page("team", Wanted(asked_here=True), after=None, limit=2)]
    while (after := pages[-1].next) is not None:
        pages.append(await log.page("team", Wanted(asked_here=True), after=after, limit=2))

    assert looked_at == [page.looked_at for page in pages]
    assert [rows[9].id] == [each.id for page in pages for each in page.incidents]


@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_both_lists_of_a_verdict_agree(
    connection: Connection, workspace: int, incident: MakeIncident, limit: int
) -> None:
    """That of the pages and that of the API: what was stated, else what is known of the precedent; by pages."""
    stated = (Verdict.GENUINE, None, Verdict.TRANSIENT, None, Verdict.UNKNOWN, Verdict.TRANSIENT)
    rows = [
        incident(name, verdict=verdict, occurred_at=NOW - timedelta(minutes=10 * place + number))
        for place, name in enumerate(("a", "b", "a"))
        for number, verdict in enumerate(stated if name == "a" else (None, None))
    ]
    await incidents.record(connection, rows)
    for verdict in Verdict:
        listed = await incidents.list_page(connection, workspace_id=workspace, verdict=verdict, limit=50)
        shown, after = list[UUID](), None
        while True:
            page = await incident_log.page(
                connection, Wanted(verdict=verdict), workspace_id=workspace, after=after, limit=limit
            )
            assert {verdict} >= {each.verdict for each in page.incidents}
            shown += [each.id for each in page.incidents]
            if (after := page.next) is None:
                break

        assert [each.id for each in listed] == shown
        assert shown
