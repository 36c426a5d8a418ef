"""`seenbefore reindex`: whatever happened to the index, it comes back from PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge

from api.composition import build, running
from api.settings import Settings
from knowledge import intake, resigning
from knowledge.correcting import Correction, Signed
from knowledge.failures import Failure, Verdict
from knowledge.signature import sign
from tests.api.cli.conftest import Command
from tests.api.conftest import RunningService


@pytest.fixture(scope="module")
def data(new_data: Callable[[], Path]) -> Path:
    """A data folder that no service uses."""
    return new_data()


def lose_points(data: Path) -> None:
    """Some points go, and PostgreSQL does not know."""

    async def work() -> None:
        async with build(Settings(data=data)) as parts:
            identifiers = [identifier async for identifier, _ in parts.index.versions()]
            await parts.index.delete(identifiers[:100])

    asyncio.run(work())


def spoil(data: Path) -> None:
    """The engine cannot read its own files."""
    for path in (data / "qdrant").rglob("edge_config.json"):
        path.write_text("{")


def remove(data: Path) -> None:
    """The index is lost."""
    shutil.rmtree(data / "qdrant")


def make_as_before(data: Path) -> None:
    """The index is one of an earlier version, which kept fewer vectors."""
    generation = next((data / "qdrant").rglob("edge_config.json")).parent
    shutil.rmtree(generation)
    generation.mkdir()
    vector = qdrant_edge.EdgeVectorParams(size=384, distance=qdrant_edge.Distance.Cosine)
    qdrant_edge.EdgeShard.create(str(generation), qdrant_edge.EdgeConfig(vectors={"signature": vector})).close()


@pytest.mark.parametrize("harm", [lose_points, spoil, remove, make_as_before])
def test_index_comes_back(command: Command, data: Path, harm: Callable[[Path], None]) -> None:
    """Whole, and agreeing with PostgreSQL."""
    harm(data)

    rebuilt = command.json("reindex", "--data", data)

    assert (True, False) == (rebuilt["agree"], rebuilt["by_service"])
    assert rebuilt["points"] == rebuilt["signatures"] > 1000


def test_what_an_older_version_signed_is_signed_again(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the index is rebuilt; what people said of it stays with it."""
    torn, of_old = Failure(text="PearError: the ledger is torn"), "0" * 32

    async def told(*, correct: bool) -> dict[str, Any]:
        async with build(Settings(data=data)) as parts:
            if correct:
                made = await parts.service.record("team", torn)
                said = Correction(verdict=Verdict.GENUINE)
                id = UUID(made["precedent_id"])
                return await parts.service.change("team", id, said, expected_version=1, signed=Signed("ana"))
            return await parts.service.advise("team", torn, dry_run=True)

    with monkeypatch.context() as past:
        past.setattr(intake, "sign", lambda failure: replace(sign(failure), fingerprint=of_old, version=0))
        before = asyncio.run(told(correct=True))
    rebuilt = command.json("reindex", "--data", data)
    after = asyncio.run(told(correct=False))

    assert [of_old] == [each["fingerprint"] for each in before["signatures"]]
    assert (True, rebuilt["signatures"]) == (rebuilt["agree"], rebuilt["points"])
    assert (before["id"], sign(torn).fingerprint) == (after["precedent"]["id"], after["precedent"]["fingerprint"])
    assert ("genuine", True) == (after["verdict"], after["seen_before"])


def test_started_service_signs_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the background, without being asked."""
    plum = Failure(text="PlumError: no lease was given for the barrel")

    async def work() -> tuple[str, str]:
        async with build(Settings(data=data)) as parts:
            with monkeypatch.context() as past:
                past.setattr(intake, "sign", lambda failure: replace(sign(failure), fingerprint="1" * 32, version=0))
                before = await parts.service.record("team", plum)
            async with running(parts):
                for _ in range(400):
                    if not await resigning.pending(parts.database):
                        break
                    await asyncio.sleep(0.05)
            return before["precedent_id"], (await parts.service.record("team", plum))["precedent_id"]

    before, after = asyncio.run(work())

    assert before == after


def test_running_service_does_it_itself(command: Command, service: RunningService) -> None:
    """The service has the index open and goes on answering."""
    rebuilt = command.json("reindex", "--data", service.data, "--url", service.url)

    assert (True, True) == (rebuilt["agree"], rebuilt["by_service"])
    assert rebuilt["points"] == rebuilt["signatures"] > 1000


def test_address_of_the_service_is_not_needed(command: Command, service: RunningService) -> None:
    """Then nobody tells how many points there are."""
    result = command("reindex", "--data", service.data, "--url", "http://127.0.0.1:1")

    assert (0, True) == (result.exit_code, "points in the index: unknown" in result.stdout)
