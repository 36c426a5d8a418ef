"""What outcomes leave behind: counts by wait and attempt, of a precedent and of a cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

import pytest

from knowledge.errors import NotFound
from knowledge.failures import Cause
from knowledge.retries import Fared, RetryHistory, attempt_apart, run_key, wait_bucket
from knowledge.signature.signature import Signature
from knowledge.store import corrections, incidents, outcomes, precedents, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident, Recorded

MakeIncident = Callable[..., NewIncident]
Counts = dict[tuple[int | None, int], tuple[float, float]]


async def recorded(connection: Connection, row: NewIncident) -> Recorded:
    """The incident, recorded."""
    return (await incidents.record(connection, [row]))[0]


async def told(
    connection: Connection,
    workspace: int,
    incident_id: UUID,
    result: Literal["succeeded", "failed"],
    attempt: int | None,
    waited_s: float | None,
) -> None:
    """The outcome, recorded."""
    await outcomes.record(
        connection,
        workspace_id=workspace,
        incident_id=incident_id,
        result=result,
        attempt=attempt,
        waited_s=waited_s,
    )


async def history(connection: Connection, workspace: int, id: UUID) -> RetryHistory:
    """What outcomes say of a precedent."""
    return (await precedents.get(connection, workspace_id=workspace, id=id)).history


def counts(fared: tuple[Fared, ...]) -> Counts:
    """By bucket and attempt, without those that are nothing."""
    return {(each.wait, each.attempt): (each.succeeded, each.failed) for each in fared if each.succeeded or each.failed}


@pytest.mark.parametrize("waited_s", [0, 14.9, 15, 59, 60, 239, 240, 899, 900, 3599, 3600, 1e9, None])
@pytest.mark.parametrize("attempt", [None, 1, 2, 3, 5, 99])
async def test_store_and_program_count_alike(
    connection: Connection, waited_s: float | None, attempt: int | None
) -> None:
    """The same bucket and attempt, at every bound."""
    cursor = await connection.execute("SELECT retry_cell(%s::float8, %s::int)", (waited_s, attempt))
    bucket = "-" if waited_s is None else wait_bucket(waited_s)

    assert (f"{bucket}/{attempt_apart(attempt or 2)}",) == await cursor.fetchone()


@pytest.mark.parametrize(
    ("pipeline", "run_id", "step"),
    [("fraud", "r-1", "hpo"), (None, "r-1", "hpo"), ("fraud", "r-1", None), ("betrug ß", "läuft \N{SNOWMAN}", "")],
)
async def test_store_and_program_name_runs_alike(
    connection: Connection, pipeline: str | None, run_id: str, step: str | None
) -> None:
    """With and without a pipeline and a step, beyond ASCII."""
    cursor = await connection.execute("SELECT run_key(%s, %s, %s)", (pipeline, run_id, step))

    assert (run_key(run_id, pipeline=pipeline, step=step),) == await cursor.fetchone()


async def test_outcomes_are_counted_by_wait_and_attempt(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Once each: told again they are the same, told otherwise corrected. The cause counts with them."""
    made, key = (
        await recorded(connection, incident(cause=Cause.NETWORK, run_id="r-1", step="hpo")),
        run_key("r-1", pipeline=None, step="hpo"),
    )
    await told(connection, workspace, made.incident_id, "failed", 2, 10)
    await told(connection, workspace, made.incident_id, "failed", 2, 10)
    await told(connection, workspace, made.incident_id, "succeeded", 3, 300)
    await told(connection, workspace, made.incident_id, "failed", None, None)
    first = await history(connection, workspace, made.precedent_id)
    await told(connection, workspace, made.incident_id, "succeeded", 2, 20)
    second = await history(connection, workspace, made.precedent_id)

    assert {(0, 2): (0, 1), (3, 3): (1, 0), (None, 2): (0, 1)} == counts(first.fared)
    assert {(1, 2): (1, 0), (3, 3): (1, 0), (None, 2): (0, 1)} == counts(second.fared)
    assert counts(second.fared) == counts(second.by_cause[Cause.NETWORK])
    assert [(key, 2, 10.0), (key, None, None)] == [
        (each.run_key, each.attempt, each.waited_s) for each in first.lately_failed
    ]
    assert [None] == [each.attempt for each in second.lately_failed]


async def test_known_and_near_precedents_bring_their_counts(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """With what is fetched anyway, also those of causes that none of them has."""
    made = await recorded(connection, incident(cause=Cause.NETWORK))
    other = await recorded(connection, incident("b", cause=Cause.RATE_LIMIT))
    await told(connection, workspace, other.incident_id, "succeeded", 2, 100)
    known = await precedents.find_known(connection, workspace_id=workspace, fingerprint=signature("a").fingerprint)
    near = await precedents.by_ids(connection, workspace_id=workspace, ids=[made.precedent_id, other.precedent_id])
    of_cause = {Cause.RATE_LIMIT: {(2, 2): (1, 0)}}

    assert known is not None
    for found in (known.precedent, *near.values()):
        assert of_cause == {cause: counts(fared) for cause, fared in found.history.by_cause.items()}
    assert ({}, {(2, 2): (1, 0)}) == (
        counts(near[made.precedent_id].history.fared),
        counts(near[other.precedent_id].history.fared),
    )


async def test_counts_of_a_cause_stay_in_their_workspace(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Another tenant's teach nothing."""
    other = await workspaces.ensure(connection, "other")
    theirs = await recorded(connection, incident(workspace_id=other, cause=Cause.NETWORK))
    await told(connection, other, theirs.incident_id, "succeeded", 2, 10)
    ours = await recorded(connection, incident(cause=Cause.NETWORK))

    assert {} == (await history(connection, workspace, ours.precedent_id)).by_cause
    with pytest.raises(NotFound):
        await told(connection, workspace, theirs.incident_id, "failed", 2, 10)


async def test_merge_and_split_recount(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """Outcomes go with their incidents, and the counts of the causes with them."""
    a = await recorded(connection, incident("a", cause=Cause.NETWORK))
    b = await recorded(connection, incident("b", cause=Cause.RATE_LIMIT))
    await told(connection, workspace, a.incident_id, "succeeded", 2, 10)
    await told(connection, workspace, b.incident_id, "failed", 2, 100)
    apart = (await history(connection, workspace, a.precedent_id)).by_cause
    into = await precedents.get(connection, workspace_id=workspace, id=a.precedent_id)
    merged = await corrections.merge(
        connection, workspace_id=workspace, into=into.id, sources=[b.precedent_id], expected_version=into.version
    )
    joined = merged.history
    new = await corrections.split(
        connection,
        workspace_id=workspace,
        id=into.id,
        fingerprints=[signature("b").fingerprint],
        expected_version=merged.version,
    )
    parted = (await history(connection, workspace, a.precedent_id), await history(connection, workspace, new.id))

    assert {(0, 2): (1, 0), (2, 2): (0, 1)} == counts(joined.fared)
    assert [{(0, 2): (1, 0)}, {(2, 2): (0, 1)}] == [counts(each.fared) for each in parted]
    assert counts(joined.fared) == counts(joined.by_cause[merged.cause or Cause.CODE_DEFECT])
    assert {cause: counts(fared) for cause, fared in apart.items()} == {
        cause: counts(fared) for cause, fared in parted[0].by_cause.items() if counts(fared)
    }


async def test_changed_cause_takes_its_counts_along(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """By a person's word, and back when it is taken away."""
    made = await recorded(connection, incident(cause=Cause.NETWORK))
    await told(connection, workspace, made.incident_id, "succeeded", 2, 10)

    async def by_cause(cause: Cause | None) -> dict[Cause, Counts]:
        before = await precedents.get(connection, workspace_id=workspace, id=made.precedent_id)
        after = await corrections.patch(
            connection, workspace_id=workspace, id=before.id, expected_version=before.version, cause=cause
        )
        return {each: counts(fared) for each, fared in after.history.by_cause.items()}

    assert {Cause.CONTENTION: {(0, 2): (1, 0)}} == await by_cause(Cause.CONTENTION)
    assert {Cause.NETWORK: {(0, 2): (1, 0)}} == await by_cause(None)


async def test_only_the_latest_count(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """What has changed since shows: the 200 latest outcomes are left of 250."""
    made = await recorded(connection, incident(cause=Cause.NETWORK))
    await connection.execute(
        "INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt, waited_s, created_at) "
        "SELECT gen_random_uuid(), %s, %s, %s, CASE WHEN n <= 100 THEN 'failed' ELSE 'succeeded' END, n + 1, 10, "
        "now() + n * interval '1 ms' FROM generate_series(1, 250) n",
        (workspace, made.precedent_id, made.incident_id),
    )
    found = await history(connection, workspace, made.precedent_id)

    assert (150, 50) == (sum(each.succeeded for each in found.fared), sum(each.failed for each in found.fared))
    assert counts(found.fared) == counts(found.by_cause[Cause.NETWORK])


async def test_storms_teach_nothing(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Also those that are known as such only later; that the run's own retry failed stays known."""
    made = await recorded(connection, incident(cause=Cause.NETWORK, run_id="r-1"))
    await told(connection, workspace, made.incident_id, "failed", 2, 10)
    await connection.execute("UPDATE outcomes SET storm_id = gen_random_uuid()")
    found = await history(connection, workspace, made.precedent_id)

    assert ({}, {}, 1) == (counts(found.fared), dict(found.by_cause), len(found.lately_failed))


async def test_outcomes_at_once_are_all_counted(database: Database, workspace: int, incident: MakeIncident) -> None:
    """Of two precedents of one cause, while people change the cause of one of them."""
    rows = [incident(kind, id=uuid7(), cause=Cause.NETWORK) for kind in "ab" for _ in range(15)]
    async with database.connection() as connection:
        made = await incidents.record(connection, rows)

    async def tell(each: Recorded, **said: Any) -> None:
        async with database.connection() as own:
            await told(own, workspace, each.incident_id, "succeeded", 2, 10)

    async def recause() -> None:
        for cause in (Cause.CONTENTION, Cause.RATE_LIMIT, None):
            async with database.connection() as own:
                before = await precedents.get(own, workspace_id=workspace, id=made[0].precedent_id)
                await corrections.patch(
                    own, workspace_id=workspace, id=before.id, expected_version=before.version, cause=cause
                )

    await asyncio.gather(recause(), *(tell(each) for each in made))
    async with database.connection() as connection:
        found = await history(connection, workspace, made[0].precedent_id)

    assert {(0, 2): (15, 0)} == counts(found.fared)
    assert {Cause.NETWORK: {(0, 2): (30, 0)}} == {cause: counts(fared) for cause, fared in found.by_cause.items()}


async def test_latest_failures_have_an_index_of_their_own(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Among thousands of retries that passed, they are not searched for."""
    made = await recorded(connection, incident(run_id="r-1"))
    await connection.execute(
        "INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt)"
        " SELECT gen_random_uuid(), %s, %s, %s, 'succeeded', n FROM generate_series(2, 3001) n",
        (workspace, made.precedent_id, made.incident_id),
    )
    await connection.execute(b"ANALYZE outcomes")
    cursor = await connection.execute(b"SELECT prosrc FROM pg_proc WHERE proname = 'lately_failed_of'")
    [(query,)] = await cursor.fetchall()
    asked = query.replace("precedent_id = precedent ", f"precedent_id = '{made.precedent_id}' ")
    plan = await (await connection.execute(f"EXPLAIN {asked}".encode())).fetchall()

    assert query != asked
    assert "outcomes_lately_failed" in str(plan)
