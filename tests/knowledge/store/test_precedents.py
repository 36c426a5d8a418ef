"""What a precedent says, and what people say of it: verdicts, corrections, merges and splits that last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from knowledge.errors import Conflict, InvalidInput, NotFound, StaleVersion
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.signature.signature import Signature
from knowledge.store import audit, corrections, incidents, outcomes, precedents, resolutions
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident, PrecedentRecord

MakeIncident = Callable[..., NewIncident]


async def report(connection: Connection, row: NewIncident) -> UUID:
    """Record one incident; its precedent's id."""
    return (await incidents.record(connection, [row]))[0].precedent_id


async def read(connection: Connection, workspace: int, id: UUID) -> PrecedentRecord:
    """The precedent as it is now."""
    return await precedents.get(connection, workspace_id=workspace, id=id)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [  # override, stated transient and genuine, retries that succeeded and failed
        ((None, 0, 0, 0, 0), "unknown"),
        ((None, 1, 0, 0, 0), "transient"),
        ((None, 0, 1, 0, 0), "genuine"),
        ((None, 2, 1, 0, 0), "transient"),
        ((None, 1, 2, 0, 0), "genuine"),
        ((None, 3, 2, 0, 0), "unknown"),
        ((None, 1, 1, 9, 0), "unknown"),
        ((None, 0, 1, 9, 0), "genuine"),
        ((None, 0, 0, 1, 0), "unknown"),
        ((None, 0, 0, 2, 0), "transient"),
        ((None, 0, 0, 7, 3), "transient"),
        ((None, 0, 0, 2, 1), "unknown"),
        ((None, 0, 0, 0, 2), "unknown"),
        ((None, 0, 0, 0, 9), "unknown"),
        ((None, 0, 0, 1, 9), "unknown"),
        (("unknown", 5, 0, 5, 0), "unknown"),
        (("genuine", 5, 0, 5, 0), "genuine"),
    ],
)
async def test_verdict_follows_people_then_statements_then_retries(
    connection: Connection, said: tuple[object, ...], verdict: str
) -> None:
    """The database itself derives it: there is no way to write one that contradicts what it is made of."""
    cursor = await connection.execute(
        "INSERT INTO precedents (id, workspace_id, verdict_override, stated_transient, stated_genuine, "
        "retries_succeeded, retries_failed) VALUES (gen_random_uuid(), 0, %s, %s, %s, %s, %s) RETURNING verdict",
        said,
    )

    assert (verdict,) == await cursor.fetchone()


async def test_correction_outlives_recurrence(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Whatever is reported afterwards, a person's word stays, until it is taken away."""
    id = await report(connection, incident(verdict=Verdict.TRANSIENT, cause=Cause.NETWORK))
    ours = {"workspace_id": workspace, "id": id}
    said = {"verdict": Verdict.GENUINE, "cause": Cause.CODE_DEFECT, "action": Action.ESCALATE}
    patched = await corrections.patch(connection, expected_version=1, actor="ada", reason="it is a bug", **ours, **said)
    await report(connection, incident(verdict=Verdict.TRANSIENT, cause=Cause.NETWORK))
    later = await read(connection, workspace, id)
    back = await corrections.patch(connection, expected_version=2, verdict=None, **ours)

    assert (Verdict.GENUINE, Cause.CODE_DEFECT, Action.ESCALATE, 2) == (
        later.verdict,
        later.cause,
        later.action,
        later.version,
    )
    assert (2, Verdict.TRANSIENT, Cause.CODE_DEFECT) == (patched.version, back.verdict, back.cause)
    first = (await audit.list_recent(connection, workspace_id=workspace, subject_id=id))[-1]
    assert ("ada", "it is a bug", "precedent.patch") == (first.actor, first.reason, first.action)
    assert (None, "genuine") == (first.before["verdict"], first.after["verdict"])


async def test_resolution_of_the_whole_is_shown_and_kept(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """A PATCH may say what fixed it; the list of resolutions keeps every one."""
    id = await report(connection, incident(resolution=Resolution("restart it")))
    said = Resolution("pin the driver", Action.FIX_THEN_RERUN, "ada")
    patched = await corrections.patch(connection, workspace_id=workspace, id=id, expected_version=1, resolution=said)
    kept = await resolutions.of_precedent(connection, workspace_id=workspace, precedent_id=id)

    assert (said, Action.FIX_THEN_RERUN) == (patched.resolution, patched.action)
    assert ["pin the driver", "restart it"] == [each.summary for each in kept]


async def test_stale_change_is_refused(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Incidents and outcomes do not make a version stale; people's changes do."""
    row = incident()
    id = await report(connection, row)
    await report(connection, incident())
    await outcomes.record(connection, workspace_id=workspace, incident_id=row.id, result="failed", attempt=2)
    ours = {"workspace_id": workspace, "id": id, "expected_version": 1}
    await corrections.patch(connection, verdict=Verdict.GENUINE, **ours)
    with pytest.raises(StaleVersion):
        await corrections.patch(connection, verdict=Verdict.TRANSIENT, **ours)
    with pytest.raises(NotFound):
        await corrections.patch(connection, workspace_id=workspace, id=uuid7(), expected_version=1)
    with pytest.raises(NotFound):
        await corrections.patch(connection, workspace_id=workspace + 1, id=id, expected_version=2)


async def test_of_two_changes_at_once_one_is_stale(database: Database, workspace: int, incident: MakeIncident) -> None:
    """Nobody's change is lost without their being told."""
    async with database.connection() as connection:
        id = await report(connection, incident())

    async def change(verdict: Verdict) -> PrecedentRecord:
        async with database.connection() as mine:
            return await corrections.patch(mine, workspace_id=workspace, id=id, expected_version=1, verdict=verdict)

    answers = await asyncio.gather(change(Verdict.GENUINE), change(Verdict.TRANSIENT), return_exceptions=True)

    assert 1 == sum(isinstance(answer, StaleVersion) for answer in answers)


async def test_merge_moves_everything_and_lasts(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """Counts, verdict, resolutions and outcomes join; recurrences of either kind go to the one; old ids lead there."""
    rows = [incident("a", pipeline="p"), incident("b", pipeline="q"), incident("c", resolution=Resolution("wait"))]
    a, b, c = [await report(connection, row) for row in rows]
    await outcomes.record(connection, workspace_id=workspace, incident_id=rows[1].id, result="succeeded", attempt=2)
    await corrections.patch(connection, workspace_id=workspace, id=c, expected_version=1, verdict=Verdict.TRANSIENT)
    await corrections.merge(connection, workspace_id=workspace, into=b, sources=[c], expected_version=1)
    merged = await corrections.merge(connection, workspace_id=workspace, into=a, sources=[b], expected_version=1)
    again = await report(connection, incident("c"))
    found = await precedents.by_ids(connection, workspace_id=workspace, ids=[a, b, c, uuid7()])

    assert (a, 3, 1) == (merged.id, merged.occurrences, merged.retries_succeeded)
    assert (Verdict.TRANSIENT, "wait") == (merged.verdict, merged.resolution and merged.resolution.summary)
    assert {"p", "q"} == set(merged.pipelines)
    assert a == again
    assert {a: (a, 4), b: (a, 4), c: (a, 4)} == {id: (each.id, each.occurrences) for id, each in found.items()}
    parts = await precedents.signatures_of(connection, workspace_id=workspace, id=a)
    assert {signature(kind).fingerprint for kind in "abc"} == {part.fingerprint for part in parts}
    with pytest.raises(Conflict, match=str(a)):
        await corrections.patch(connection, workspace_id=workspace, id=b, expected_version=2)


async def test_merge_needs_two_precedents_that_exist(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Not into itself, not nothing, not what is not there."""
    a, b = [await report(connection, incident(kind)) for kind in "ab"]
    ours = {"workspace_id": workspace, "into": a}
    for sources, error in (([], InvalidInput), ([a], InvalidInput), ([b, uuid7()], NotFound)):
        with pytest.raises(error):
            await corrections.merge(connection, sources=sources, expected_version=1, **ours)
    with pytest.raises(StaleVersion):
        await corrections.merge(connection, sources=[b], expected_version=7, **ours)


async def test_split_parts_what_belongs_to_the_signatures_and_lasts(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """Each counts its own again; recurrences go to their own."""
    rows = [incident("a", verdict=Verdict.TRANSIENT), incident("b", verdict=Verdict.GENUINE), incident("b")]
    a, b, _ = [await report(connection, row) for row in rows]
    await resolutions.record(connection, workspace_id=workspace, incident_id=rows[1].id, summary="fix the schema")
    await outcomes.record(connection, workspace_id=workspace, incident_id=rows[2].id, result="failed", attempt=2)
    await corrections.merge(connection, workspace_id=workspace, into=a, sources=[b], expected_version=1)
    fingerprints = [signature("b").fingerprint]
    new = await corrections.split(
        connection, workspace_id=workspace, id=a, fingerprints=fingerprints, expected_version=2, actor="ada"
    )
    again = [await report(connection, incident(kind)) for kind in "ab"]
    old = await read(connection, workspace, a)

    assert (2, Verdict.GENUINE, "fix the schema", 1) == (
        new.occurrences,
        new.verdict,
        new.resolution and new.resolution.summary,
        new.retries_failed,
    )
    assert (2, Verdict.TRANSIENT, None, 0, 3) == (
        old.occurrences,
        old.verdict,
        old.resolution,
        old.retries_failed,
        old.version,
    )
    assert [a, new.id] == again
    with pytest.raises(InvalidInput):
        await corrections.split(
            connection, workspace_id=workspace, id=a, fingerprints=[signature("a").fingerprint], expected_version=3
        )
    with pytest.raises(InvalidInput):
        await corrections.split(connection, workspace_id=workspace, id=a, fingerprints=["?"], expected_version=3)


async def test_merge_while_incidents_arrive_loses_none(
    database: Database, workspace: int, incident: MakeIncident
) -> None:
    """Recording waits for the merge, then counts for the precedent that lives."""
    async with database.connection() as connection:
        a, b = [await report(connection, incident(kind)) for kind in "ab"]

    async def again() -> None:
        async with database.connection() as connection:
            await incidents.record(connection, [incident("b"), incident("a")])

    async def merge() -> None:
        async with database.connection() as connection:
            await corrections.merge(connection, workspace_id=workspace, into=a, sources=[b], expected_version=1)

    await asyncio.gather(*(again() for _ in range(10)), merge(), *(again() for _ in range(10)))
    async with database.connection() as connection:
        found = await read(connection, workspace, b)

    assert (a, 42) == (found.id, found.occurrences)


async def test_outcome_of_an_attempt_counts_once_and_can_be_corrected(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Told twice it is the same; told otherwise it is the other; the next attempt is another."""
    row = incident()
    id = await report(connection, row)
    ours = {"workspace_id": workspace, "incident_id": row.id}
    seen = []
    for attempt, result in ((2, "failed"), (2, "failed"), (2, "succeeded"), (3, "succeeded"), (None, "failed")):
        await outcomes.record(connection, result=result, attempt=attempt, waited_s=1.5, **ours)
        found = await read(connection, workspace, id)
        seen.append((found.retries_succeeded, found.retries_failed))

    assert [(0, 1), (0, 1), (1, 0), (2, 0), (2, 1)] == seen
    with pytest.raises(NotFound):
        await outcomes.record(connection, workspace_id=workspace, incident_id=uuid7(), result="failed")


async def test_outcomes_at_once_are_all_counted(database: Database, workspace: int, incident: MakeIncident) -> None:
    """Of many incidents of one precedent."""
    rows = [incident() for _ in range(20)]
    async with database.connection() as connection:
        id = (await incidents.record(connection, rows))[0].precedent_id

    async def tell(row: NewIncident) -> None:
        async with database.connection() as connection:
            await outcomes.record(connection, workspace_id=workspace, incident_id=row.id, result="succeeded", attempt=2)

    await asyncio.gather(*(tell(row) for row in rows))
    async with database.connection() as connection:
        found = await read(connection, workspace, id)

    assert (20, Verdict.TRANSIENT) == (found.retries_succeeded, found.verdict)


async def test_resolution_changes_what_its_incident_states_once(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """The same words twice are one row; a second verdict of an incident replaces its first."""
    row = incident(verdict=Verdict.TRANSIENT)
    id = await report(connection, row)
    ours = {"workspace_id": workspace, "incident_id": row.id, "author": "ada"}
    said = {"summary": "grant the role", "action": Action.FIX_THEN_RERUN, "verdict": Verdict.GENUINE}
    first = await resolutions.record(connection, cause=Cause.PERMISSION, **said, **ours)
    second = await resolutions.record(connection, cause=Cause.PERMISSION, **said, **ours)
    found = await read(connection, workspace, id)

    assert first == second
    assert (0, 1, Verdict.GENUINE, Cause.PERMISSION) == (
        found.stated_transient,
        found.stated_genuine,
        found.verdict,
        found.cause,
    )
    assert (Resolution("grant the role", Action.FIX_THEN_RERUN, "ada"), 2) == (found.resolution, found.version)
    assert Verdict.GENUINE == (await incidents.get(connection, workspace_id=workspace, id=row.id)).verdict
    with pytest.raises(NotFound):
        await resolutions.record(connection, workspace_id=workspace, incident_id=uuid7(), summary="?")


async def test_pipelines_are_distinct_and_few(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """At most fifty are remembered."""
    rows = [incident(pipeline=f"p{n % 60}") for n in range(120)]
    id = (await incidents.record(connection, rows))[0].precedent_id
    found = await read(connection, workspace, id)

    assert (50, 50) == (len(found.pipelines), len(set(found.pipelines)))
