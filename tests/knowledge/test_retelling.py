"""An incident that a webhook told of in few words says what its log says, and nobody's words are lost for it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from knowledge.documents import Document
from knowledge.failures import Failure, Resolution, Verdict
from tests.knowledge.conftest import World

ID = "github:4711:1:train"
THIN = "Error: acme/fraud: Nightly, job train: step Run ended with failure"
LOG = "Traceback (most recent call last):\n  File \"prices.py\", line 9, in load\nKeyError: 'price'"


async def told(world: World, **fields: object) -> Document:
    """The incident of the webhook."""
    said = {"text": THIN, "environment": {"job_id": 29, "runner": "gpu"}, "pipeline": "fraud", **fields}
    return await world.service.record("team", Failure(external_id=ID, **said))  # type: ignore[arg-type]


async def retell(world: World, text: str = LOG, *, instead_of: str = THIN) -> bool:
    """The same job's log."""
    failure = Failure(text=text, step="train / Run", environment={"attempt": 1}, external_id=ID)
    return await world.service.retell("team", failure, instead_of=instead_of)


async def test_log_takes_the_place_of_few_words(world: World) -> None:
    """Of the same incident, with its time, its place and its outcome; the precedent of the few words has none of it."""
    before = await told(world)
    id = UUID(before["id"])
    await world.service.outcome("team", id, result="succeeded", attempt=2)
    retold = [await retell(world) for _ in range(2)]
    after = await world.service.incident("team", id)
    left = await world.service.precedent("team", UUID(before["precedent_id"]))
    precedent = await world.service.precedent("team", UUID(after["precedent_id"]))

    assert [True, False] == retold
    assert (LOG, before["occurred_at"], ID, "train / Run") == tuple(
        after[name] for name in ("text", "occurred_at", "external_id", "step")
    )
    assert {"job_id": 29, "runner": "gpu", "attempt": 1} == after["environment"]
    assert "KeyError" in after["template"]
    assert (0, 0, None) == (left["occurrences"], left["retries"]["succeeded"], left["last_seen"])
    assert (1, 1) == (precedent["occurrences"], precedent["retries"]["succeeded"])


async def test_few_words_are_told_of_the_next_job(world: World) -> None:
    """Their precedent counts again, alone; and the log of a known error joins the others of its kind."""
    await told(world)
    await retell(world)
    known = await world.service.record("team", Failure(text=LOG))
    again = await world.service.record("team", Failure(text=THIN, external_id="github:4711:2:train"))
    precedents = [await world.service.precedent("team", UUID(each["precedent_id"])) for each in (known, again)]

    assert [2, 1] == [each["occurrences"] for each in precedents]


@pytest.mark.parametrize("said", ["verdict", "resolution", "another text"])
async def test_what_somebody_said_of_it_stays(world: World, said: str) -> None:
    """And what says something else by now."""
    before = await told(world, verdict=Verdict.GENUINE if said == "verdict" else None)
    if said == "resolution":
        await world.service.resolve("team", UUID(before["id"]), Resolution("Give it a price."))
    retold = await retell(world, instead_of="Error: others" if said == "another text" else THIN)
    after = await world.service.incident("team", UUID(before["id"]))

    assert (False, THIN, before["precedent_id"]) == (retold, after["text"], after["precedent_id"])


async def test_once_by_many_at_once(world: World) -> None:
    """While others record: one of them tells it anew, and nothing is counted twice."""
    before = await told(world)
    others = [world.service.record("team", Failure(text=LOG)) for _ in range(8)]
    retold = await asyncio.gather(*(retell(world) for _ in range(8)), *others)
    after = await world.service.incident("team", UUID(before["id"]))
    precedent = await world.service.precedent("team", UUID(after["precedent_id"]))

    assert 1 == sum(each is True for each in retold)
    assert 9 == precedent["occurrences"]
