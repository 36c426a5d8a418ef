"""What a machine has kept of its runs; and how a spool file of before becomes one of today."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seenbefore import calls
from seenbefore import spool as spooling
from seenbefore.spool import Spool, Write
from seenbefore.spool_file import CHANGES, FIRST

TARGET, LANE = "http://127.0.0.1:8000", "/runs/r-1"


def done(name: str, *, run: str = "r-1", said: object = 1, kind: str = "sub_task") -> Write:
    """The completion of a sub-task."""
    request = calls.put(calls.sub_task_path(run, "s", name), {"status": "completed", "said": said})
    return Write(calls.run_path(run), kind, request)


def place(name: str, *, run: str = "r-1") -> str:
    """Its path."""
    return calls.sub_task_path(run, "s", name)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Spool]:
    """A spool that remembers twenty sub-tasks."""
    with contextlib.closing(Spool(tmp_path / "small.sqlite3", most_latest=20)) as opened:
        yield opened


def remembered(spool: Spool, run: str) -> list[str]:
    """The names of a run's sub-tasks."""
    return [path.rpartition("/")[2] for path, _ in spool.latest(TARGET, calls.run_path(run))]


def test_latest_is_the_newest_write_of_each_sub_task(small: Spool) -> None:
    """Delivered, refused or waiting; of this run, this target and this kind alone."""
    numbers = [small.add(TARGET, done(name, said=said)) for said, name in enumerate("aba")]
    small.add(TARGET, done("c", run="r-2"))
    small.add("http://elsewhere", done("d"))
    small.add(TARGET, done("e", kind="step"))
    small.settle(written=numbers[:2], refused=[(numbers[2], "no")])

    assert [(place("b"), {"status": "completed", "said": 1}), (place("a"), {"status": "completed", "said": 2})] == (
        small.latest(TARGET, LANE)
    )


def test_what_was_superseded_is_forgotten(small: Spool) -> None:
    """But no newer write of the same."""
    first, second = small.add(TARGET, done("a", said=1)), small.add(TARGET, done("b"))
    small.add(TARGET, done("a", said=2))
    small.settle(superseded=[first, second])

    assert [(place("a"), {"status": "completed", "said": 2})] == small.latest(TARGET, LANE)
    assert 1 == small.counts().waiting


def test_refused_write_that_goes_again_is_no_newer(small: Spool) -> None:
    """What came after it stays the latest."""
    number = small.add(TARGET, done("a", said="old"))
    small.settle(refused=[(number, "no")])
    small.add(TARGET, done("a", said="new"))
    assert small.requeue(number)

    assert ["new"] == [body["said"] for _, body in small.latest(TARGET, LANE)]


def test_runs_that_were_written_longest_ago_go_first(small: Spool) -> None:
    """Whole, as far as that makes room; the run that is written last keeps its newest."""
    for run in ("r-1", "r-2", "r-1"):
        for number in range(7):
            small.add(TARGET, done(f"{run}-{number}", run=run))
    for number in range(7):
        small.add(TARGET, done(f"new-{number}", run="r-3"))

    assert 7 == len(remembered(small, "r-3"))
    assert 7 == len(remembered(small, "r-1"))
    assert len(remembered(small, "r-2")) < 7
    for number in range(50):
        small.add(TARGET, done(f"many-{number}", run="r-3"))
    assert [] == remembered(small, "r-1")
    assert 18 <= len(remembered(small, "r-3")) <= 20
    assert "many-49" == remembered(small, "r-3")[-1]


def test_bytes_of_the_latest_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are few."""
    monkeypatch.setattr(spooling, "MOST_LATEST_BYTES", 10_000)
    with contextlib.closing(Spool(tmp_path / "spool.sqlite3")) as spool:
        for number in range(20):
            spool.add(TARGET, done(str(number), said="x" * 1_000))

        assert 8 <= len(remembered(spool, "r-1")) <= 9


def test_latest_of_a_month_ago_is_forgotten(small: Spool) -> None:
    """At once for who asks, and from the file when it is opened again."""
    small.add(TARGET, done("a"))
    assert small.path is not None
    with contextlib.closing(sqlite3.connect(small.path, isolation_level=None)) as file:
        file.execute("UPDATE latest SET added_at = datetime('now', '-31 days')")
        assert [] == small.latest(TARGET, LANE)
        Spool(small.path).close()
        assert (0, 0) == file.execute("SELECT row_count, byte_count FROM latest_size").fetchone()


def test_latest_moves_with_its_target(small: Spool) -> None:
    """And the newer of two stays."""
    small.add(TARGET, done("a", said=1))
    small.add("new", done("a", said=2))
    small.add("new", done("b", said=3))
    small.add(TARGET, done("b", said=4))
    assert 2 == small.retarget(TARGET, "new")

    assert [(place("a"), 2), (place("b"), 4)] == [(path, body["said"]) for path, body in small.latest("new", LANE)]
    assert [] == small.latest(TARGET, LANE)


def test_file_of_before_is_made_one_of_today(tmp_path: Path) -> None:
    """What waits in it counts as the latest, and its keys stay."""
    path = tmp_path / "old.sqlite3"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.executescript(FIRST + "INSERT INTO about VALUES (1, 'the-id', 0, 0, 0);")
        for name, said in (("a", b"1"), ("b", b"2"), ("a", b"3")):
            file.execute(
                "INSERT INTO waiting (target, lane, kind, method, path, body) VALUES (?, ?, 'sub_task', 'PUT', ?, ?)",
                (TARGET, LANE, place(name), b'{"said": ' + said + b"}"),
            )
        file.execute(
            "INSERT INTO refused VALUES (9, 't', 'l', 'run', 'PUT', '/runs/x', X'7b7d', 'no', '2026-01-01 00:00:00')"
        )
    for _ in range(2):
        with contextlib.closing(Spool(path)) as spool:
            waiting = spool.oldest(TARGET, limit=9)

            assert [(place("b"), {"said": 2}), (place("a"), {"said": 3})] == spool.latest(TARGET, LANE)
            assert ["the-id-1-", "the-id-2-", "the-id-3-"] == [row.key[:9] for row in waiting]
            assert (3, 1) == (spool.counts().waiting, spool.counts().refused)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        assert (len(CHANGES),) == file.execute("PRAGMA user_version").fetchone()
        # A process that still runs the version of before writes as it ever did.
        file.execute(
            "INSERT INTO waiting (target, lane, kind, method, path, body) VALUES (?, ?, 'sub_task', 'PUT', ?, ?)",
            (TARGET, LANE, place("c"), b'{"said": 4}'),
        )
    with contextlib.closing(Spool(path)) as spool:
        assert [2, 3, 4] == [body["said"] for _, body in spool.latest(TARGET, LANE)]
        assert spool.requeue(9)
        assert 60 == spool.oldest("t", limit=1)[0].age_s(datetime(2026, 1, 1, 0, 1, tzinfo=UTC).timestamp())


def test_refused_writes_are_bounded_in_bytes(small: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go."""
    monkeypatch.setattr(spooling, "MOST_REFUSED_BYTES", 5_000)
    for number in range(10):
        small.settle(refused=[(small.add(TARGET, done(str(number), said="x" * 1_000)), "no")])

    assert [f"s/sub-tasks/{number}" for number in (9, 8, 7, 6)] == [each.path[-13:] for each in small.refused()]


def test_lanes_that_rest_are_passed_over(small: Spool) -> None:
    """However many rows they have."""
    for run in ("r-1", "r-1", "r-2", "r-3"):
        small.add(TARGET, done("a", run=run))

    assert ["/runs/r-3"] == [row.lane for row in small.oldest(TARGET, limit=2, beside=["/runs/r-1", "/runs/r-2"])]
