"""What is written of a failure, now or later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from knowledge.advisor.advice import Advice, Decision, Strategy
from knowledge.errors import InvalidInput
from knowledge.failures import Action, Cause, DecisionAction, ErrorInfo, Failure, Resolution, Verdict
from knowledge.intake import prepare_now
from knowledge.recording import Recorder, from_spooled_body, occurred_at, spooled_body
from knowledge.store.ids import uuid7
from tests.knowledge.conftest import World

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 2, 29, tzinfo=UTC)
FULL = Failure(
    error=ErrorInfo("E", None, "at f"),
    text="boom 连接",
    pipeline="p",
    step="s",
    run_id="r",
    attempt=2,
    max_attempts=3,
    occurred_at=NOW,
    environment={"a": [1, None, {"b": True}]},
    spent={"gpu_hours": 1.5},
    external_id="x",
    verdict=Verdict.GENUINE,
    cause=Cause.NETWORK,
    resolution=Resolution("Waited.", Action.RETRY_NOW, "ana"),
)
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


@pytest.mark.parametrize("failure", [FULL, Failure(text="boom", occurred_at=NOW)])
def test_spooled_failure_comes_back_whole(failure: Failure) -> None:
    """Every field, and the id."""
    id = uuid7()

    assert (failure, id) == from_spooled_body(spooled_body(failure, incident_id=id))


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
        assert (id, None, ("store",)) == (kept.incident_id, kept.advice_id, kept.degraded)
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


async def test_one_bad_row_does_not_hold_the_others_up(world: World) -> None:
    """What can never be written must not keep the rest waiting for ever."""
    recorder = Recorder(world.database, spool=world.spool, wake=lambda: None)
    old = prepare_now(Failure(text="boom", occurred_at=datetime(1990, 1, 1, tzinfo=UTC)))
    world.spool.add("team", spooled_body(old.failure, incident_id=uuid7()))
    good = uuid7()
    world.spool.add("team", spooled_body(Failure(text="boom"), incident_id=good))
    await recorder.replay()

    assert str(good) == (await world.service.incident("team", good))["id"]
    assert 0 == world.spool.count()
