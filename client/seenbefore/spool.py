"""Writes that wait for the service: one SQLite file, bounded, in order, shared by the processes of a machine.

A row is committed before `add` returns. In WAL mode with `synchronous = NORMAL` a commit is handed to the operating
system and not forced to the disk: it outlives a kill -9 of the process, and a crash of the machine may cost the last
ones (the work is then done again). `synchronous = FULL` would cost a flush of the disk for each checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seenbefore.errors import SpoolUnavailable
from seenbefore.wire import Document, Request

MOST_ROWS = 100_000
MOST_BYTES = 256_000_000
#: Of those that the service refuses so many are kept; then the oldest go.
MOST_REFUSED = 10_000
#: How full the spool may be for a kind to be taken. What makes a resume possible is taken to the last.
ROOM = {"progress": 0.5, "note": 0.8, "outcome": 0.9}
#: Seconds that a write waits for another process's; and the next ones, once that has been in vain.
BUSY_S, BUSY_AGAIN_S = 1.0, 0.02

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1), id TEXT NOT NULL, row_count INTEGER NOT NULL,
    byte_count INTEGER NOT NULL, dropped INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, trouble TEXT,
    added_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX IF NOT EXISTS waiting_by_lane ON waiting (target, lane, number);
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY, target TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, refused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TRIGGER IF NOT EXISTS waiting_added AFTER INSERT ON waiting BEGIN
    UPDATE about SET row_count = row_count + 1, byte_count = byte_count + length(new.body); END;
CREATE TRIGGER IF NOT EXISTS waiting_gone AFTER DELETE ON waiting BEGIN
    UPDATE about SET row_count = row_count - 1, byte_count = byte_count - length(old.body); END;
"""
ADD = "INSERT INTO waiting (target, lane, kind, method, path, body) VALUES (?, ?, ?, ?, ?, ?)"
OLDEST = """
SELECT number, target, lane, kind, method, path, body, attempts FROM waiting
WHERE target = ? ORDER BY number LIMIT ?
"""
OF_LANE = """
SELECT number, target, lane, kind, method, path, body, attempts FROM waiting
WHERE target = ? AND lane = ? ORDER BY number
"""
REFUSE = """
INSERT OR REPLACE INTO refused (number, target, lane, kind, method, path, body, reason)
SELECT number, target, lane, kind, method, path, body, ? FROM waiting WHERE number = ?
"""
TRIM = "DELETE FROM refused WHERE number NOT IN (SELECT number FROM refused ORDER BY number DESC LIMIT ?)"
AGAIN = """
INSERT INTO waiting (target, lane, kind, method, path, body)
SELECT target, lane, kind, method, path, body FROM refused WHERE number = ?
"""
#: The lane whose run has ended longest ago: nobody resumes it.
ENDED = "SELECT target, lane FROM waiting WHERE kind = 'end' ORDER BY number LIMIT 1"


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written: rows of a lane go out in order, lanes beside each other.

    `kind` is `run`, `step`, `sub_task`, `end` (of a run), `progress`, `note` (a decision record) or `outcome`.
    """

    lane: str
    kind: str
    request: Request


@dataclass(frozen=True, slots=True)
class Spooled:
    """A waiting write; `key` makes every sending of it the same one."""

    number: int
    target: str
    lane: str
    kind: str
    method: str
    path: str
    body: bytes
    attempts: int
    key: str

    @property
    def request(self) -> Request:
        """The call."""
        return Request(self.method, self.path, self.body, key=self.key)

    @property
    def document(self) -> Document:
        """The body."""
        value: Document = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """A write that the service does not take, and why."""

    number: int
    target: str
    method: str
    path: str
    body: bytes
    reason: str
    refused_at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits for one service and workspace."""

    target: str
    rows: int
    size: int
    oldest: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in the spool; `dropped` were lost for want of room."""

    waiting: int
    size: int
    refused: int
    dropped: int


class Spool:
    """A bounded, durable, ordered queue. Safe to use from several threads and processes, not across a fork.

    Every method raises `SpoolUnavailable` when SQLite cannot do it. `path` None is a spool in memory.
    """

    def __init__(self, path: Path | None, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self.path = path
        self._most = (most_rows, most_bytes)
        self._lock = threading.Lock()
        self._busy_s = BUSY_S
        with _translated():
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)  # failures are nobody else's business
            self._file = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=BUSY_S
            )
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            # `tidy` does it, on nobody's time; this is for an outage, in which it does not come to it: 64 MB at most.
            self._file.execute("PRAGMA wal_autocheckpoint = 16000")
            self._file.execute("PRAGMA journal_size_limit = 67108864")
            self._id = self._prepare()

    def _prepare(self) -> str:
        there = self._file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]
        with _transaction(self._file):
            for statement in _statements(SCHEMA) if not there else ():
                self._file.execute(statement)
            self._file.execute("INSERT OR IGNORE INTO about VALUES (1, ?, 0, 0, 0)", (uuid.uuid4().hex,))
            return str(self._file.execute("SELECT id FROM about").fetchone()[0])

    def add(self, target: str, write: Write) -> int:
        """Keep a write; its number. Raises `SpoolUnavailable` when there is no room for its kind as well."""
        try:
            number = self._add(target, write)
        except sqlite3.Error as error:  # another process holds the file: not every checkpoint is to wait
            self._wait(BUSY_AGAIN_S)
            raise SpoolUnavailable(f"The spool cannot be used: {error}.") from error
        self._wait(BUSY_S)
        if number is None:
            raise SpoolUnavailable("The spool is full.")
        return number

    def _wait(self, seconds: float) -> None:
        if seconds != self._busy_s:
            with self._open() as file:
                file.execute(f"PRAGMA busy_timeout = {int(1_000 * seconds)}")
                self._busy_s = seconds

    def _add(self, target: str, write: Write) -> int | None:
        """Its number; None when there is no room."""
        request = write.request
        row = (target, write.lane, write.kind, request.method, request.path, request.body or b"")
        with self._lock, _transaction(self._file) as file:
            if write.kind == "progress":  # the newer one says all that the older one said
                file.execute(
                    "DELETE FROM waiting WHERE target = ? AND lane = ? AND path = ? AND kind = 'progress'",
                    (target, write.lane, request.path),
                )
            if self._make_room(file, write.kind, len(row[-1])):
                return int(file.execute(ADD, row).lastrowid or 0)
            file.execute("UPDATE about SET dropped = dropped + 1")
            return None

    def _make_room(self, file: sqlite3.Connection, kind: str, size: int) -> bool:
        """Whether there is room, once what may go for a checkpoint's sake has gone."""
        share = ROOM.get(kind, 1.0)
        if self._fits(file, size, share) or kind in ROOM:
            return self._fits(file, size, share)
        _drop(file, "DELETE FROM waiting WHERE kind IN ('progress', 'note')")
        while not self._fits(file, size, share):
            ended = file.execute(ENDED).fetchone()
            if ended is None:
                return False
            _drop(file, "DELETE FROM waiting WHERE target = ? AND lane = ?", ended)
        return True

    def _fits(self, file: sqlite3.Connection, size: int, share: float) -> bool:
        rows, total = file.execute("SELECT row_count, byte_count FROM about").fetchone()
        return bool(rows + 1 <= self._most[0] * share and total + size <= self._most[1] * share)

    def oldest(self, target: str, *, limit: int) -> list[Spooled]:
        """The first in line."""
        with self._open() as file:
            return self._read(file.execute(OLDEST, (target, limit)))

    def of_lane(self, target: str, lane: str) -> list[Spooled]:
        """All that waits for one run, in order."""
        with self._open() as file:
            return self._read(file.execute(OF_LANE, (target, lane)))

    def _read(self, rows: Iterator[tuple[int, str, str, str, str, str, bytes, int]]) -> list[Spooled]:
        return [Spooled(*row, key=self._key(row)) for row in rows]

    def _key(self, row: tuple[int, str, str, str, str, str, bytes, int]) -> str:
        """The same in every process, and no other row's: not even where a machine's image was copied with its spool."""
        told = hashlib.sha256(b"\0".join((row[4].encode(), row[5].encode(), row[6]))).hexdigest()
        return f"{self._id}-{row[0]}-{told[:12]}"

    def settle(self, *, written: Sequence[int] = (), refused: Sequence[tuple[int, str]] = ()) -> None:
        """They are written; these can never be, for a reason: they leave the line, and are kept for people."""
        with self._open() as file, _transaction(file):
            for number, reason in refused:
                file.execute(REFUSE, (reason, number))
            gone = [(number,) for number in (*written, *(number for number, _ in refused))]
            file.executemany("DELETE FROM waiting WHERE number = ?", gone)
            if refused:
                file.execute(TRIM, (MOST_REFUSED,))

    def tried(self, number: int, *, trouble: str) -> None:
        """It could not be written just now."""
        with self._open() as file:
            file.execute("UPDATE waiting SET attempts = attempts + 1, trouble = ? WHERE number = ?", (trouble, number))

    def requeue(self, number: int) -> bool:
        """Put a refused write at the end of the line again; whether there was one."""
        with self._open() as file, _transaction(file):
            added = file.execute(AGAIN, (number,)).rowcount
            file.execute("DELETE FROM refused WHERE number = ?", (number,))
            return added > 0

    def retarget(self, old: str, new: str) -> int:
        """Have the rows of one target written to another; how many there were."""
        with self._open() as file:
            return file.execute("UPDATE waiting SET target = ? WHERE target = ?", (new, old)).rowcount

    def holds(self, target: str, *, lane: str | None = None, until: int | None = None) -> bool:
        """Whether anything waits (of a lane, or up to a number)."""
        query = "SELECT EXISTS (SELECT 1 FROM waiting WHERE target = ? AND lane = ifnull(?, lane) AND number <= ?)"
        with self._open() as file:
            return bool(file.execute(query, (target, lane, until or 2**62)).fetchone()[0])

    def counts(self) -> Counts:
        """How much is in it."""
        with self._open() as file:
            rows, size, dropped = file.execute("SELECT row_count, byte_count, dropped FROM about").fetchone()
            refused = file.execute("SELECT count(*) FROM refused").fetchone()[0]
            return Counts(waiting=rows, size=size, refused=refused, dropped=dropped)

    def standing(self) -> list[Standing]:
        """What waits, by service and workspace."""
        query = "SELECT target, count(*), sum(length(body)), min(added_at), max(trouble) FROM waiting GROUP BY target"
        with self._open() as file:
            return [Standing(*row) for row in file.execute(query)]

    def refused(self, *, limit: int = 100) -> list[RefusedWrite]:
        """The latest that the service refused, newest first."""
        query = """
            SELECT number, target, method, path, body, reason, refused_at FROM refused ORDER BY number DESC LIMIT ?
        """
        with self._open() as file:
            return [RefusedWrite(*row) for row in file.execute(query, (limit,))]

    def tidy(self) -> None:
        """Move what the log holds into the file: on the drainer's time, for it waits for the disk."""
        if self.path is None:
            return
        with _translated(), _closing(sqlite3.connect(self.path, isolation_level=None, timeout=0.0)) as file:
            file.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the file."""
        with self._open() as file:
            file.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated():
            yield self._file


def _drop(file: sqlite3.Connection, statement: str, given: Sequence[str] = ()) -> None:
    gone = file.execute(statement, given).rowcount
    file.execute("UPDATE about SET dropped = dropped + ?", (gone,))


def _statements(script: str) -> Iterator[str]:
    """Each statement of the schema: `executescript` would end the transaction that keeps two openers apart."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _closing(file: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield file
    finally:
        file.close()


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or none."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield file
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError, OSError) as error:
        raise SpoolUnavailable(f"The spool cannot be used: {error}.") from error
