"""The facade of proposed resolutions: proposed by an agent or a person, accepted or rejected by a person.

A proposed resolution is no resolution: it is kept apart, so that nothing that counts, searches, learns or advises can
meet it. Accepting it records a resolution under the same id, as if it had been said then.

Answers are documents, the JSON of the HTTP contract. Raises only `knowledge.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from knowledge import documents
from knowledge.correcting import Signed
from knowledge.documents import Document
from knowledge.errors import Conflict, InvalidInput
from knowledge.intake import scrubbed_resolution
from knowledge.once import Once
from knowledge.proposals import Proposal, ProposalState
from knowledge.signature.scrub import scrub
from knowledge.store import audit, precedents, resolutions
from knowledge.store import proposals as stored
from knowledge.store.database import Connection, Database
from knowledge.store.proposals import ProposalRecord
from knowledge.store.records import PrecedentRecord
from knowledge.workspaces import Workspaces
from knowledge.writing import write


class Proposals:
    """Proposed resolutions. Built once, by the composition root; `wake` tells the index worker of an accepted one."""

    def __init__(self, database: Database, *, workspaces: Workspaces, wake: Callable[[], None]) -> None:
        self._database = database
        self._workspaces = workspaces
        self._wake = wake

    async def propose(self, workspace: str, proposal: Proposal, *, once: Once | None = None) -> Document:
        """Keep a proposal; the same summary of the same incident is one. Raises `NotFound`."""
        workspace_id, said = await self._workspaces.id_of(workspace), scrubbed_resolution(proposal.resolution)

        async def work(connection: Connection) -> Document:
            kept = await stored.add(
                connection,
                said,
                workspace_id=workspace_id,
                incident_id=proposal.incident_id,
                verdict=proposal.verdict,
                cause=proposal.cause,
            )
            return documents.of_proposal(kept)

        return await write(self._database, work, workspace_id=workspace_id, once=once)

    async def page(
        self,
        workspace: str,
        *,
        state: ProposalState,
        precedent_id: UUID | None = None,
        after: tuple[datetime, UUID] | None = None,
        limit: int = 50,
    ) -> list[Document]:
        """Proposals of a state, newest first; `after` is `(proposed_at, id)` of the last one of the page before."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            page = await stored.page(
                connection, workspace_id=workspace_id, state=state, precedent_id=precedent_id, after=after, limit=limit
            )
        return [documents.of_proposal(each) for each in page]

    async def with_precedents(
        self,
        workspace: str,
        *,
        state: ProposalState,
        precedent_id: UUID | None = None,
        after: tuple[datetime, UUID] | None = None,
        limit: int = 50,
    ) -> list[Document]:
        """The same, each with `precedent`: what it is about, for whoever decides; null where nothing is left of it."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            page = await stored.page(
                connection, workspace_id=workspace_id, state=state, precedent_id=precedent_id, after=after, limit=limit
            )
            ids = sorted({each.precedent_id for each in page})
            known = await precedents.by_ids(connection, workspace_id=workspace_id, ids=ids)
        return [documents.of_proposal(each) | {"precedent": _about(known.get(each.precedent_id))} for each in page]

    async def accept(self, workspace: str, id: UUID, *, signed: Signed, once: Once | None = None) -> Document:
        """Make it a resolution, which advice shows from now on; again, it changes nothing.

        Raises `NotFound`, `InvalidInput` where nobody says so, `Conflict` where it was rejected or its own proposer
        accepts it.
        """
        return await self._decide(workspace, id, state=ProposalState.ACCEPTED, signed=signed, once=once)

    async def reject(self, workspace: str, id: UUID, *, signed: Signed, once: Once | None = None) -> Document:
        """Put it aside for good; again, it changes nothing. Raises as `accept` does, but proposers may reject."""
        return await self._decide(workspace, id, state=ProposalState.REJECTED, signed=signed, once=once)

    async def _decide(
        self, workspace: str, id: UUID, *, state: ProposalState, signed: Signed, once: Once | None
    ) -> Document:
        workspace_id = await self._workspaces.id_of(workspace)
        actor = scrub((signed.actor or "").strip())
        if not actor:
            raise InvalidInput("Say who decides: a person's name.", field="author")
        decided = Signed(actor, signed.reason and scrub(signed.reason))

        async def work(connection: Connection) -> Document:
            found = await stored.locked(connection, workspace_id=workspace_id, id=id)
            if found.state is not state:
                _check(found, state=state, actor=actor)
                await _write_down(connection, found, workspace_id=workspace_id, state=state, signed=decided)
            return documents.of_proposal(await stored.get(connection, workspace_id=workspace_id, id=id))

        document = await write(self._database, work, workspace_id=workspace_id, once=once)
        self._wake()
        return document


def _about(precedent: PrecedentRecord | None) -> Document | None:
    if precedent is None:
        return None
    return {
        "id": str(precedent.id),
        "template": precedent.signature.template,
        "verdict": precedent.verdict.value,
        "cause": precedent.cause and precedent.cause.value,
    }


def _check(found: ProposalRecord, *, state: ProposalState, actor: str) -> None:
    if found.state is not ProposalState.PROPOSED:
        raise Conflict(f"It was {found.state} already.")
    if state is ProposalState.ACCEPTED and found.proposed_by == actor:
        raise Conflict("Who has proposed it cannot accept it: another person does.", field="author")


async def _write_down(
    connection: Connection, found: ProposalRecord, *, workspace_id: int, state: ProposalState, signed: Signed
) -> None:
    assert signed.actor is not None  # noqa: S101 - checked by the caller
    if state is ProposalState.ACCEPTED:
        await resolutions.record(
            connection,
            id=found.id,
            workspace_id=workspace_id,
            incident_id=found.incident_id,
            summary=found.summary,
            action=found.action,
            verdict=found.verdict,
            cause=found.cause,
            author=found.proposed_by,
            fixed_in=found.fixed_in,
        )
    await stored.decide(connection, id=found.id, state=state, decided_by=signed.actor, reason=signed.reason)
    await audit.record(
        connection,
        workspace_id=workspace_id,
        action=f"resolution.{state}",
        actor=signed.actor,
        reason=signed.reason,
        subject_id=found.precedent_id,
        before={"resolution": str(found.id), "state": found.state.value},
        after={"resolution": str(found.id), "state": state.value, "summary": found.summary, "by": found.proposed_by},
    )
