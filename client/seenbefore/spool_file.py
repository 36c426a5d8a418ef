"""The SQLite file of a spool: how it is opened, what is in it, and how an older one becomes one of today.

Versions of this package share the file of a machine: a change adds tables, columns and indexes, and takes none away.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from seenbefore.errors import SpoolBroken, SpoolUnavailable

#: Seconds that a write waits for another process's.
BUSY_S = 1.0
#: What SQLite says of a file whose contents are lost; and of one that cannot be used from then on, for its contents or
#: its disk.
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
BROKEN = DAMAGED | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}

FIRST = """
CREATE TABLE about (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1), id TEXT NOT NULL, row_count INTEGER NOT NULL,
    byte_count INTEGER NOT NULL, dropped INTEGER NOT NULL);
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, trouble TEXT,
    added_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX waiting_by_lane ON waiting (target, lane, number);
CREATE TABLE refused (
    number INTEGER PRIMARY KEY, target TEXT NOT NULL, lane TEXT NOT NULL, kind TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, refused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TRIGGER waiting_added AFTER INSERT ON waiting BEGIN
    UPDATE about SET row_count = row_count + 1, byte_count = byte_count + length(new.body); END;
CREATE TRIGGER waiting_gone AFTER DELETE ON waiting BEGIN
    UPDATE about SET row_count = row_count - 1, byte_count = byte_count - length(old.body); END;
"""
#: `latest`: the newest write of each sub-task, delivered or not; by triggers, so that an older version's count too. A
#: write that has been tried before is put in line again: it is older than what came after it. `latest_runs`: which run
#: was written last.
#: `senders`: targets whose key the service has refused; `place` is the same target without the key.
SECOND = """
CREATE INDEX waiting_in_order ON waiting (target, number, lane);
ALTER TABLE refused ADD COLUMN added_at TEXT;
CREATE TABLE latest (
    number INTEGER PRIMARY KEY, added_at TEXT NOT NULL, target TEXT NOT NULL, lane TEXT NOT NULL, path TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (target, lane, path));
CREATE INDEX latest_by_time ON latest (added_at);
CREATE TABLE latest_runs (
    target TEXT NOT NULL, lane TEXT NOT NULL, number INTEGER NOT NULL, added_at TEXT NOT NULL,
    PRIMARY KEY (target, lane)) WITHOUT ROWID;
CREATE INDEX latest_runs_in_order ON latest_runs (number);
CREATE TABLE latest_size (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1), row_count INTEGER NOT NULL, byte_count INTEGER NOT NULL);
INSERT INTO latest_size VALUES (1, 0, 0);
CREATE TRIGGER latest_added AFTER INSERT ON latest BEGIN
    INSERT OR REPLACE INTO latest_runs VALUES (new.target, new.lane, new.number, new.added_at);
    UPDATE latest_size SET row_count = row_count + 1, byte_count = byte_count + length(new.body); END;
CREATE TRIGGER latest_gone AFTER DELETE ON latest BEGIN
    UPDATE latest_size SET row_count = row_count - 1, byte_count = byte_count - length(old.body); END;
CREATE TRIGGER waiting_is_latest AFTER INSERT ON waiting WHEN new.kind = 'sub_task' AND new.attempts = 0 BEGIN
    DELETE FROM latest WHERE target = new.target AND lane = new.lane AND path = new.path;
    INSERT INTO latest (number, added_at, target, lane, path, body)
        VALUES (new.number, new.added_at, new.target, new.lane, new.path, new.body);
END;
INSERT INTO latest (number, added_at, target, lane, path, body)
    SELECT max(number), added_at, target, lane, path, body FROM waiting WHERE kind = 'sub_task'
    GROUP BY target, lane, path;
CREATE TABLE senders (
    target TEXT PRIMARY KEY, place TEXT NOT NULL, reason TEXT NOT NULL,
    refused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""
CHANGES = (FIRST, SECOND)


def open_file(path: Path | None) -> sqlite3.Connection:
    """The file, for nobody but its user and ready for use from any thread; None is one in memory."""
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # failures are nobody else's business
    file = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=BUSY_S)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        # `tidy` does it, on nobody's time; this is for an outage, in which it does not come to it: 64 MB at most.
        file.execute("PRAGMA wal_autocheckpoint = 16000")
        file.execute("PRAGMA journal_size_limit = 67108864")
    except sqlite3.Error:
        file.close()
        raise
    return file


def prepare(file: sqlite3.Connection) -> str:
    """Make what is missing; the spool's id."""
    with transaction(file):
        done = _version(file)
        for script in CHANGES[done:]:
            for statement in _statements(script):
                file.execute(statement)
        if done < len(CHANGES):
            file.execute(f"PRAGMA user_version = {len(CHANGES)}")
        file.execute("INSERT OR IGNORE INTO about VALUES (1, ?, 0, 0, 0)", (uuid.uuid4().hex,))
        return str(file.execute("SELECT id FROM about").fetchone()[0])


def _version(file: sqlite3.Connection) -> int:
    """How many changes it has; those who made the first kept no count."""
    counted = int(file.execute("PRAGMA user_version").fetchone()[0])
    there = file.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]
    return counted or int(there)


def _statements(script: str) -> Iterator[str]:
    """Each statement of a script: `executescript` would end the transaction that keeps two openers apart."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or none."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield file
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


@contextmanager
def translated() -> Iterator[None]:
    """What SQLite and the disk raise, as `SpoolUnavailable`."""
    try:
        yield
    except (sqlite3.Error, OverflowError, OSError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> SpoolUnavailable:
    """What such an error means; the extended codes of SQLite have the plain one in their last byte."""
    broken = isinstance(error, OSError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in BROKEN
    return (SpoolBroken if broken else SpoolUnavailable)(f"The spool cannot be used: {str(error).rstrip('.')}.")


def identity(path: Path | None) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def set_aside(path: Path) -> bool:
    """Move a file that SQLite cannot read, or finds damaged, out of the way; whether it was one."""
    before = identity(path)
    if not path.is_file() or not _is_damaged(path) or identity(path) != before:  # another process was faster
        return False
    for end in ("-wal", "-shm", ""):  # the file last: a new one must not meet the old one's log
        part = path.with_name(path.name + end)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{end}"))
    return True


def _is_damaged(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)) as file:
            return bool(file.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED
