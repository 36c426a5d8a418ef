"""What a workspace learns from what came out of its own advice, on the real store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.calibration import LEAST_JUDGED, SHIPPED_FAIL_FROM, Fit, Judged
from knowledge.calibrations import Calibrations
from knowledge.correcting import ChangeOf, Correction, Merge, Signed, Split, Undo
from knowledge.documents import Document
from knowledge.failures import DecisionAction, Failure, Resolution, Verdict
from knowledge.once import Once
from knowledge.store import calibration, workspaces
from knowledge.store.ids import uuid7
from tests.knowledge.conftest import World

SLOW = Failure(text="ClientError: An error occurred (SlowDown) when calling the PutObject operation")
DENIED = Failure(text="ClientError: An error occurred (AccessDenied) when calling the PutObject operation")


OPERATIONS = (
    "PutObject",
    "GetObject",
    "HeadObject",
    "CopyObject",
    "DeleteObject",
    "ListObjectsV2",
    "UploadPart",
    "UploadPartCopy",
    "CreateMultipartUpload",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "PutObjectAcl",
)


def calling(failure: Failure, operation: str) -> Failure:
    """The same, of another operation: another precedent."""
    return Failure(text=(failure.text or "").replace("PutObject", operation))


async def judged(world: World, workspace: str = "team", **limits: int) -> list[Judged]:
    """What is known to have come out."""
    async with world.database.connection() as connection:
        id = await workspaces.ensure(connection, workspace)
        return await calibration.judged(connection, workspace_id=id, **limits)


async def advised(world: World, failure: Failure = SLOW) -> tuple[Document, UUID]:
    """An advice, and its incident."""
    answer = await world.service.advise("team", failure)
    return answer, UUID(answer["incident_id"])


async def state(world: World, incident: UUID, verdict: Verdict) -> None:
    """A person's word about an incident."""
    await world.service.resolve("team", incident, Resolution("Looked at it."), verdict=verdict)


async def test_advice_alone_is_not_known_to_be_right(world: World) -> None:
    """Nothing came out of it yet."""
    await advised(world)

    assert [] == await judged(world)


@pytest.mark.parametrize("keyed", [False, True])
async def test_advice_is_kept_with_its_odds(world: World, keyed: bool) -> None:
    """With and without an idempotency key; nobody who reads the answer sees them."""
    once = Once.of("k", route="POST /advise", body=b"") if keyed else None
    answer = await world.service.advise("team", SLOW, once=once)
    await state(world, UUID(answer["incident_id"]), Verdict.TRANSIENT)
    found = (await judged(world))[0]
    kept = (await world.service.incident("team", UUID(answer["incident_id"])))["advice"]

    assert answer == kept
    assert (Verdict(answer["verdict"]), answer["confidence"], DecisionAction(answer["decision"]["action"])) == (
        found.verdict,
        found.confidence,
        found.decision,
    )
    assert (Verdict.TRANSIENT, None, True) == (found.said, found.passed, found.odds > 0)


async def test_settled_precedent_is_judged_as_well(world: World) -> None:
    """The second advice follows from what was said of the first; what is said of its own incident is its truth."""
    _, first = await advised(world)
    await state(world, first, Verdict.GENUINE)
    _, second = await advised(world)
    await state(world, second, Verdict.TRANSIENT)

    assert [Verdict.TRANSIENT, Verdict.GENUINE] == [each.said for each in await judged(world)]


async def test_outcome_tells_how_retries_ended(world: World) -> None:
    """The last attempt counts; a person's word goes before it."""
    _, incident = await advised(world)
    await world.service.outcome("team", incident, result="failed", attempt=2)
    await world.service.outcome("team", incident, result="succeeded", attempt=3)
    by_outcome = (await judged(world))[0]
    await state(world, incident, Verdict.GENUINE)
    by_word = (await judged(world))[0]

    assert (None, True) == (by_outcome.said, by_outcome.passed)
    assert (Verdict.GENUINE, 0.0) == (by_word.said, by_word.transient)


async def change(world: World, precedent: str, said: ChangeOf) -> Document:
    """What a person says of a precedent."""
    version = (await world.service.precedent("team", UUID(precedent)))["version"]
    return await world.service.change("team", UUID(precedent), said, expected_version=version, signed=Signed("kim"))


async def override(world: World, precedent: str, verdict: Verdict | None) -> None:
    """A person's word about a precedent."""
    await change(world, precedent, Correction(verdict=verdict))


async def undo(world: World, precedent: str) -> None:
    """The latest change is taken back."""
    latest = (await world.service.history("team", UUID(precedent), after=None, limit=1))[0]
    await change(world, precedent, Undo(UUID(latest["id"])))


async def test_override_is_the_truth_of_what_was_advised_before(world: World) -> None:
    """Not of what only repeats it; taken away, it is the truth of nothing."""
    answer, _ = await advised(world)
    await override(world, answer["precedent"]["id"], Verdict.GENUINE)
    await advised(world)
    with_override = [each.said for each in await judged(world)]
    await override(world, answer["precedent"]["id"], None)

    assert ([Verdict.GENUINE], []) == (with_override, await judged(world))


@pytest.mark.parametrize("again", ["told", "undone"])
async def test_override_that_is_brought_back_is_no_new_truth(world: World, again: str) -> None:
    """What was advised meanwhile only repeated it."""
    first, _ = await advised(world)
    precedent = first["precedent"]["id"]
    await override(world, precedent, Verdict.GENUINE)
    repeated, _ = await advised(world)
    for verdict in (None, Verdict.GENUINE):
        await (override(world, precedent, verdict) if again == "told" else undo(world, precedent))
    kept = (await world.service.precedent("team", UUID(precedent)))["verdict"]

    assert (repeated["verdict"], kept) == ("genuine", "genuine")
    assert [Verdict.GENUINE] == [each.said for each in await judged(world)]


async def test_override_that_a_merge_inherits_is_no_new_truth(world: World) -> None:
    """It was said when it was said of the source."""
    source, _ = await advised(world)
    target, _ = await advised(world, DENIED)
    await override(world, source["precedent"]["id"], Verdict.GENUINE)
    await advised(world)
    await change(world, target["precedent"]["id"], Merge([UUID(source["precedent"]["id"])]))

    assert [Verdict.GENUINE] * 2 == [each.said for each in await judged(world)]


async def test_part_of_an_overridden_precedent_repeated_it_too(world: World) -> None:
    """Of what was advised before the split only what was before the override is held against what is said then."""
    whole, _ = await advised(world)
    other, _ = await advised(world, calling(SLOW, "GetObject"))
    await change(world, whole["precedent"]["id"], Merge([UUID(other["precedent"]["id"])]))
    await override(world, whole["precedent"]["id"], Verdict.GENUINE)
    await advised(world, calling(SLOW, "GetObject"))
    found = await change(world, whole["precedent"]["id"], Split([other["precedent"]["fingerprint"]]))
    await override(world, found["id"], Verdict.GENUINE)

    assert [Verdict.GENUINE] * 2 == [each.said for each in await judged(world)]


async def test_of_one_precedent_the_latest_count(world: World) -> None:
    """One word about seven failures is not seven; another precedent is heard beside it."""
    answers = [(await advised(world))[0] for _ in range(7)]
    await override(world, answers[0]["precedent"]["id"], Verdict.GENUINE)
    _, other = await advised(world, DENIED)
    await state(world, other, Verdict.TRANSIENT)
    found = await judged(world, of_each=5)

    assert 8 == len(await judged(world))
    assert [Verdict.TRANSIENT] + [Verdict.GENUINE] * 5 == [each.said for each in found]
    assert 2 == len({each.precedent for each in found})


async def test_incidents_of_storms_do_not_count(world: World) -> None:
    """Their retries tell of an outage."""
    _, incident = await advised(world)
    await world.service.outcome("team", incident, result="succeeded")
    async with world.database.connection() as connection:
        await connection.execute("UPDATE incidents SET storm_id = %s WHERE id = %s", (uuid7(), incident))

    assert [] == await judged(world)


async def test_what_was_stated_before_it_was_asked_is_not_predicted(world: World) -> None:
    """An imported incident with its verdict, asked about under the same id later."""
    failure = Failure(text=SLOW.text, external_id="x-1", verdict=Verdict.GENUINE)
    await world.service.record_many("team", [failure])
    await world.service.advise("team", Failure(text=SLOW.text, external_id="x-1"))

    assert [] == await judged(world)


async def test_workspaces_are_judged_apart(world: World) -> None:
    """What came out for one says nothing to another."""
    _, incident = await advised(world)
    await state(world, incident, Verdict.TRANSIENT)

    assert (1, 0) == (len(await judged(world)), len(await judged(world, "other")))


async def teach(world: World, *, number: int, contrary: int) -> None:
    """So many advices about new failures of two kinds; of each kind some came out otherwise than it looks.

    Two of each precedent.
    """
    for at in range(number):
        failure, verdict = (SLOW, Verdict.TRANSIENT) if at % 2 else (DENIED, Verdict.GENUINE)
        failure = calling(failure, OPERATIONS[at // 4])
        if at < 2 * contrary:
            verdict = Verdict.GENUINE if verdict is Verdict.TRANSIENT else Verdict.TRANSIENT
        await _teach_one(world, failure, verdict)


async def _teach_one(world: World, failure: Failure, verdict: Verdict) -> None:
    """The advice without learning from it: only its calibration is taught."""
    answer, incident = await advised(world, failure)
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE incidents SET verdict = %s WHERE id = %s", (verdict.value, incident))
        await connection.execute(
            "INSERT INTO resolutions (id, workspace_id, precedent_id, incident_id, summary, verdict, created_at) "
            "SELECT id, workspace_id, precedent_id, id, 'Looked at it.', verdict, now() FROM incidents WHERE id = %s",
            (incident,),
        )
    assert answer["verdict"] != "unknown"


async def test_workspace_learns_what_confidence_is_worth(world: World) -> None:
    """Four in ten came out otherwise: the next answer is less sure, and says so; the odds stay what they were."""
    await teach(world, number=LEAST_JUDGED, contrary=10)
    before = await world.service.advise("team", SLOW, dry_run=True)
    looked_at = await world.service.relearn_calibration()
    after = await world.service.advise("team", SLOW, dry_run=True)
    told = await world.service.calibration("team")

    assert 1 == looked_at
    assert after["confidence"] < before["confidence"] - 0.05
    assert (True, LEAST_JUDGED, LEAST_JUDGED) == (told["fitted"], told["fitted_on"], told["by_people"])
    assert told["slope"] < 0.8
    assert told["calibration_error"] > 0.2


async def test_learned_is_shared_and_outlives_the_process(world: World) -> None:
    """Another replica takes up what this one learned, without learning it again."""
    await teach(world, number=LEAST_JUDGED, contrary=10)
    replica = Calibrations(world.database, settings=AdvisorSettings())
    learned = await world.service.relearn_calibration(), await replica.relearn()
    told = await world.service.calibration("team")
    async with world.database.connection() as connection:
        id = await workspaces.ensure(connection, "team")

    assert (1, 0) == learned
    assert (told["slope"], told["intercept"]) == (
        replica.settings_of(id).calibration.slope,
        replica.settings_of(id).calibration.intercept,
    )
    assert AdvisorSettings() == replica.settings_of(id + 1) == replica.settings_of(None)


async def test_set_threshold_stays(world: World) -> None:
    """Where the operator sets it, nothing that was learned moves it; else it is never lower than it ships."""
    await teach(world, number=LEAST_JUDGED, contrary=10)
    fixed = Calibrations(world.database, settings=AdvisorSettings(fail_from=0.9, wrong_fail_bound=None))
    wide = Calibrations(world.database, settings=AdvisorSettings(wrong_fail_bound=0.5))
    await fixed.relearn()
    await wide.relearn()
    async with world.database.connection() as connection:
        id = await workspaces.ensure(connection, "team")

    shipped = SHIPPED_FAIL_FROM[max(SHIPPED_FAIL_FROM)]
    assert 0.9 == fixed.settings_of(id).fail_from
    assert shipped <= wide.settings_of(id).fail_from < 1


async def test_workspace_is_looked_at_when_something_came_out(world: World) -> None:
    """Not before, and not again within ten minutes."""
    _, incident = await advised(world)
    before = await world.service.relearn_calibration()
    await world.service.outcome("team", incident, result="succeeded")
    first, second = await world.service.relearn_calibration(), await world.service.relearn_calibration()

    assert (0, 1, 0) == (before, first, second)


async def test_correction_is_news(world: World) -> None:
    """An override, and that it is taken away."""
    answer, _ = await advised(world)
    looked_at = []
    for verdict in (Verdict.GENUINE, None):
        await override(world, answer["precedent"]["id"], verdict)
        looked_at.append(await world.service.relearn_calibration(every=timedelta(0)))

    assert [1, 1] == looked_at


async def test_failing_workspace_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is looked at again, though nothing new came out of it: not at once, and then it learns."""
    for workspace, number in (("broken", 1), ("team", 2)):
        for _ in range(number):
            answer = await world.service.advise(workspace, SLOW)
            await world.service.outcome(workspace, UUID(answer["incident_id"]), result="succeeded")

    def fit(rows: Sequence[Judged]) -> Fit | None:
        if len(rows) == 1:
            raise ArithmeticError("singular")
        return None

    with monkeypatch.context() as patched:
        patched.setattr("knowledge.advisor.calibration.fit", fit)
        first = await world.service.relearn_calibration()
    at_once = await world.service.relearn_calibration()
    async with world.database.connection() as connection:
        due = await calibration.due(connection, every=timedelta(minutes=10))
        broken = await workspaces.ensure(connection, "broken")
    later = await world.service.relearn_calibration(every=timedelta(0))

    assert (1, 0, [broken], 2) == (first, at_once, list(due), later)


async def test_calibration_of_a_new_workspace(world: World) -> None:
    """As shipped, and nothing made up."""
    told, shipped = await world.service.calibration("new"), AdvisorSettings()

    assert (0, False, None, None, None, None) == (
        told["judged"],
        told["fitted"],
        told["fitted_on"],
        told["brier"],
        told["calibration_error"],
        told["wrong_fail"],
    )
    assert (
        1.0,
        0.0,
        {"answer_from": shipped.verdict.answer_from, "fail_from": shipped.fail_from, "wrong_fail_bound": 0.02},
    ) == (
        told["slope"],
        told["intercept"],
        told["thresholds"],
    )


async def test_figures_are_remembered_until_something_comes_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By outcome, by a person's word and by a correction; the same again is not read again."""
    reads = []
    read = calibration.judged

    async def counted(*args: Any, **options: Any) -> list[Judged]:
        reads.append(options)
        return await read(*args, **options)

    monkeypatch.setattr(calibration, "judged", counted)
    answer, incident = await advised(world)
    _, other = await advised(world, DENIED)
    told = [(await world.service.calibration("team"))["judged"]]
    await world.service.outcome("team", incident, result="succeeded", attempt=2)
    told += [(await world.service.calibration("team"))["judged"] for _ in range(3)]
    await state(world, other, Verdict.GENUINE)
    told.append((await world.service.calibration("team"))["judged"])
    by_people = (await world.service.calibration("team"))["by_people"]
    await override(world, answer["precedent"]["id"], Verdict.GENUINE)

    assert [0, 1, 1, 1, 2] == told
    assert (1, 2) == (by_people, (await world.service.calibration("team"))["by_people"])
    assert 4 == len(reads)
