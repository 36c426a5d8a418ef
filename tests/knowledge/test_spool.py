"""Failures kept aside while PostgreSQL is away."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowledge import spool as module
from knowledge.errors import StoreUnavailable
from knowledge.spool import Counts, Spool, look_into


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "spool.sqlite3"


def bodies(spool: Spool) -> list[bytes]:
    """All that waits, in line."""
    return [each.body for each in spool.oldest(1_000)]


def test_first_in_first_out(path: Path) -> None:
    """And gone once they are written."""
    spool = Spool(path)
    for number in range(5):
        spool.add("team", b"%d" % number)
    first = spool.oldest(2)
    spool.remove([each.number for each in first])

    assert [("team", b"0"), ("team", b"1")] == [(each.workspace, each.body) for each in first]
    assert ([b"2", b"3", b"4"], 3) == (bodies(spool), spool.count())
    spool.close()


def test_order_outlives_a_full_replay(path: Path) -> None:
    """What comes later stands behind, though all before it is gone."""
    spool = Spool(path)
    spool.add("team", b"a")
    spool.remove([each.number for each in spool.oldest(10)])
    spool.add("team", b"b")
    spool.add("team", b"c")

    assert [b"b", b"c"] == bodies(spool)
    spool.close()


def test_what_was_added_outlives_a_kill(path: Path) -> None:
    """The process ends without closing anything."""
    script = (
        "import os, pathlib, sys\nfrom knowledge.spool import Spool\n"
        "Spool(pathlib.Path(sys.argv[1])).add('team', b'kept')\nos.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    spool = Spool(path)

    assert (-9, [b"kept"]) == (ended.returncode, bodies(spool))
    spool.close()


def test_several_threads_at_once(path: Path) -> None:
    """None is lost, none twice."""
    spool = Spool(path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: spool.add("team", b"%d" % number), range(200)))

    assert sorted(b"%d" % number for number in range(200)) == sorted(bodies(spool))
    spool.close()


def test_full_spool_refuses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk helps nobody; what is in it stays."""
    monkeypatch.setattr(module, "MOST", 2)
    spool = Spool(path)
    spool.add("team", b"a")
    spool.add("team", b"b")

    with pytest.raises(StoreUnavailable, match="spool is full"):
        spool.add("team", b"c")
    assert [b"a", b"b"] == bodies(spool)
    spool.close()


def test_spool_is_full_by_bytes_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bodies; what was written or refused makes room, and a restart counts what is there."""
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    spool = Spool(path)
    for body in (b"1234", b"5678"):
        spool.add("team", body)
    with pytest.raises(StoreUnavailable, match="spool is full"):
        spool.add("team", b"abc")
    spool.remove([1, 1, 99])
    spool.add("team", b"abcdef")
    spool.refuse(2, reason="r")
    spool.add("team", b"ghij")
    spool.close()
    spool = Spool(path)
    with pytest.raises(StoreUnavailable, match="spool is full"):
        spool.add("team", b"k")

    assert ([b"abcdef", b"ghij"], Counts(2, 1)) == (bodies(spool), spool.counts())
    spool.close()


def test_adding_counts_no_rows(path: Path) -> None:
    """However many wait."""
    spool = Spool(path)
    statements: list[str] = []
    spool._file.set_trace_callback(statements.append)
    spool.add("team", b"a")

    assert ["INSERT"] == [statement.split()[0] for statement in statements]
    spool.close()


def test_refused_ones_leave_the_line_and_are_kept(path: Path) -> None:
    """With the reason; of too many, the oldest go."""
    spool = Spool(path)
    for number in range(3):
        spool.add("team", b"%d" % number)
    spool.refuse(2, reason="text: cannot be")
    spool.close()
    with sqlite3.connect(path) as file:
        rows = file.execute("SELECT workspace, body, reason FROM refused").fetchall()

    assert [("team", b"1", "text: cannot be")] == rows
    assert Counts(waiting=2, refused=1) == look_into(path)


def test_of_too_many_refused_ones_the_oldest_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk helps nobody."""
    monkeypatch.setattr(module, "MOST_REFUSED", 2)
    spool = Spool(path)
    for number in range(4):
        spool.add("team", b"%d" % number)
        spool.refuse(spool.oldest(1)[0].number, reason="r")
    spool.close()
    with sqlite3.connect(path) as file:
        bodies = [row[0] for row in file.execute("SELECT body FROM refused ORDER BY number")]

    assert [b"2", b"3"] == bodies


def test_looking_into_it(path: Path) -> None:
    """Beside the process that uses it, and where there is none; nothing is made or changed by it."""
    nothing = look_into(path)
    spool = Spool(path)
    spool.add("team", b"a")
    beside = look_into(path)
    spool.close()
    files = sorted(each.name for each in path.parent.iterdir())

    assert (Counts(0, 0), Counts(1, 0), Counts(1, 0)) == (nothing, beside, look_into(path))
    assert [path.name] == files == sorted(each.name for each in path.parent.iterdir())


def test_of_large_refused_ones_the_oldest_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their bytes."""
    monkeypatch.setattr(module, "MOST_REFUSED_BYTES", 5)
    spool = Spool(path)
    for number in range(4):
        spool.add("team", b"%d." % number)
        spool.refuse(spool.oldest(1)[0].number, reason="r")
    kept = [row[0] for row in spool._file.execute("SELECT body FROM refused ORDER BY number")]

    assert [b"2.", b"3."] == kept
    spool.close()


@pytest.mark.parametrize("pragma", ["query_only = 1", "max_page_count = 1"])
def test_file_that_cannot_be_written(path: Path, pragma: str) -> None:
    """Read-only, or the disk is full: the store is away for the caller, and what is there stays."""
    spool = Spool(path)
    spool.add("team", b"a")
    spool._file.execute(f"PRAGMA {pragma}")
    with pytest.raises(StoreUnavailable, match="spool cannot be used"):
        spool.add("team", bytes(100_000))
    with pytest.raises(StoreUnavailable, match="spool cannot be used"):
        spool.refuse(1, reason="r" * 100_000)

    assert ([b"a"], Counts(1, 0)) == (bodies(spool), spool.counts())
    spool.close()


@pytest.mark.parametrize(
    "work",
    [lambda spool: spool.add("team", b"a"), lambda spool: spool.oldest(2**64), lambda spool: spool.remove([2**64])],
)
def test_numbers_and_files_that_sqlite_does_not_take(path: Path, work: Callable[[Spool], object]) -> None:
    """Whatever SQLite says, callers see one error."""
    spool = Spool(path)
    spool._file.execute("DROP TABLE waiting")

    with pytest.raises(StoreUnavailable):
        work(spool)
    spool.close()


def test_file_that_is_no_spool(path: Path) -> None:
    """Damaged, it is named."""
    path.write_bytes(b"not a database, whatever its name says" * 100)

    for look in (Spool, look_into):
        with pytest.raises(StoreUnavailable, match="not a database"):
            look(path)
