"""`seenbefore backup` and `seenbefore restore`, on a service's own data folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
