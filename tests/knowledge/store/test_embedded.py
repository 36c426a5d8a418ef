"""The embedded server: its life, its deaths, and who may have the folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from knowledge.errors import DataFolderInUse, StoreUnavailable
from knowledge.store import endpoint
from knowledge.store.account import server_account
from knowledge.store.binaries import find_binaries
from knowledge.store.embedded import EmbeddedPostgres
from knowledge.store.postmaster import read_status, stop_leftover

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def ask(url: str, statement: bytes) -> object:
    """The first value of a statement's answer."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row and row[0]


def write(url: str) -> None:
    """Write one row, acknowledged."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")


@pytest.mark.parametrize("bin_dir", [None, DEBIAN_15], ids=["shipped", "debian-15"])
def test_data_survives_a_restart_and_the_death_of_the_server(tmp_path: Path, bin_dir: Path | None) -> None:
    """What was acknowledged is there after an orderly stop and after kill -9; the URL stays the same."""
    if bin_dir and not bin_dir.exists():
        pytest.skip("this PostgreSQL is not installed")
    server = EmbeddedPostgres(tmp_path / "data", bin_dir=bin_dir)
    with server:
        write(server.url)
        url = server.url
        os.kill(server.pid or 0, signal.SIGKILL)
        while server.is_alive:
            time.sleep(0.01)
        server.start()
        assert (url, 7) == (server.url, ask(server.url, b"SELECT x FROM kept"))
    assert not server.is_alive
    with server:
        began = time.monotonic()

        assert 7 == ask(server.url, b"SELECT x FROM kept")
        assert time.monotonic() - began < 1


def test_second_service_is_refused(tmp_path: Path) -> None:
    """One service a folder; after it ends, the next may have it."""
    with EmbeddedPostgres(tmp_path), pytest.raises(DataFolderInUse):
        EmbeddedPostgres(tmp_path).start()
    with EmbeddedPostgres(tmp_path) as server:
        assert server.is_alive


def test_server_of_a_killed_service_is_stopped(tmp_path: Path) -> None:
    """kill -9 of the service leaves its server running; the next service ends it and takes over."""
    script = (
        "import pathlib, sys, time; from knowledge.store.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(pathlib.Path(sys.argv[1])); server.start(); print(server.pid, flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        orphan = int(service.stdout.readline())
        service.kill()
    assert (orphan, "ready") == read_status(tmp_path / "cluster")
    with EmbeddedPostgres(tmp_path) as server:
        assert orphan != server.pid
        assert 1 == ask(server.url, b"SELECT 1")


def test_pid_file_of_a_strangers_process_is_cleared(tmp_path: Path) -> None:
    """After a reboot the number may belong to anybody: they are not harmed, and the file goes."""
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n0\n5432\n\n\n\nready\n")

    stop_leftover(tmp_path)

    assert not (tmp_path / "postmaster.pid").exists()


def test_interrupted_creation_is_made_again(tmp_path: Path) -> None:
    """A folder that was half made is not taken for a cluster."""
    (tmp_path / "cluster.new").mkdir()
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert 1 == ask(server.url, b"SELECT 1")


def test_long_path_gets_a_socket_elsewhere(tmp_path: Path) -> None:
    """A Unix socket's path is limited to 107 bytes; a data folder's is not."""
    folder = tmp_path / ("long" * 30)
    with EmbeddedPostgres(folder) as server:
        assert str(folder) not in server.url.partition("passfile")[0]
        assert 1 == ask(server.url, b"SELECT 1")


def test_port_where_sockets_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have no sockets: then a loopback port, with the same password."""
    monkeypatch.setattr(endpoint, "LONGEST_SOCKET_PATH", 0)
    with EmbeddedPostgres(tmp_path) as server:
        assert "host=127.0.0.1" in server.url
        assert 1 == ask(server.url, b"SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.partition("&passfile")[0] + "&password=guess")


def test_log_keeps_no_text_of_failures(tmp_path: Path) -> None:
    """Statements that fail, their values and their messages may hold secrets."""
    with EmbeddedPostgres(tmp_path) as server, psycopg.connect(server.url, autocommit=True) as connection:
        for statement in ("SELECT %s::int", "SELECT 'swordfish'::int, %s"):
            with pytest.raises(psycopg.DataError):
                connection.execute(statement, ("swordfish",), prepare=True)
    assert "swordfish" not in (tmp_path / "postgres.log").read_text()


def test_settings_are_durable_and_private(tmp_path: Path) -> None:
    """Acknowledged means written; data pages are checked; nobody else on the machine gets in."""
    with EmbeddedPostgres(tmp_path) as server:
        found = [ask(server.url, f"SHOW {name}".encode()) for name in ("fsync", "synchronous_commit", "data_checksums")]
        encoding = ask(server.url, b"SHOW server_encoding")

        assert ["on", "on", "on", "UTF8"] == [*found, encoding]
        assert 0o600 == (tmp_path / "passfile").stat().st_mode & 0o777


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The last lines of its log are in the message."""
    server = EmbeddedPostgres(tmp_path, settings={"max_connections": "many"})
    with pytest.raises(StoreUnavailable, match="max_connections"):
        server.start()
    with EmbeddedPostgres(tmp_path) as mended:
        assert mended.is_alive


def test_missing_programs_are_named(tmp_path: Path) -> None:
    """An installation that is none is refused with what it lacks."""
    with pytest.raises(StoreUnavailable, match="no postgres and no initdb"):
        find_binaries(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")
def test_root_hands_over_to_an_account_that_can_reach_the_data(tmp_path: Path) -> None:
    """Below a folder that only root may enter, the server keeps the one capability it needs."""
    open_to_all, hidden = Path("/tmp"), tmp_path / "private" / "data"
    hidden.mkdir(parents=True)
    hidden.parent.chmod(0o700)

    hidden_account = server_account(hidden, programs=[])
    open_account = server_account(open_to_all, programs=[])

    assert hidden_account.uid != 0
    assert ("--ambient-caps=-all,+dac_override" in hidden_account.wrapper, ()) == (True, open_account.wrapper)
