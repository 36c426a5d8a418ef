"""Failures reported while PostgreSQL is away: kept in one SQLite file, in order, until they can be written.

The incident's id is given when the failure comes in, so writing it twice makes one row.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import StoreUnavailable

#: More than this many waiting failures are refused: a full disk helps nobody.
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Spooled:
    """A waiting failure: `body` is the scrubbed failure as JSON."""

    number: int
    workspace: str
    body: bytes


class Spool:
    """A bounded, durable, ordered queue. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.touch(mode=0o600)  # failures are nobody else's business
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS waiting"
            " (number INTEGER PRIMARY KEY, workspace TEXT NOT NULL, body BLOB NOT NULL)"
        )

    def add(self, workspace: str, body: bytes) -> None:
        """Keep a failure; durable when it returns. Raises `StoreUnavailable` when there are too many."""
        with self._lock:
            if self._count() >= MOST:
                raise StoreUnavailable("PostgreSQL cannot be reached and the spool is full.")
            self._file.execute("INSERT INTO waiting (workspace, body) VALUES (?, ?)", (workspace, body))

    def oldest(self, limit: int) -> list[Spooled]:
        """The first in line."""
        with self._lock:
            query = "SELECT number, workspace, body FROM waiting ORDER BY number LIMIT ?"
            return [Spooled(*row) for row in self._file.execute(query, (limit,))]

    def remove(self, numbers: list[int]) -> None:
        """They are written."""
        with self._lock:
            self._file.executemany("DELETE FROM waiting WHERE number = ?", [(number,) for number in numbers])

    def count(self) -> int:
        """How many wait."""
        with self._lock:
            return self._count()

    def _count(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
