"""Proposed resolutions on the real PostgreSQL: apart from resolutions, and decided about once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from knowledge.correcting import Signed
from knowledge.documents import Document
from knowledge.errors import Conflict, NotFound
from knowledge.failures import Resolution, Verdict
from knowledge.proposals import Proposal, ProposalState
from knowledge.proposing import Proposals
from knowledge.store import incidents, precedents, resolutions
from knowledge.store import proposals as stored
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import PrecedentRecord
from knowledge.workspaces import Workspaces
from tests.knowledge.store.conftest import MakeIncident


@pytest.fixture
def proposals(database: Database) -> Proposals:
    """The facade."""
    return Proposals(database, workspaces=Workspaces(database), wake=lambda: None)


@pytest.fixture
async def incident_id(connection: Connection, incident: MakeIncident) -> UUID:
    """A recorded incident of the workspace `team`."""
    return (await incidents.record(connection, [incident()]))[0].incident_id


def proposal(incident_id: UUID, summary: str = "Restart it") -> Proposal:
    """What an agent proposes."""
    said = Resolution(summary, author="an agent", fixed_in={"torch": "2.13"})
    return Proposal(incident_id, said, verdict=Verdict.GENUINE)


async def precedent_of(connection: Connection, workspace: int, incident_id: UUID) -> PrecedentRecord:
    """The incident's precedent."""
    record = await incidents.get(connection, workspace_id=workspace, id=incident_id)
    return await precedents.get(connection, workspace_id=workspace, id=record.precedent_id)


async def test_a_proposal_changes_no_row_of_what_is_known(
    proposals: Proposals, connection: Connection, workspace: int, incident_id: UUID
) -> None:
    """The precedent is the same to its version, and has no fix."""
    before = await precedent_of(connection, workspace, incident_id)
    await proposals.propose("team", proposal(incident_id))

    assert before == await precedent_of(connection, workspace, incident_id)
    assert [] == await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=before.id)


async def test_an_accepted_proposal_is_a_resolution(
    proposals: Proposals, connection: Connection, workspace: int, incident_id: UUID
) -> None:
    """With its verdict, its fix and its author, as if it had been recorded."""
    made = await proposals.propose("team", proposal(incident_id))
    await proposals.accept("team", UUID(made["id"]), signed=Signed("ana"), key=None)
    after = await precedent_of(connection, workspace, incident_id)
    said = await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=after.id)

    assert (Verdict.GENUINE, {"torch": "2.13"}) == (after.verdict, after.fix and dict(after.fix.fixed_in))
    assert [(UUID(made["id"]), "Restart it", "an agent")] == [(each.id, each.summary, each.author) for each in said]


async def test_of_two_who_decide_at_once_one_does(
    proposals: Proposals, connection: Connection, workspace: int, incident_id: UUID
) -> None:
    """The other is told what it was; there is a resolution exactly where it was accepted."""
    for number in range(8):
        made = await proposals.propose("team", proposal(incident_id, f"Try {number}"))
        decisions = (proposals.accept, proposals.reject)
        ended = await asyncio.gather(
            *(decide("team", UUID(made["id"]), signed=Signed("ana"), key=None) for decide in decisions),
            return_exceptions=True,
        )
        won = [each for each in ended if not isinstance(each, BaseException)]
        lost = [each for each in ended if isinstance(each, BaseException)]

        assert (1, [Conflict]) == (len(won), [type(each) for each in lost])
        accepted = won[0]["state"] == "accepted"
        precedent = await precedent_of(connection, workspace, incident_id)
        said = await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=precedent.id)
        assert accepted == (f"Try {number}" in {each.summary for each in said})


@pytest.mark.parametrize("name", ["Ana", "An Agent", "API key of others"])
async def test_a_key_does_not_accept_what_it_has_proposed(proposals: Proposals, incident_id: UUID, name: str) -> None:
    """Whatever its bearer calls itself, then and now; it may take it back."""
    made = UUID((await proposals.propose("team", replace(proposal(incident_id), key="API key bot")))["id"])
    with pytest.raises(Conflict):
        await proposals.accept("team", made, signed=Signed(name), key="API key bot")
    taken_back = await proposals.reject("team", made, signed=Signed(name), key="API key bot")

    assert "rejected" == taken_back["state"]


@pytest.mark.parametrize("key", [None, "API key of others"])
async def test_nobody_accepts_what_they_have_proposed(proposals: Proposals, incident_id: UUID, key: str | None) -> None:
    """The same name is refused with another key and with none, however it is written; another name is not."""
    made = UUID((await proposals.propose("team", replace(proposal(incident_id), key="API key bot")))["id"])
    for name in ("an agent", " AN  Agent"):
        with pytest.raises(Conflict):
            await proposals.accept("team", made, signed=Signed(name), key=key)

    assert "accepted" == (await proposals.accept("team", made, signed=Signed("Ana"), key=key))["state"]


async def test_what_was_said_meanwhile_is_one_resolution(
    proposals: Proposals, connection: Connection, workspace: int, incident_id: UUID
) -> None:
    """A person has recorded in the same words what an agent proposed."""
    made = await proposals.propose("team", proposal(incident_id))
    await resolutions.record(connection, workspace_id=workspace, incident_id=incident_id, summary="Restart it")
    await proposals.accept("team", UUID(made["id"]), signed=Signed("ana"), key=None)
    precedent = await precedent_of(connection, workspace, incident_id)
    said = await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=precedent.id)

    assert [("Restart it", Verdict.GENUINE, {"torch": "2.13"})] == [
        (each.summary, each.verdict, each.fixed_in) for each in said
    ]


async def test_other_workspaces_know_nothing_of_it(proposals: Proposals, incident_id: UUID) -> None:
    """Neither of the incident nor of the proposal."""
    made = await proposals.propose("team", proposal(incident_id))

    with pytest.raises(NotFound):
        await proposals.propose("others", proposal(incident_id, "Else"))
    for decide in (proposals.accept, proposals.reject):
        with pytest.raises(NotFound):
            await decide("others", UUID(made["id"]), signed=Signed("ana"), key=None)
    assert [] == await proposals.page("others", state=ProposalState.PROPOSED)


async def test_pages_go_on_behind_the_last(proposals: Proposals, incident_id: UUID) -> None:
    """Newest first, each once."""
    made = [(await proposals.propose("team", proposal(incident_id, f"Try {number}")))["id"] for number in range(5)]
    seen: list[Document] = []
    while page := await proposals.page("team", state=ProposalState.PROPOSED, after=_last(seen), limit=2):
        seen += page

    assert made[::-1] == [each["id"] for each in seen]
    assert [] == await proposals.page("team", state=ProposalState.PROPOSED, precedent_id=uuid7())


@pytest.fixture
async def idle(database_url: str) -> AsyncIterator[Database]:
    """A pool that nobody else takes a connection of."""
    async with Database(database_url) as opened:
        yield opened


async def test_how_many_wait(idle: Database, connection: Connection, workspace: int, incident_id: UUID) -> None:
    """Of a workspace, without what was decided about, and counted no further than is asked."""
    proposals = Proposals(idle, workspaces=Workspaces(idle), wake=lambda: None)
    made = [(await proposals.propose("team", proposal(incident_id, f"Try {number}")))["id"] for number in range(4)]
    before = await proposals.waiting("team")
    await proposals.reject("team", UUID(made[0]), signed=Signed("ana"), key=None)

    assert [4, 3, 0] == [before, await proposals.waiting("team"), await proposals.waiting("others")]
    assert [2, 3] == [await stored.waiting(connection, workspace_id=workspace, most=most) for most in (2, 9)]


async def test_nobody_waits_for_how_many_wait(idle: Database, incident_id: UUID) -> None:
    """While others need the store it is left out, or is what was counted last."""
    proposals, others = (Proposals(idle, workspaces=Workspaces(idle), wake=lambda: None) for _ in range(2))
    await proposals.propose("team", proposal(incident_id))
    async with idle.connection():
        told = [await each.waiting("team") for each in (others, proposals)]

    assert [None, 1] == told
    assert 1 == await others.waiting("team")


def _last(seen: list[Document]) -> tuple[datetime, UUID] | None:
    if not seen:
        return None
    return datetime.fromisoformat(seen[-1]["proposed_at"]).astimezone(UTC), UUID(seen[-1]["id"])
