"""Proposed resolutions on the real PostgreSQL: apart from resolutions, and decided about once."""

from __future__ import annotations

import asyncio
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
    await proposals.accept("team", UUID(made["id"]), signed=Signed("ana"))
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
            *(decide("team", UUID(made["id"]), signed=Signed("ana")) for decide in decisions), return_exceptions=True
        )
        won = [each for each in ended if not isinstance(each, BaseException)]
        lost = [each for each in ended if isinstance(each, BaseException)]

        assert (1, [Conflict]) == (len(won), [type(each) for each in lost])
        accepted = won[0]["state"] == "accepted"
        precedent = await precedent_of(connection, workspace, incident_id)
        said = await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=precedent.id)
        assert accepted == (f"Try {number}" in {each.summary for each in said})


async def test_what_was_said_meanwhile_is_one_resolution(
    proposals: Proposals, connection: Connection, workspace: int, incident_id: UUID
) -> None:
    """A person has recorded in the same words what an agent proposed."""
    made = await proposals.propose("team", proposal(incident_id))
    await resolutions.record(connection, workspace_id=workspace, incident_id=incident_id, summary="Restart it")
    await proposals.accept("team", UUID(made["id"]), signed=Signed("ana"))
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
            await decide("others", UUID(made["id"]), signed=Signed("ana"))
    assert [] == await proposals.page("others", state=ProposalState.PROPOSED)


async def test_pages_go_on_behind_the_last(proposals: Proposals, incident_id: UUID) -> None:
    """Newest first, each once."""
    made = [(await proposals.propose("team", proposal(incident_id, f"Try {number}")))["id"] for number in range(5)]
    seen: list[Document] = []
    while page := await proposals.page("team", state=ProposalState.PROPOSED, after=_last(seen), limit=2):
        seen += page

    assert made[::-1] == [each["id"] for each in seen]
    assert [] == await proposals.page("team", state=ProposalState.PROPOSED, precedent_id=uuid7())


def _last(seen: list[Document]) -> tuple[datetime, UUID] | None:
    if not seen:
        return None
    return datetime.fromisoformat(seen[-1]["proposed_at"]).astimezone(UTC), UUID(seen[-1]["id"])
