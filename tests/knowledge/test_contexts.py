"""A precedent with both outcomes, the whole way on the real store: its context decides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from knowledge.correcting import Merge, Signed
from knowledge.failures import Failure, Verdict
from tests.knowledge.conftest import World

TEXT = "QuinceError: the worker of the orchard was lost"
OTHER = "QuinceError: no heartbeat from the orchard"


async def met(world: World, verdict: Verdict | None, *, times: int = 4, text: str = TEXT, **said: Any) -> list[str]:
    """Incidents with this verdict; their precedents."""
    made = [await world.service.record("team", Failure(text=text, verdict=verdict, **said)) for _ in range(times)]
    return [each["precedent_id"] for each in made]


async def asked(world: World, text: str = TEXT, **said: Any) -> dict[str, Any]:
    """The answer to it."""
    return await world.service.advise("team", Failure(text=text, **said), dry_run=True)


async def test_step_and_environment_decide(world: World) -> None:
    """Spot machines lose workers, the export runs out of memory: the same words."""
    await met(world, Verdict.TRANSIENT, step="train", environment={"pool": "spot"})
    await met(world, Verdict.GENUINE, step="export", environment={"pool": "fixed"})
    train, export = await asked(world, step="train"), await asked(world, environment={"pool": "fixed"})

    assert ("transient", "genuine") == (train["verdict"], export["verdict"])
    assert "; 4 of 4 in step train were transient" in train["decision"]["reason"]
    assert "; 4 of 4 with pool fixed were genuine" in export["decision"]["reason"]
    assert "unknown" == (await asked(world, step="load"))["verdict"]


async def test_outcomes_tell_of_a_context_too(world: World) -> None:
    """Where nobody stated a verdict."""
    for step, result in (("train", "succeeded"), ("export", "failed")):
        for _ in range(6):
            made = await world.service.record("team", Failure(text=TEXT, step=step))
            await world.service.outcome("team", UUID(made["id"]), result=result, attempt=2)
    answers = [await asked(world, step=step) for step in ("train", "export")]

    assert ["transient", "genuine"] == [each["verdict"] for each in answers]


async def test_wording_tells_in_a_merged_precedent(world: World) -> None:
    """Two wordings of what one person held for one failure; they ended differently."""
    [first, *_] = await met(world, Verdict.TRANSIENT)
    [other, *_] = await met(world, Verdict.GENUINE, text=OTHER)
    into = await world.service.precedent("team", UUID(first))
    merge = Merge(sources=(UUID(other),))
    await world.service.change("team", UUID(first), merge, expected_version=into["version"], signed=Signed("ada"))

    assert ["transient", "genuine"] == [(await asked(world, text))["verdict"] for text in (TEXT, OTHER)]
