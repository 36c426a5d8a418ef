"""`seenbefore keys`, on the real embedded PostgreSQL, with and without a service beside it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.admin import running_url, wait_for_server
from api.settings import Settings
from knowledge.errors import StoreUnavailable
from knowledge.store.embedded import EmbeddedPostgres
from knowledge.store.migrate import migrate
from tests.api.cli.conftest import Command


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that a service has left."""
    folder = tmp_path_factory.mktemp("keys") / "data"
    with EmbeddedPostgres(folder / "postgres") as server:
        migrate(server.url)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("create", "--workspace", "w", "--name", "n"), ("revoke", "00000000-0000-7000-8000-000000000000")],
    ids=lambda arguments: arguments[0],
)
def test_folder_that_is_none_is_refused(command: Command, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A misspelt one is not made: keys in it would open nothing."""
    result = command("keys", *arguments, "--data", tmp_path / "dta")

    assert (1, True) == (result.exit_code, "is no data folder of a service" in result.stderr)
    assert f"seenbefore serve --data {tmp_path / 'dta'}" in result.stderr
    assert not (tmp_path / "dta").exists()


@pytest.fixture
def beside(data: Path) -> Iterator[EmbeddedPostgres]:
    """A server that another program keeps over the data folder."""
    with EmbeddedPostgres(data / "postgres") as server:
        migrate(server.url)
        yield server


def test_life_of_a_key(command: Command, data: Path) -> None:
    """Made, listed without its secret, revoked; the server is started and stopped for each."""
    made = command("keys", "create", "--workspace", "team", "--name", "ci", "--data", data)
    listed = command.json("keys", "list", "--data", data)["keys"]
    identifier = listed[-1]["id"]
    revoked = command("keys", "revoke", identifier, "--data", data)
    after = command.json("keys", "list", "--workspace", "team", "--data", data)["keys"]

    assert made.stdout.startswith("sb_")
    assert [("team", "ci", None)] == [(each["workspace"], each["name"], each["revoked_at"]) for each in listed]
    assert made.stdout.strip() not in json.dumps(listed)
    assert 0 == revoked.exit_code
    assert after[-1]["revoked_at"]


def test_works_beside_a_running_service(command: Command, data: Path, beside: EmbeddedPostgres) -> None:
    """The running server is used, and left running."""
    made = command.json("keys", "create", "--workspace", "other", "--name", "laptop", "--data", data)
    listed = command("keys", "list", "--workspace", "other", "--data", data)

    assert made["secret"].startswith("sb_")
    assert f"{made['id']}\tother\tlaptop\t" in listed.stdout
    assert beside.is_alive


def test_names_a_database_url(
    command: Command, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server of one's own is used directly."""
    monkeypatch.setenv("SEENBEFORE_DATABASE_URL", database_url)
    command.json("keys", "create", "--workspace", "w", "--name", "n", "--data", tmp_path / "data")

    assert ["n"] == [each["name"] for each in command.json("keys", "list", "--data", tmp_path / "data")["keys"]]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("create", "--workspace", "a b", "--name", "n"), 2, "A workspace has 1 to 64 letters"),
        (("create", "--workspace", "a", "--name", "\x1b[2J"), 2, "printable"),
        (("revoke", "nonsense"), 2, "UUID"),
        (("revoke", "00000000-0000-7000-8000-000000000000"), 1, "There is no such API key."),
    ],
)
def test_what_cannot_be(command: Command, data: Path, arguments: tuple[str, ...], code: int, problem: str) -> None:
    """Said in words, without a trace."""
    result = command("keys", *arguments, "--data", data)

    assert (code, True) == (result.exit_code, problem in result.stderr)


def test_server_that_is_starting_is_waited_for(tmp_path: Path) -> None:
    """A service that has just taken the folder has no server yet."""
    server = EmbeddedPostgres(tmp_path)
    assert running_url(tmp_path) is None
    with pytest.raises(StoreUnavailable, match="not ready"):
        wait_for_server(tmp_path, limit_s=0.1)
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        found = wait_for_server(tmp_path)
    finally:
        starting.join()
        expected = server.url
        server.stop()

    assert expected == found


def test_data_folder_comes_from_the_settings(command: Command, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--data` wins over SEENBEFORE_DATA, which wins over `data`."""
    monkeypatch.setenv("SEENBEFORE_DATA", str(data))

    assert command.json("keys", "list")["keys"]
    assert Path("data") == Settings.model_fields["data"].default
