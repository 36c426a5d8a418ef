"""Failures reported while PostgreSQL is away: kept in one SQLite file, in order, until they can be written.

The incident's id is given when the failure comes in, so writing it twice makes one row. What turns out never to be
writable is set apart in a table of its own, `refused`, for people to look at.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import SpoolUnavailable

#: More than this are not taken in: a full disk helps nobody. A failure has a few kB, but one with a long log may have
#: 300, and 100,000 of those would be 30 GB, on the disk that PostgreSQL and the index may share. Bytes are those of
#: bodies; with those below they are 1 GB in all.
MOST = 100_000
MOST_BYTES = 900_000_000
#: Of those that cannot be written, so many are kept; then the oldest go.
MOST_REFUSED = 10_000
MOST_REFUSED_BYTES = 100_000_000
FILE = "spool.sqlite3"

SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY, workspace TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY AUTOINCREMENT, workspace TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL,
    refused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
TRIM = """
DELETE FROM refused WHERE number <= (SELECT max(number) FROM refused) - ? OR number IN (
    SELECT number FROM (SELECT number, sum(length(body)) OVER (ORDER BY number DESC) AS bytes FROM refused)
    WHERE bytes > ?)
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A waiting failure: `body` is the scrubbed failure as JSON."""

    number: int
    workspace: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How many wait, and how many cannot be written."""

    waiting: int
    refused: int


class Spool:
    """A bounded, durable, ordered queue. Safe to use from several threads.

    Every method raises `SpoolUnavailable` when SQLite cannot do it: the disk is full, the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.touch(mode=0o600)  # failures are nobody else's business
        with _translated():
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(SCHEMA)
            # Kept up from here on (a data folder has one service): counting at each failure would read the whole table.
            self._rows: int
            self._bytes: int
            query = "SELECT count(*), coalesce(sum(length(body)), 0) FROM waiting"
            self._rows, self._bytes = self._file.execute(query).fetchone()

    def add(self, workspace: str, body: bytes) -> None:
        """Keep a failure; durable when it returns. Raises `SpoolUnavailable` when there are too many as well."""
        with self._open() as file:
            if self._rows >= MOST or self._bytes + len(body) > MOST_BYTES:
                raise SpoolUnavailable("PostgreSQL cannot be reached and the spool is full.")
            file.execute("INSERT INTO waiting (workspace, body) VALUES (?, ?)", (workspace, body))
            self._rows, self._bytes = self._rows + 1, self._bytes + len(body)

    def oldest(self, limit: int) -> list[Spooled]:
        """The first in line."""
        with self._open() as file:
            query = "SELECT number, workspace, body FROM waiting ORDER BY number LIMIT ?"
            return [Spooled(*row) for row in file.execute(query, (limit,))]

    def remove(self, numbers: list[int]) -> None:
        """They are written."""
        with self._open() as file:
            with _transaction(file):
                gone = [size for number in numbers for size in _delete(file, number)]
            self._forget(gone)

    def refuse(self, number: int, *, reason: str) -> None:
        """This one can never be written: it leaves the line, and is kept for people to look at."""
        keep = "INSERT INTO refused (workspace, body, reason) SELECT workspace, body, ? FROM waiting WHERE number = ?"
        with self._open() as file:
            with _transaction(file):
                file.execute(keep, (reason, number))
                gone = _delete(file, number)
                file.execute(TRIM, (MOST_REFUSED, MOST_REFUSED_BYTES))
            self._forget(gone)

    def count(self) -> int:
        """How many wait."""
        with self._lock:
            return self._rows

    def counts(self) -> Counts:
        """How many wait, and how many were refused."""
        with self._open() as file:
            return Counts(waiting=self._rows, refused=_count(file, "refused"))  # people may have deleted some of these

    def close(self) -> None:
        """Close the file."""
        with self._open() as file:
            file.close()

    def _forget(self, sizes: list[int]) -> None:
        """They wait no longer."""
        self._rows, self._bytes = self._rows - len(sizes), self._bytes - sum(sizes)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated():
            yield self._file


def look_into(path: Path) -> Counts:
    """What is in a spool that another process may be using; nothing where there is no file."""
    if not path.exists():
        return Counts(0, 0)
    # Without a log beside it nobody uses it; to open it as if somebody did would leave files behind.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with _translated(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as file:
        there = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}  # an earlier version made fewer
        return Counts(*(_count(file, name) if name in there else 0 for name in ("waiting", "refused")))


def _delete(file: sqlite3.Connection, number: int) -> list[int]:
    """The size of the waiting failure that is gone, if it was there."""
    sizes = [size for (size,) in file.execute("SELECT length(body) FROM waiting WHERE number = ?", (number,))]
    file.execute("DELETE FROM waiting WHERE number = ?", (number,))
    return sizes


def _count(file: sqlite3.Connection, table: str) -> int:
    return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    """All or none: outside of one, each statement is written by itself."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        raise SpoolUnavailable(f"The spool cannot be used: {error}.") from error
