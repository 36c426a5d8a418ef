"""Recording incidents: once each, all at once, in any month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from knowledge.errors import InvalidInput, NotFound
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.signature.signature import Signature
from knowledge.store import advice, incidents, precedents, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import Known, NewIncident, Recorded

MakeIncident = Callable[..., NewIncident]
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


async def known(connection: Connection, workspace: int, signature: Signature) -> Known:
    """What is known of a signature, which is something."""
    found = await precedents.find_known(connection, workspace_id=workspace, fingerprint=signature.fingerprint)
    assert found is not None
    return found


async def test_first_report_makes_a_precedent(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """The first tells that it is new, the second that it is known; both count."""
    row = incident(pipeline="training")
    first, second = [(await incidents.record(connection, [each]))[0] for each in (row, incident(pipeline="hpo"))]
    found = await known(connection, workspace, signature("a"))

    assert (True, False) == (first.new_signature, second.new_signature)
    assert first.precedent_id == second.precedent_id == found.precedent.id
    assert (2, ("training", "hpo")) == (found.precedent.occurrences, found.precedent.pipelines)
    assert second.incident_id == found.precedent.latest_incident_id
    assert signature("a").codes == found.precedent.signature.codes


async def test_fifty_at_once_are_one_precedent_and_fifty_incidents(
    database: Database, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """Nobody is refused, nothing is lost, one of them is the first."""

    async def report() -> Recorded:
        async with database.connection() as connection:
            return (await incidents.record(connection, [incident()]))[0]

    answers = await asyncio.gather(*(report() for _ in range(50)))
    async with database.connection() as connection:
        found = await known(connection, workspace, signature("a"))

    assert (50, 1) == (found.precedent.occurrences, sum(answer.new_signature for answer in answers))
    assert (1, 50) == (len({a.precedent_id for a in answers}), len({a.incident_id for a in answers}))


async def test_batches_at_once_in_opposite_orders_do_not_lock_each_other(
    database: Database, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """The same new kinds and external ids, forwards and backwards: each recorded once."""
    rows = [incident(str(n), external_id=f"x{n}") for n in range(40)]

    async def report(turn: int) -> list[Recorded]:
        mine = [replace(row, id=uuid7()) for row in (rows if turn % 2 else rows[::-1])]
        async with database.connection() as connection:
            return await incidents.record(connection, mine)

    answers = [each for batch in await asyncio.gather(*(report(turn) for turn in range(8))) for each in batch]
    async with database.connection() as connection:
        counts = [(await known(connection, workspace, signature(str(n)))).precedent.occurrences for n in range(40)]

    assert (40, [1] * 40) == (sum(not answer.duplicate for answer in answers), counts)


async def test_external_id_is_recorded_once(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Within a batch, in a later one, and whatever the repetition says."""
    first, twin, other = await incidents.record(
        connection, [incident(external_id="x"), incident(external_id="x"), incident(external_id="y")]
    )
    (again,) = await incidents.record(connection, [incident("another kind", external_id="x")])
    stored = await incidents.list_page(connection, workspace_id=workspace)

    assert (False, True, False, True) == (first.duplicate, twin.duplicate, other.duplicate, again.duplicate)
    assert first.incident_id == twin.incident_id == again.incident_id
    assert (first.precedent_id, first.signature_id) == (again.precedent_id, again.signature_id)
    assert {first.incident_id, other.incident_id} == {row.id for row in stored}


async def test_external_ids_belong_to_a_workspace(connection: Connection, incident: MakeIncident) -> None:
    """Another tenant may use the same; a batch may hold both."""
    other = await workspaces.ensure(connection, "other")
    rows = [incident(external_id="x"), incident(external_id="x", workspace_id=other)]

    answers = await incidents.record(connection, rows)

    assert [False, False] == [answer.duplicate for answer in answers]
    assert answers[0].precedent_id != answers[1].precedent_id


async def test_replayed_incident_counts_once(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """A spool that is replayed twice sends the same ids twice."""
    row = incident()
    answers = [(await incidents.record(connection, [row]))[0] for _ in range(2)]
    found = await known(connection, workspace, signature("a"))

    assert ([False, True], 1) == ([answer.duplicate for answer in answers], found.precedent.occurrences)


async def test_partitions_are_made_over_years(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Each month of history has its own, by UTC; the newest comes first."""
    begin = datetime(2019, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1)))  # 2020 in UTC
    rows = [incident(occurred_at=begin + timedelta(days=31 * n)) for n in range(30)]
    await incidents.record(connection, rows)
    cursor = await connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'incidents'::regclass")
    listed = await incidents.list_page(connection, workspace_id=workspace, limit=100)

    assert (30,) == await cursor.fetchone()
    assert [row.id for row in reversed(rows)] == [row.id for row in listed]


async def test_months_at_once(database: Database, workspace: int, incident: MakeIncident) -> None:
    """Many that are the first of their months, at the same time."""

    async def report(n: int) -> Recorded:
        async with database.connection() as connection:
            rows = [incident(str(n), occurred_at=datetime(2021, 1 + month % 12, 3, tzinfo=UTC)) for month in (n, n + 1)]
            return (await incidents.record(connection, rows))[0]

    answers = await asyncio.gather(*(report(n) for n in range(24)))

    assert 24 == len({answer.incident_id for answer in answers})


@pytest.mark.parametrize(
    "occurred_at",
    [datetime(1999, 12, 31, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC), datetime(2020, 1, 1)],
)
async def test_impossible_times_are_refused(
    connection: Connection, incident: MakeIncident, occurred_at: datetime
) -> None:
    """A wrong clock must not make partitions without end."""
    with pytest.raises(InvalidInput) as caught:
        await incidents.record(connection, [incident(occurred_at=occurred_at)])

    assert "occurred_at" == caught.value.field


async def test_what_came_with_incidents_is_learned(
    connection: Connection, workspace: int, incident: MakeIncident, signature: Callable[[str], Signature]
) -> None:
    """Verdict, cause, resolution and action; of two resolutions the later counts."""
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    said = {"verdict": Verdict.GENUINE, "cause": Cause.PERMISSION}
    new = Resolution("renew the token", Action.FIX_THEN_RERUN, "ada")
    rows = [
        incident(occurred_at=late, resolution=new, **said),
        incident(occurred_at=early, resolution=Resolution("ask operations", Action.ESCALATE), **said),
    ]
    for row in rows:
        await incidents.record(connection, [row])
    found = (await known(connection, workspace, signature("a"))).precedent

    assert (Verdict.GENUINE, Cause.PERMISSION, 2) == (found.verdict, found.cause, found.stated_genuine)
    assert (new, late, late, early) == (found.resolution, found.resolution_at, found.last_seen, found.first_seen)
    assert 1 == found.version


async def test_incident_is_read_as_it_was_given(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """All fields come back; its verdict is its own, else its precedent's."""
    row = incident(
        pipeline="p",
        step="s",
        run_id="r",
        attempt=2,
        max_attempts=4,
        environment={"torch": "2.13", "nodes": [1, 2]},
        spent={"gpu_hours": 3.5},
        error={"type": "TimeoutError", "message": "für 'x'"},
        text="日志",
        external_id="e",
        cause=Cause.NETWORK,
    )
    await incidents.record(connection, [row])
    stored = await incidents.get(connection, workspace_id=workspace, id=row.id)
    fields = ("pipeline", "step", "run_id", "attempt", "max_attempts", "environment", "spent", "error", "text")

    assert {f: getattr(row, f) for f in fields} == {f: getattr(stored, f) for f in fields}
    assert (Verdict.UNKNOWN, Cause.NETWORK, "e") == (stored.verdict, stored.cause, stored.external_id)
    assert (row.occurred_at, row.signature.fingerprint) == (stored.occurred_at, stored.fingerprint)
    with pytest.raises(NotFound):
        await incidents.get(connection, workspace_id=workspace + 1, id=row.id)


async def test_pages_hold_each_incident_once(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Also where many happened at the same moment."""
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [incident(occurred_at=moment + timedelta(seconds=n // 5)) for n in range(23)]
    await incidents.record(connection, rows)
    seen, after = [], None
    while page := await incidents.list_page(connection, workspace_id=workspace, after=after, limit=4):
        seen += [row.id for row in page]
        after = (page[-1].occurred_at, page[-1].id)

    assert [r.id for r in sorted(rows, key=lambda r: (r.occurred_at, r.id), reverse=True)] == seen


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"pipeline": "p"}, "bc"),
        ({"pipeline": "p", "step": "s"}, "c"),
        ({"run_id": "r"}, "a"),
        ({"verdict": Verdict.GENUINE}, "b"),
        ({"verdict": Verdict.UNKNOWN}, "ac"),
        ({"cause": Cause.CODE_DEFECT}, "b"),
        ({"since": datetime(2024, 1, 2, tzinfo=UTC)}, "bc"),
        ({"until": datetime(2024, 1, 2, tzinfo=UTC)}, "a"),
        ({"since": datetime(2024, 1, 2, tzinfo=UTC), "until": datetime(2024, 1, 3, tzinfo=UTC)}, "b"),
    ],
)
async def test_lists_are_filtered(
    connection: Connection, workspace: int, incident: MakeIncident, asked: dict[str, object], found: str
) -> None:
    """By pipeline, step, run, verdict, cause and time (from, and up to but without)."""
    rows = {
        "a": incident("a", run_id="r", occurred_at=datetime(2024, 1, 1, tzinfo=UTC)),
        "b": incident(
            "b",
            pipeline="p",
            verdict=Verdict.GENUINE,
            cause=Cause.CODE_DEFECT,
            occurred_at=datetime(2024, 1, 2, tzinfo=UTC),
        ),
        "c": incident("c", pipeline="p", step="s", occurred_at=datetime(2024, 1, 3, tzinfo=UTC)),
    }
    await incidents.record(connection, list(rows.values()))
    listed = await incidents.list_page(connection, workspace_id=workspace, **asked)

    assert {rows[name].id for name in found} == {row.id for row in listed}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"verdict": Verdict.GENUINE}, [0, 1, 3, 4, 6, 7, 9]),
        ({"cause": Cause.CODE_DEFECT}, [0, 1, 3, 4, 6, 7, 9, 10]),
        ({"cause": Cause.CODE_DEFECT, "verdict": Verdict.GENUINE}, [0, 1, 3, 4, 6, 7, 9]),
        ({"cause": Cause.CODE_DEFECT, "verdict": Verdict.TRANSIENT}, [10]),
        ({"cause": Cause.NETWORK, "verdict": Verdict.GENUINE}, []),
    ],
    ids=["verdict", "cause", "both", "both of one", "both of none"],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_what_was_said_and_what_its_precedent_is_are_one_list(
    connection: Connection, workspace: int, incident: MakeIncident, asked: dict[str, Any], found: list[int], limit: int
) -> None:
    """An incident of which nothing was said has the verdict and cause of its precedent, page after page."""
    said = {"verdict": Verdict.GENUINE, "cause": Cause.CODE_DEFECT}
    fields = [(("a", said), ("a", {}), ("b", {}))[n % 3] for n in range(10)]
    rows = [incident(kind, occurred_at=NOON + timedelta(seconds=n // 2), **of) for n, (kind, of) in enumerate(fields)]
    rows.append(incident("a", occurred_at=NOON, verdict=Verdict.TRANSIENT))
    await incidents.record(connection, rows)
    seen, after = list[UUID](), None
    while page := await incidents.list_page(connection, workspace_id=workspace, after=after, limit=limit, **asked):
        seen += [row.id for row in page]
        after = (page[-1].occurred_at, page[-1].id)

    ordered = sorted((rows[n] for n in found), key=lambda row: (row.occurred_at, row.id), reverse=True)
    assert [row.id for row in ordered] == seen


async def test_long_names_are_stored_and_found(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Longer than an index row may be: equality goes by hash."""
    names = {"pipeline": "p" * 9000, "run_id": "ü" * 9000}
    first, again = [
        (await incidents.record(connection, [incident(external_id="e" * 9000, **names)]))[0] for _ in range(2)
    ]
    listed = await incidents.list_page(connection, workspace_id=workspace, **names)

    assert ([first.incident_id], True) == ([row.id for row in listed], again.duplicate)


async def test_advice_is_kept_with_its_incident(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """In one round trip; a repeated report keeps the first answer."""
    for number in (1, 2):
        recorded = await incidents.record_with_advice(
            connection, incident(external_id="x"), advice_id=uuid7(), answer={"number": number}
        )
    latest = await advice.latest_for_incident(connection, workspace_id=workspace, incident_id=recorded.incident_id)

    assert (True, {"number": 1}) == (recorded.duplicate, latest and latest.answer)


async def test_text_that_postgres_cannot_store_is_invalid_input(database: Database, incident: MakeIncident) -> None:
    """NUL and lone surrogates never come this far; if they do, the caller is told and nothing breaks."""
    for text in ("a\x00b", "a\ud800b"):
        with pytest.raises(InvalidInput):
            async with database.connection() as connection:
                await incidents.record(connection, [incident(text=text)])


async def test_known_external_ids(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Those that have incidents in this workspace; asking for none tells of none."""
    await incidents.record(connection, [incident(external_id=id) for id in ("a", "b")])
    other = await workspaces.ensure(connection, "other")

    assert {"a", "b"} == await incidents.known(connection, workspace_id=workspace, external_ids=["a", "b", "c"])
    assert set() == await incidents.known(connection, workspace_id=other, external_ids=["a"])
    assert set() == await incidents.known(connection, workspace_id=workspace, external_ids=[])


async def test_incidents_by_external_ids(connection: Connection, workspace: int, incident: MakeIncident) -> None:
    """Whole, whenever they occurred; those of another workspace are none."""
    times = {"a": NOON, "b": NOON - timedelta(days=400)}
    rows = [incident(external_id=id, occurred_at=at) for id, at in times.items()]
    await incidents.record(connection, rows)
    other = await workspaces.ensure(connection, "other")
    found = await incidents.told(connection, workspace_id=workspace, external_ids=["b", "a", "c"])

    assert {(row.id, times[str(row.external_id)]) for row in rows} == {(each.id, each.occurred_at) for each in found}
    assert [] == await incidents.told(connection, workspace_id=other, external_ids=["a"])
