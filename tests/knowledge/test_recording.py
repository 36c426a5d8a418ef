"""What is written of a failure, now or later."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from knowledge.advisor.advice import Advice, Decision, Strategy
from knowledge.errors import InvalidInput
from knowledge.failures import Action, DecisionAction, Failure, Verdict
from knowledge.intake import prepare_now
from knowledge.once import Once
from knowledge.recording import Recorder, occurred_at
from knowledge.spool import Counts, Spool
from knowledge.spooling import KeptAside, aside_id, to_body
from knowledge.store.ids import uuid7
from tests.knowledge.conftest import World

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 2, 29, tzinfo=UTC)
ADVICE = Advice(
    verdict=Verdict.UNKNOWN,
    confidence=0.5,
    cause=None,
    decision=Decision(DecisionAction.DEFAULT, "Because."),
    strategy=Strategy(Action.ESCALATE),
    precedent=None,
    seen_before=False,
    evidence=(),
    degraded=("store",),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, NOW),
        (NOW - timedelta(days=1), NOW - timedelta(days=1)),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 1, 1, tzinfo=UTC)),
        (NOW + timedelta(hours=23), NOW + timedelta(hours=23)),
    ],
)
def test_times_are_utc(given: datetime | None, expected: datetime) -> None:
    """A clock may be a little ahead."""
    assert expected == occurred_at(Failure(text="boom", occurred_at=given), now=NOW)


@pytest.mark.parametrize(
    "given",
    [
        datetime(1999, 12, 31, tzinfo=UTC),
        NOW + timedelta(days=2),
        datetime.min,
        datetime.max,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_times_that_cannot_be(given: datetime) -> None:
    """Refused by name."""
    with pytest.raises(InvalidInput) as refused:
        occurred_at(Failure(text="boom", occurred_at=given), now=NOW)

    assert "occurred_at" == refused.value.field


async def test_replay_writes_once_and_in_order(world: World) -> None:
    """Also when the service was killed between writing and forgetting."""
    recorder = Recorder(world.database, spool=world.spool, wake=lambda: None)
    ids = [uuid7() for _ in range(3)]
    for number, id in enumerate(ids):
        prepared = prepare_now(Failure(text="PearError: ledger torn", run_id=str(number), occurred_at=LONG_AGO))
        kept = await recorder.keep_aside("team", prepared, advice=ADVICE, incident_id=id)
        assert (str(id), None, ["store"]) == (kept["incident_id"], kept["advice_id"], kept["degraded"])
    again = world.spool.oldest(10)
    written = await recorder.replay()
    for each in again:
        world.spool.add(each.workspace, each.body)
    await recorder.replay()
    rows = [await world.service.incident("team", id) for id in ids]
    precedent = await world.service.precedent("team", UUID(rows[0]["precedent_id"]))

    assert (3, 0) == (written, world.spool.count())
    assert ["0", "1", "2"] == [row["run_id"] for row in rows]
    assert 3 == precedent["occurrences"]


async def waiting(world: World, failure: Failure, *, once: Once | None = None) -> UUID:
    """Keep a failure aside, as while PostgreSQL is away; the id that is answered."""
    prepared = prepare_now(failure)
    id = aside_id("team", prepared.failure, once=once)
    recorder = Recorder(world.database, spool=world.spool, wake=lambda: None)
    await recorder.keep_aside("team", prepared, advice=ADVICE, incident_id=id, once=once)
    return id


async def test_signature_is_of_the_whole_log(world: World) -> None:
    """What was left out of a long one for its length is in the signature all the same."""
    log = "start\n" + "progress\n" * 10_000 + "QuinceError: the ledger is torn\n" + "progress\n" * 10_000 + "end"
    id = await waiting(world, Failure(text=log, occurred_at=NOW))
    await Recorder(world.database, spool=world.spool, wake=lambda: None).replay()
    spooled = await world.service.incident("team", id)
    told = await world.service.record("team", Failure(text=log))

    assert "QuinceError" in spooled["template"]
    assert "QuinceError" not in spooled["text"]
    assert spooled["fingerprint"] == told["fingerprint"]


@pytest.mark.parametrize("key", ["external_id", "idempotency_key"])
async def test_kept_aside_twice_is_one_incident(world: World, key: str) -> None:
    """Both answers name it, also when the first was written before the second came, at whatever time."""
    recorder = Recorder(world.database, spool=world.spool, wake=lambda: None)
    once = Once.of("k", route="POST /advise", body=b"") if key == "idempotency_key" else None
    ids = []
    for minute in range(3):
        failure = Failure(
            text="PearError: ledger torn",
            external_id=None if once else "ticket 1",
            occurred_at=NOW + timedelta(minutes=minute),
        )
        ids.append(await waiting(world, failure, once=once))
        if minute:
            await recorder.replay()
    incident = await world.service.incident("team", ids[0])
    precedent = await world.service.precedent("team", UUID(incident["precedent_id"]))

    assert (1, 1, 0) == (len(set(ids)), precedent["occurrences"], world.spool.count())


async def test_two_replicas_that_kept_the_same_aside(world: World, tmp_path: Path) -> None:
    """Both write at once, each from a spool of its own: one incident."""
    other = Spool(tmp_path / "other.sqlite3")
    for minute, spool in enumerate((world.spool, other)):
        at = NOW + timedelta(minutes=minute)
        failure = Failure(text="PearError: ledger torn", external_id="ticket 1", occurred_at=at)
        id = await waiting(replace(world, spool=spool), failure)
    recorders = (Recorder(world.database, spool=spool, wake=lambda: None) for spool in (world.spool, other))
    await asyncio.gather(*(recorder.replay() for recorder in recorders))
    incident = await world.service.incident("team", id)
    precedent = await world.service.precedent("team", UUID(incident["precedent_id"]))
    other.close()

    assert ("ticket 1", 1) == (incident["external_id"], precedent["occurrences"])


async def test_what_postgres_had_before_stays_as_it_is(world: World) -> None:
    """An `external_id`, or a key, that was used before PostgreSQL went away: a duplicate, and no error."""
    once = Once.of("k", route="POST /advise", body=b"")
    named = await world.service.record("team", Failure(text="PearError: ledger torn", external_id="ticket 1"))
    keyed = await world.service.advise("team", Failure(text="PearError: ledger torn"), once=once)
    await waiting(world, Failure(text="PearError: ledger torn", external_id="ticket 1", occurred_at=NOW))
    await waiting(world, Failure(text="PearError: ledger torn", occurred_at=NOW), once=once)
    await Recorder(world.database, spool=world.spool, wake=lambda: None).replay()
    precedent = await world.service.precedent("team", UUID(named["precedent_id"]))

    assert (2, Counts(0, 0)) == (precedent["occurrences"], world.spool.counts())
    assert keyed == await world.service.advise("team", Failure(text="PearError: ledger torn"), once=once)


async def test_key_used_meanwhile_is_known_afterwards(world: World) -> None:
    """The same request again gets the answer that was given without PostgreSQL."""
    once = Once.of("k", route="POST /advise", body=b"")
    failure = Failure(text="PearError: ledger torn", occurred_at=NOW)
    id = await waiting(world, failure, once=once)
    await Recorder(world.database, spool=world.spool, wake=lambda: None).replay()
    again = await world.service.advise("team", failure, once=once)
    precedent = await world.service.precedent("team", UUID((await world.service.incident("team", id))["precedent_id"]))

    assert (str(id), ["store"], 1) == (again["incident_id"], again["degraded"], precedent["occurrences"])


async def test_one_bad_row_does_not_hold_the_others_up(world: World) -> None:
    """What can never be written is set apart, with the reason, and the rest is written."""
    recorder = Recorder(world.database, spool=world.spool, wake=lambda: None)
    old = prepare_now(Failure(text="boom", occurred_at=datetime(1990, 1, 1, tzinfo=UTC)))
    world.spool.add("team", to_body(KeptAside(uuid7(), old)))
    world.spool.add("team", b'{"incident_id": 1}')
    world.spool.add("$nobody", to_body(KeptAside(uuid7(), prepare_now(Failure(text="boom")))))
    good = await waiting(world, Failure(text="boom"))
    written = await recorder.replay()

    assert str(good) == (await world.service.incident("team", good))["id"]
    assert (1, Counts(waiting=0, refused=3)) == (written, world.spool.counts())
