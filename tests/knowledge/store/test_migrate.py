"""Migrations: repeated, at once, and known without Alembic."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import resources

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from knowledge.errors import StoreUnavailable
from knowledge.store.migrate import current_revision, migrate
from knowledge.store.migrations import head


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    """The second time costs a query."""
    assert current_revision(empty_database_url) is None

    first, second = migrate(empty_database_url), migrate(empty_database_url)

    assert (head(), head(), head()) == (first, second, current_revision(empty_database_url))


def test_two_processes_at_once(empty_database_url: str) -> None:
    """One migrates, the other waits and finds it done."""
    script = "import sys; from knowledge.store.migrate import migrate; print(migrate(sys.argv[1]))"
    command = [sys.executable, "-c", script, empty_database_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0].strip() for process in processes]

    assert [head(), head()] == answers


def test_up_to_date_database_needs_no_alembic(database_url: str) -> None:
    """A second start takes no seconds for importing what it does not need."""
    script = (
        "import sys; from knowledge.store.migrate import migrate; migrate(sys.argv[1])\n"
        "print('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, database_url], capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()


def test_head_is_alembics() -> None:
    """File names and revisions agree, in one line."""
    config = Config()
    with resources.as_file(resources.files("knowledge.store.migrations")) as folder:
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")

        assert [head()] == ScriptDirectory.from_config(config).get_heads()


def test_idempotency_keys_in_use_outlive_their_hashing(empty_database_url: str) -> None:
    """What was done under a key before an upgrade is not done again after it."""
    files = resources.files("knowledge.store.migrations").joinpath("versions")
    keys = ["k-1", "ключ 🔑"]
    with psycopg.connect(empty_database_url) as connection:
        for name in ("0001_initial.sql", "0002_recording.sql"):
            connection.execute(files.joinpath(name).read_text("utf-8").encode())
        connection.execute("INSERT INTO workspaces (name) VALUES ('team')")
        for key in keys:
            connection.execute(
                "INSERT INTO idempotency_keys (workspace_id, key, route, request_hash) "
                "SELECT id, %s, 'r', '' FROM workspaces WHERE name = 'team'",
                (key,),
            )
        connection.execute(files.joinpath("0003_idempotency_hash.sql").read_text("utf-8").encode())
        found = {bytes(row[0]) for row in connection.execute("SELECT key_hash FROM idempotency_keys")}

    assert {hashlib.sha256(key.encode()).digest() for key in keys} == found


def test_newer_database_is_refused(database_url: str) -> None:
    """An old program does not write to a schema it does not know."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="upgrade"):
        migrate(database_url)


def test_server_that_is_not_there() -> None:
    """Nobody listens there."""
    with pytest.raises(StoreUnavailable):
        migrate("postgresql://127.0.0.1:1/nothing")
