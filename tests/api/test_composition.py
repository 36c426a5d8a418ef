"""What the composition root builds, and what it keeps in order beside the answers."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from api.composition import Parts, build, make_data_folder, running
from api.settings import Settings
from knowledge.once import Once
from knowledge.state.states import RunSaid, Status
from knowledge.store import account, idempotency, workspaces


def mode(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


async def kept(parts: Parts) -> tuple[int, int]:
    """How many idempotency keys and how many runs are kept."""
    async with parts.database.connection() as connection:
        counting = "SELECT (SELECT count(*) FROM idempotency_keys), (SELECT count(*) FROM runs)"
        row = await (await connection.execute(counting)).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(("days", "runs"), [(1, 1), (30, 2), (0, 2)])
async def test_what_is_too_old_is_forgotten(new_data: Callable[[], Path], days: int, runs: int) -> None:
    """By itself, beside the answers: keys after a day, runs after as many as are set; none means never."""
    async with build(Settings(data=new_data(), runs_kept_days=days)) as parts:
        async with parts.database.connection() as connection:
            id = await workspaces.ensure(connection, "team")
            for name in ("old", "young"):
                await idempotency.claim(connection, Once.of(name, route=name, body=b""), workspace_id=id)
            await connection.execute(
                "UPDATE idempotency_keys SET created_at = now() - interval '2 days' WHERE route = 'old'"
            )
        for name, age_s in (("old", 2 * 86_400.0), ("young", None)):
            said = RunSaid("fraud", Status.RUNNING, age_s=age_s)
            await parts.memory.put_run("team", name, said, expected_version=None)
        before = await kept(parts)
        async with running(parts):
            for _ in range(200):
                if (after := await kept(parts)) == (1, runs):
                    break
                await asyncio.sleep(0.05)

    assert ((2, 2), (1, runs)) == (before, after)


def test_folders_are_nobody_elses(tmp_path: Path) -> None:
    """The data folder and what is in it; those above it are as everywhere."""
    data = tmp_path / "above" / "data"
    make_data_folder(Settings(data=data))

    assert [0o700, 0o700] == [mode(data), mode(data / "models")]
    assert mode(data.parent) & 0o055


def test_folder_that_is_there_stays_as_it_was_made(tmp_path: Path) -> None:
    """It may be used for other things as well."""
    tmp_path.chmod(0o750)
    make_data_folder(Settings(data=tmp_path))

    assert 0o750 == mode(tmp_path)


@pytest.mark.parametrize(("database_url", "expected"), [(None, 0o711), ("postgresql://server/db", 0o700)])
def test_root_lets_its_postgres_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None, expected: int
) -> None:
    """Where the account that it runs under cannot pass over permissions, it must not be shut out."""
    monkeypatch.setattr(account, "can_reach_private_folders", lambda: False)
    make_data_folder(Settings.model_validate({"data": tmp_path / "data", "database_url": database_url}))

    assert expected == mode(tmp_path / "data")


async def test_folder_of_the_index(new_data: Callable[[], Path]) -> None:
    """Made with the first start."""
    data = new_data()
    (data / "qdrant").rename(data / "aside")
    async with build(Settings(data=data)):
        found = {path.name: mode(path) for path in (data / "qdrant", *(data / "qdrant").glob("precedents-*"))}

    assert {0o700} == set(found.values())
    assert 2 <= len(found)
