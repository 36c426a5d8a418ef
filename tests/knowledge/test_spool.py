"""Failures kept aside while PostgreSQL is away."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowledge import spool as module
from knowledge.errors import StoreUnavailable
from knowledge.spool import Spool


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
