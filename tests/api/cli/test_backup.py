"""`seenbefore backup` and `seenbefore restore`, on a service's own data folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from knowledge.errors import StoreUnavailable
from knowledge.store import migrate, migrations
from knowledge.store.embedded import EmbeddedPostgres
from tests.api.cli.conftest import Command


def test_a_backup_goes_into_a_new_folder_once(command: Command, new_data: Callable[[], Path], tmp_path: Path) -> None:
    """What was known is known there; a folder that holds a memory is not written over, and neither is a file."""
    data, copy, file = new_data(), tmp_path / "copy", tmp_path / "a.dump"
    key = command.json("keys", "create", "--workspace", "fraud", "--name", "ci", "--data", data)
    command("backup", file, "--data", data)
    restored = command("restore", file, "--data", copy)
    again = command("restore", file, "--data", copy)
    over = command("backup", file, "--data", data)

    assert 0 == restored.exit_code
    assert [key["id"]] == [each["id"] for each in command.json("keys", "list", "--data", copy)["keys"]]
    assert (1, True) == (again.exit_code, "holds a memory already" in again.stderr)
    assert (2, True) == (over.exit_code, "is there already" in over.stderr)


def test_a_backup_that_this_version_cannot_bring_in(
    command: Command, new_data: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a newer version is refused before anything is made; what stops between rows and schema is told truly."""
    data, copy, file = new_data(), tmp_path / "copy", tmp_path / "a.dump"
    key = command.json("keys", "create", "--workspace", "fraud", "--name", "ci", "--data", data)
    command("backup", file, "--data", data)
    with monkeypatch.context() as older:
        older.setattr(migrations, "head", lambda: "0001")
        newer, made = command("restore", file, "--data", copy), copy.exists()
    with monkeypatch.context() as broken:
        broken.setattr(migrate, "migrate", _away)
        stopped = command("restore", file, "--data", copy)
    told = " ".join(stopped.stderr.split())

    assert (1, True, False) == (newer.exit_code, "comes from a newer version" in newer.stderr, made)
    assert (1, True) == (
        stopped.exit_code,
        f"it went away Do not restore again: seenbefore serve --data {copy}" in told,
    )
    assert [key["id"]] == [each["id"] for each in command.json("keys", "list", "--data", copy)["keys"]]


def _away(_: str) -> str:
    raise StoreUnavailable("it went away")


@pytest.mark.parametrize("arguments", [("backup", "a.dump", "--data", "nowhere"), ("restore", "nowhere.dump")])
def test_what_is_not_there_is_not_made(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """A folder or file that is misspelt."""
    monkeypatch.chdir(tmp_path)
    done = command(*arguments)

    assert done.exit_code > 0
    assert "nowhere" in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_no_backup_changes_nothing(command: Command, tmp_path: Path) -> None:
    """Something else is refused, and the backup can be brought in afterwards."""
    file = tmp_path / "a.dump"
    file.write_text("a letter")
    done = command("restore", file, "--data", tmp_path / "data")

    assert (1, True) == (done.exit_code, "archive" in done.stderr)


def test_a_backup_that_is_ended_leaves_nothing(new_data: Callable[[], Path], tmp_path: Path) -> None:
    """By a signal, in the middle: no file, under no name."""
    data, file = new_data(), tmp_path / "a.dump"
    with EmbeddedPostgres(data / "postgres") as server, psycopg.connect(server.url) as holding:
        holding.execute("LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE")  # pg_dump waits for it
        command = [sys.executable, "-m", "api", "backup", str(file), "--data", str(data)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[3], stderr=subprocess.PIPE) as running:
            deadline = time.monotonic() + 20
            while holding.execute(WAITING).fetchone() != (1,) and time.monotonic() < deadline:
                time.sleep(0.05)
            found = file.with_name("a.dump.part").exists()
            running.send_signal(signal.SIGTERM)
            running.wait(20)

    assert (True, 1) == (found, running.returncode)
    assert [] == [each.name for each in tmp_path.iterdir() if each.name.startswith("a.dump")]


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
