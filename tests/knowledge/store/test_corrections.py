"""What people correct can be taken back and brought back, and everything counts as before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from knowledge.errors import Conflict, NotFound, StaleVersion
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.signature.signature import Signature
from knowledge.store import corrections, incidents, outcomes, precedents, resolutions
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import Change, NewIncident, PrecedentRecord

MakeIncident = Callable[..., NewIncident]
KINDS = "abcde"


class Desk:
    """A person who corrects precedents of one workspace."""

    def __init__(self, connection: Connection, workspace: int, signature: Callable[[str], Signature]) -> None:
        self._connection = connection
        self._workspace = workspace
        self._signature = signature

    async def report(self, row: NewIncident) -> UUID:
        """Record one incident; its precedent's id."""
        return (await incidents.record(self._connection, [row]))[0].precedent_id

    async def read(self, id: UUID) -> PrecedentRecord:
        """The precedent as it is now."""
        return await precedents.get(self._connection, workspace_id=self._workspace, id=id)

    async def patch(self, id: UUID, **said: Any) -> PrecedentRecord:
        """Override."""
        return await self._do(corrections.patch, id=id, **said)

    async def merge(self, into: UUID, *sources: UUID) -> PrecedentRecord:
        """Join."""
        version = (await self.read(into)).version
        return await corrections.merge(
            self._connection, workspace_id=self._workspace, into=into, sources=sources, expected_version=version
        )

    async def split(self, id: UUID, *kinds: str) -> PrecedentRecord:
        """Part by the kinds of failures."""
        return await self._do(corrections.split, id=id, fingerprints=[self._signature(k).fingerprint for k in kinds])

    async def undo(self, id: UUID, change: UUID | None = None, **signed: str) -> PrecedentRecord:
        """Take back a change, or the latest one."""
        return await self._do(corrections.undo, id=id, change=change or (await self.history(id))[0].id, **signed)

    async def history(self, id: UUID) -> list[Change]:
        """Newest first."""
        return await corrections.history(self._connection, workspace_id=self._workspace, id=id)

    async def state(self) -> dict[str, Any]:
        """All that living precedents count and say, by kind of failure."""
        found = await precedents.find_known_many(
            self._connection,
            workspace_id=self._workspace,
            fingerprints=[self._signature(kind).fingerprint for kind in KINDS],
        )
        return {kind: self._facts(found[self._signature(kind).fingerprint].precedent) for kind in KINDS}

    def _facts(self, of: PrecedentRecord) -> tuple[Any, ...]:
        overrides = (of.verdict_override, of.cause_override, of.action_override)
        counts = (of.occurrences, of.stated_transient, of.stated_genuine, of.retries_succeeded, of.retries_failed)
        seen = (of.first_seen, of.last_seen, set(of.pipelines), of.latest_incident_id)
        said = (of.verdict, of.cause, of.action, of.resolution, of.fix)
        return (of.id, overrides, counts, seen, said, of.history.fared)

    async def _do(self, do: Callable[..., Awaitable[PrecedentRecord]], *, id: UUID, **given: Any) -> PrecedentRecord:
        version = (await self.read(id)).version
        return await do(self._connection, workspace_id=self._workspace, id=id, expected_version=version, **given)


@pytest.fixture
def desk(connection: Connection, workspace: int, signature: Callable[[str], Signature]) -> Desk:
    """Corrections in the test's workspace."""
    return Desk(connection, workspace, signature)


@pytest.fixture
async def kinds(desk: Desk, connection: Connection, workspace: int, incident: MakeIncident) -> dict[str, UUID]:
    """A precedent of each kind, with incidents, outcomes and a resolution; kind by id."""
    made: dict[str, UUID] = {}
    for number, kind in enumerate(KINDS):
        said = {"verdict": Verdict.TRANSIENT if number % 2 else Verdict.GENUINE, "cause": list(Cause)[number]}
        rows = [incident(kind, pipeline=f"p{number}", **(said if n == 0 else {})) for n in range(number + 1)]
        for row in rows:
            made[kind] = await desk.report(row)
        ours = {"workspace_id": workspace, "incident_id": rows[0].id}
        await outcomes.record(
            connection, result="succeeded" if number % 2 else "failed", attempt=2, waited_s=60, **ours
        )
        await resolutions.record(connection, summary=f"mend {kind}", action=list(Action)[number], **ours)
    return made


async def test_override_is_taken_back_and_brought_back(desk: Desk, kinds: dict[str, UUID]) -> None:
    """With author, reason and what it was before; the undo of the undo is the override again."""
    a, before = kinds["a"], await desk.state()
    await desk.patch(a, verdict=Verdict.TRANSIENT, cause=Cause.NETWORK, actor="ada", reason="seen it pass")
    during = await desk.state()
    undone = await desk.undo(a, actor="bob", reason="it does not")
    after = await desk.state()
    again = await desk.undo(a)
    last, middle, first = await desk.history(a)

    assert (before, during) == (after, await desk.state())
    assert (None, Verdict.TRANSIENT) == (undone.verdict_override, again.verdict_override)
    assert ["precedent.undo", "precedent.undo", "precedent.patch"] == [each.action for each in (last, middle, first)]
    assert ("ada", "seen it pass", "bob") == (first.actor, first.reason, middle.actor)
    assert (None, "transient") == (first.before["verdict"], first.after["verdict"])
    assert (middle.id, last.id, None) == (first.undone_by, middle.undone_by, last.undone_by)
    assert [True, False, False] == [each.undoable for each in (last, middle, first)]


async def test_a_resolution_of_the_whole_is_taken_back_with_its_fix(desk: Desk, kinds: dict[str, UUID]) -> None:
    """What was shown before is shown again."""
    before = await desk.state()
    said = Resolution("upgrade the driver", Action.FIX_THEN_RERUN, "ada", {"driver": "610"})
    await desk.patch(kinds["b"], resolution=said)
    during = await desk.state()
    await desk.undo(kinds["b"])
    after = await desk.state()
    again = await desk.undo(kinds["b"])

    assert (before, during) == (after, await desk.state())
    assert (said.summary, {"driver": "610"}) == (
        again.resolution and again.resolution.summary,
        again.fix and again.fix.fixed_in,
    )


async def test_merge_is_taken_back(desk: Desk, kinds: dict[str, UUID], incident: MakeIncident) -> None:
    """Each has its own again, also what was reported while they were one; recurrences go to their own."""
    a, b, c = kinds["a"], kinds["b"], kinds["c"]
    await desk.patch(c, verdict=Verdict.UNKNOWN)
    await desk.merge(b, c)
    before = await desk.state()
    await desk.merge(a, b)
    await desk.undo(a)
    parted = await desk.state()
    await desk.undo(a)  # one again
    joined = {await desk.report(incident(kind)) for kind in "abc"}
    await desk.undo(a)
    again = [await desk.report(incident(kind)) for kind in "abc"]

    assert before == parted
    assert {a} == joined
    assert [a, b, b] == again
    assert [1 + 2, 2 + 3 + 4] == [(await desk.read(id)).occurrences for id in (a, b)]
    assert b == (await desk.read(c)).id


async def test_split_is_taken_back(desk: Desk, kinds: dict[str, UUID], incident: MakeIncident) -> None:
    """The new precedent leads to the old one, until the undo is undone: then it is the same new one."""
    a = (await desk.merge(kinds["a"], kinds["b"], kinds["c"])).id
    before = await desk.state()
    new = (await desk.split(a, "b")).id
    during = await desk.state()
    joined = await desk.undo(a)
    after = await desk.state()
    await desk.undo(a)

    assert (before, during) == (after, await desk.state())
    assert (a, new) == (joined.id, (await desk.read(new)).id)
    assert [a, new, a] == [await desk.report(incident(kind)) for kind in "abc"]


async def test_later_change_stands_in_the_way(desk: Desk, kinds: dict[str, UUID]) -> None:
    """It is named. What touches other fields, or was itself taken back, does not matter."""
    a, b = kinds["a"], kinds["b"]
    await desk.patch(a, verdict=Verdict.TRANSIENT)
    first = (await desk.history(a))[0].id
    await desk.patch(a, cause=Cause.NETWORK)
    await desk.merge(a, b)
    merged = (await desk.history(a))[0].id
    with pytest.raises(Conflict, match=str(merged)):
        await desk.undo(a, first)
    with pytest.raises(Conflict, match=f"merged into {a}"):
        await desk.undo(b, merged)
    await desk.undo(a, merged)
    with pytest.raises(Conflict, match="undone already"):
        await desk.undo(a, merged)
    back = await desk.undo(a, first)

    assert (None, Cause.NETWORK) == (back.verdict_override, back.cause_override)
    await desk.patch(a, verdict=Verdict.GENUINE)
    undo_of_first = next(each.id for each in await desk.history(a) if each.action == "precedent.undo")
    with pytest.raises(Conflict):
        await desk.undo(a, undo_of_first)


async def test_undo_builds_on_what_was_read(
    desk: Desk, kinds: dict[str, UUID], connection: Connection, workspace: int
) -> None:
    """A stale version, and a change of another precedent or workspace, are refused."""
    await desk.patch(kinds["a"], verdict=Verdict.TRANSIENT)
    change = (await desk.history(kinds["a"]))[0].id
    versions = {kind: (await desk.read(kinds[kind])).version for kind in "ab"}
    ours = {"workspace_id": workspace, "id": kinds["a"], "change": change, "expected_version": versions["a"]}
    with pytest.raises(StaleVersion):
        await corrections.undo(connection, **{**ours, "expected_version": versions["a"] - 1})
    for other in (
        {"id": kinds["b"], "expected_version": versions["b"]},
        {"change": uuid7()},
        {"workspace_id": workspace + 1},
    ):
        with pytest.raises(NotFound):
            await corrections.undo(connection, **{**ours, **other})
    with pytest.raises(NotFound):
        await corrections.history(connection, workspace_id=workspace, id=uuid7())


async def test_history_comes_in_pages(
    desk: Desk, kinds: dict[str, UUID], connection: Connection, workspace: int
) -> None:
    """Of the precedent and of what it took part in, newest first, none twice."""
    a, b = kinds["a"], kinds["b"]
    for verdict in Verdict:
        await desk.patch(b, verdict=verdict)
    await desk.merge(a, b)
    seen: list[Change] = []
    while page := await corrections.history(
        connection,
        workspace_id=workspace,
        id=b,
        after=(seen[-1].at, seen[-1].id) if seen else None,
        limit=3,
    ):
        seen += page

    assert ["precedent.merge", *["precedent.patch"] * 3] == [each.action for each in seen]
    assert ((a, b), 4) == (seen[0].precedents, len({each.id for each in seen}))


async def test_a_merge_sees_what_changes_while_it_waits(
    database: Database, desk: Desk, kinds: dict[str, UUID], connection: Connection, workspace: int
) -> None:
    """The other precedent is compared where it is locked: nothing that comes in between is merged unseen."""
    a, b = kinds["a"], kinds["b"]
    looked_at = {each: (await desk.read(each)).version for each in (a, b)}

    async def merge() -> None:
        async with database.connection() as mine:
            await corrections.merge(
                mine,
                workspace_id=workspace,
                into=a,
                sources=[b],
                expected_version=looked_at[a],
                source_versions={b: looked_at[b]},
            )

    async with connection.transaction():
        await desk.patch(b, verdict=Verdict.UNKNOWN)
        waiting = asyncio.create_task(merge())
        done, _ = await asyncio.wait([waiting], timeout=0.2)

        assert not done
    with pytest.raises(StaleVersion):
        await waiting
    assert (1, 2) == tuple([(await desk.read(each)).occurrences for each in (a, b)])
    looked_at[b] = (await desk.read(b)).version
    await merge()
    assert a == (await desk.read(b)).id


async def test_undo_while_incidents_arrive_loses_none(
    database: Database, desk: Desk, kinds: dict[str, UUID], incident: MakeIncident, connection: Connection
) -> None:
    """Recording waits for it, then counts for the precedent that it belongs to."""
    a, b = kinds["a"], kinds["b"]
    await desk.merge(a, b)

    async def again() -> None:
        async with database.connection() as mine:
            await incidents.record(mine, [incident("b"), incident("a")])

    await asyncio.gather(*(again() for _ in range(10)), desk.undo(a), *(again() for _ in range(10)))

    assert [1 + 20, 2 + 20] == [(await desk.read(id)).occurrences for id in (a, b)]


async def _random_change(desk: Desk, state: dict[str, Any], chance: random.Random) -> UUID | None:
    """Do something that can be done; the precedent whose history has it first."""
    kinds_of: dict[UUID, list[str]] = {}
    for kind, facts in state.items():
        kinds_of.setdefault(facts[0], []).append(kind)
    id = chance.choice(list(kinds_of))
    others = [each for each in kinds_of if each != id]
    what = chance.choice(["patch", "resolve", "merge", "split"])
    if what == "merge" and others:
        await desk.merge(id, *chance.sample(others, chance.randint(1, len(others))))
    elif what == "split" and len(kinds_of[id]) > 1:
        await desk.split(id, *chance.sample(kinds_of[id], chance.randint(1, len(kinds_of[id]) - 1)))
    elif what == "resolve":
        fixed_in = {"torch": f"2.{chance.randint(0, 30)}"} if chance.random() < 0.5 else {}
        await desk.patch(id, resolution=Resolution(f"said {chance.random()}", fixed_in=fixed_in))
    else:
        await desk.patch(id, verdict=chance.choice([None, *Verdict]), cause=chance.choice([None, *Cause]))
    return id


@pytest.mark.parametrize("seed", range(12))
async def test_any_corrections_taken_back_in_turn_leave_no_trace(desk: Desk, kinds: dict[str, UUID], seed: int) -> None:
    """At every step, and forward again by undoing the undos."""
    chance = random.Random(seed)
    states, done = [await desk.state()], []
    for _ in range(8):
        id = await _random_change(desk, states[-1], chance)
        assert id is not None
        done.append((id, (await desk.history(id))[0].id))
        states.append(await desk.state())
    undone = []
    for number in reversed(range(len(done))):
        id, change = done[number]
        await desk.undo(id, change)
        undone.append((id, (await desk.history(id))[0].id))
        assert states[number] == await desk.state(), number
    for number, (id, change) in enumerate(reversed(undone)):
        await desk.undo(id, change)
        assert states[number + 1] == await desk.state(), number


@pytest.mark.parametrize("seed", range(12, 18))
async def test_incidents_between_corrections_are_counted_where_people_said(
    desk: Desk, kinds: dict[str, UUID], incident: MakeIncident, seed: int
) -> None:
    """Whatever is corrected and taken back, a precedent counts the incidents of its wordings."""
    chance = random.Random(seed)
    told = {kind: number + 1 for number, kind in enumerate(KINDS)}
    for _ in range(14):
        state = await desk.state()
        if chance.random() < 0.4:
            id = chance.choice([facts[0] for facts in state.values()])
            try:
                await desk.undo(id, chance.choice([each.id for each in await desk.history(id)] or [uuid7()]))
            except (Conflict, NotFound):
                assert state == await desk.state()
        else:
            await _random_change(desk, state, chance)
        kind = chance.choice(KINDS)
        told[kind] += 1
        assert (await desk.state())[kind][0] == await desk.report(incident(kind))
        state = await desk.state()
        expected = {k: sum(n for other, n in told.items() if state[other][0] == state[k][0]) for k in KINDS}

        assert expected == {k: facts[2][0] for k, facts in state.items()}
