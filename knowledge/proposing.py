"""The facade of proposed resolutions: proposed by an agent or a person, accepted or rejected by a person.

A proposed resolution is no resolution: it is kept apart, so that nothing that counts, searches, learns or advises can
meet it. Accepting it records a resolution under the same id, as if it had been said then.

Answers are documents, the JSON of the HTTP contract. Raises only `knowledge.errors`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from knowledge import documents
from knowledge.correcting import Signed
from knowledge.documents import Document
from knowledge.errors import Conflict, InvalidInput, StoreBusy, StoreUnavailable
from knowledge.intake import scrubbed_resolution
from knowledge.once import Once
from knowledge.proposals import Proposal, ProposalState, is_same_name
from knowledge.signature.scrub import scrub
from knowledge.store import audit, precedents, resolutions
from knowledge.store import proposals as stored
from knowledge.store.database import Connection, Database
from knowledge.store.proposals import ProposalRecord
from knowledge.store.records import PrecedentRecord
from knowledge.workspaces import Workspaces
from knowledge.writing import write

#: Proposals that are counted: beyond these, nobody asks how many wait.
MOST_WAITING = 100
#: For so long nobody counts again, unless something was proposed or decided here.
COUNTED_FOR_S = 5.0


class Proposals:
    """Proposed resolutions. Built once, by the composition root; `wake` tells the index worker of an accepted one."""

    def __init__(self, database: Database, *, workspaces: Workspaces, wake: Callable[[], None]) -> None:
        self._database = database
        self._workspaces = workspaces
        self._wake = wake
        self._counted: dict[str, tuple[int, float]] = {}

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
                key=proposal.key and scrub(proposal.key),
            )
            return documents.of_proposal(kept)

        document = await write(self._database, work, workspace_id=workspace_id, once=once)
        await self._count(workspace)
        return document

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

    async def waiting(self, workspace: str) -> int | None:
        """How many wait for a person, at most `MOST_WAITING`.

        It is told beside other things, on every page, and must hold none of them up: while others need the store it is
        what was counted last, or None.
        """
        counted, until = self._counted.get(workspace, (None, 0.0))
        if time.monotonic() < until or not self._database.is_at_leisure:
            return counted
        return await self._count(workspace)

    async def _count(self, workspace: str) -> int | None:
        """Count them now; as counted last where the store is away."""
        try:
            workspace_id = await self._workspaces.id_of(workspace)
            async with self._database.connection() as connection:
                counted = await stored.waiting(connection, workspace_id=workspace_id, most=MOST_WAITING)
        except (StoreBusy, StoreUnavailable):
            return self._counted.get(workspace, (None, 0.0))[0]
        self._counted[workspace] = counted, time.monotonic() + COUNTED_FOR_S
        return counted

    async def accept(
        self, workspace: str, id: UUID, *, signed: Signed, key: str | None, once: Once | None = None
    ) -> Document:
        """Make it a resolution, which advice shows from now on; again, it changes nothing.

        `key`: the API key that accepts it, by its name, whatever its bearer calls itself; None where nobody is asked
        for one. Raises `NotFound`, `InvalidInput` where nobody says so, `Conflict` where it was rejected or its own
        proposer accepts it: the same key, or the same name.
        """
        return await self._decide(workspace, id, state=ProposalState.ACCEPTED, signed=signed, key=key, once=once)

    async def reject(
        self, workspace: str, id: UUID, *, signed: Signed, key: str | None, once: Once | None = None
    ) -> Document:
        """Put it aside for good; again, it changes nothing. Raises as `accept` does, but proposers may reject."""
        return await self._decide(workspace, id, state=ProposalState.REJECTED, signed=signed, key=key, once=once)

    async def _decide(
        self, workspace: str, id: UUID, *, state: ProposalState, signed: Signed, key: str | None, once: Once | None
    ) -> Document:
        workspace_id = await self._workspaces.id_of(workspace)
        actor = scrub((signed.actor or "").strip())
        if not actor:
            raise InvalidInput("Say who decides: a person's name.", field="author")
        decided = Signed(actor, signed.reason and scrub(signed.reason))

        async def work(connection: Connection) -> Document:
            found = await stored.locked(connection, workspace_id=workspace_id, id=id)
            if found.state is not state:
                _check(found, state=state, actor=actor, key=key and scrub(key))
                await _write_down(connection, found, workspace_id=workspace_id, state=state, signed=decided)
            return documents.of_proposal(await stored.get(connection, workspace_id=workspace_id, id=id))

        document = await write(self._database, work, workspace_id=workspace_id, once=once)
        await self._count(workspace)
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


def _check(found: ProposalRecord, *, state: ProposalState, actor: str, key: str | None) -> None:
    if found.state is not ProposalState.PROPOSED:
        raise Conflict(f"It was {found.state} already.")
    if state is not ProposalState.ACCEPTED:
        return
    if key is not None and found.proposed_key == key:
        raise Conflict("The API key that has proposed it cannot accept it: another person does, with a key of theirs.")
    if found.proposed_by is not None and is_same_name(found.proposed_by, actor):
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
