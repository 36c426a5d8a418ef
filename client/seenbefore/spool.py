"""Writes that wait for the service: one SQLite file, bounded, in order, shared by the processes of a machine.

A row is committed before `add` returns. In WAL mode with `synchronous = NORMAL` a commit is handed to the operating
system and not forced to the disk: it outlives a kill -9 of the process, and a crash of the machine may cost the last
ones (the work is then done again). `synchronous = FULL` would cost a flush of the disk for each checkpoint.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from seenbefore.errors import SpoolBroken, SpoolUnavailable
from seenbefore.scrubbing import scrubbed_body
from seenbefore.settings import place_of
from seenbefore.spool_file import BUSY_S, identity, open_file, prepare, transaction, translated, unavailable
from seenbefore.spooled import Counts, RefusedWrite, Spooled, Standing, Write
from seenbefore.wire import Document

__all__ = ["Counts", "RefusedWrite", "Spool", "Spooled", "Standing", "Write"]

MOST_ROWS = 100_000
MOST_BYTES = 256_000_000
#: Of those that the service refuses so many are kept, and so many bytes; then the oldest go.
MOST_REFUSED, MOST_REFUSED_BYTES = 10_000, 64_000_000
#: The latest of sub-tasks: so many, so many bytes and so many days; the runs that were written longest ago go first.
MOST_LATEST, MOST_LATEST_BYTES, LATEST_DAYS = 100_000, 64_000_000, 30
#: How full the spool may be for a kind to be taken. What makes a resume possible is taken to the last.
ROOM = {"progress": 0.5, "note": 0.8, "outcome": 0.9}
#: Kinds of which most is text of people or failures.
IN_WORDS = frozenset({"note", "outcome"})
#: Seconds that the next writes wait for another process's, once that has been in vain.
BUSY_AGAIN_S = 0.02

ADD = """
INSERT INTO waiting (target, lane, kind, method, path, body, added_at)
VALUES (?, ?, ?, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%f', 'now'))
"""
ROW = """
SELECT number, target, lane, kind, method, path, body, attempts,
    (julianday(added_at) - julianday('1970-01-01')) * 86400.0 FROM waiting
"""
OLDEST = f"{ROW} WHERE target = ? AND lane NOT IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?"
OF_LANE = f"{ROW} WHERE target = ? AND lane = ? ORDER BY number"
TARGETS = "SELECT target FROM latest_runs WHERE lane = ?"
LATEST = """
SELECT path, body FROM latest WHERE target IN (SELECT value FROM json_each(?)) AND lane = ?
    AND added_at > datetime('now', ?) ORDER BY number
"""
FORGET_OLD = (
    "DELETE FROM latest WHERE added_at <= datetime('now', ?)",
    "DELETE FROM latest_runs WHERE added_at <= datetime('now', ?)",
)
OLDEST_RUN = "SELECT target, lane FROM latest_runs ORDER BY number LIMIT 1"
FORGET_RUN = (
    "DELETE FROM latest WHERE target = ? AND lane = ?",
    "DELETE FROM latest_runs WHERE target = ? AND lane = ?",
)
#: Some at once: not every write is to look for the next.
FORGET_SOME = """
DELETE FROM latest WHERE number IN (
    SELECT number FROM latest ORDER BY number LIMIT (SELECT 1 + row_count / 100 FROM latest_size))
"""
REFUSE = """
INSERT OR REPLACE INTO refused (number, target, lane, kind, method, path, body, added_at, reason)
SELECT number, target, lane, kind, method, path, body, added_at, ? FROM waiting WHERE number = ?
"""
TRIM = """
DELETE FROM refused WHERE number IN (
    SELECT number FROM (
        SELECT number, count(*) OVER newest AS row_count, sum(length(body)) OVER newest AS byte_count FROM refused
        WINDOW newest AS (ORDER BY number DESC ROWS UNBOUNDED PRECEDING))
    WHERE row_count > ? OR byte_count > ?)
"""
AGAIN = """
INSERT INTO waiting (target, lane, kind, method, path, body, attempts, added_at)
SELECT target, lane, kind, method, path, body, 1, coalesce(added_at, refused_at) FROM refused WHERE number = ?
"""
#: The lane whose run has ended longest ago: nobody resumes it.
ENDED = "SELECT target, lane FROM waiting WHERE kind = 'end' ORDER BY number LIMIT 1"
STANDING = """
SELECT target, count(*), sum(length(body)), min(added_at), max(trouble),
    (SELECT reason FROM senders WHERE senders.target = waiting.target) FROM waiting GROUP BY target
"""
MARK = "INSERT OR REPLACE INTO senders (target, place, reason) VALUES (?, ?, ?)"
MARKED = "SELECT target FROM senders WHERE place = ? AND target <> ?"


class Spool:
    """A bounded, durable, ordered queue. Safe to use from several threads and processes, not across a fork.

    Every method raises `SpoolUnavailable` when SQLite cannot do it. `path` None is a spool in memory.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
        most_latest: int = MOST_LATEST,
    ) -> None:
        self.path = path
        self._most = (most_rows, most_bytes)
        self._most_latest = (most_latest, MOST_LATEST_BYTES)
        self._lock = threading.Lock()
        self._busy_s = BUSY_S
        self._lost = 0
        with translated():
            self._file = open_file(path)
            self._identity = identity(path)
            self._id = prepare(self._file)
            for statement in FORGET_OLD:
                with contextlib.suppress(sqlite3.OperationalError):  # busy: another time
                    self._file.execute(statement, (f"-{LATEST_DAYS} days",))

    def add(self, target: str, write: Write) -> int:
        """Keep a write; its number. Raises `SpoolUnavailable` when there is no room for its kind as well.

        What people and failures say in their own words is kept without the secrets that are plain to see.
        """
        body = write.request.body or b""
        if identity(self.path) != self._identity:
            raise SpoolBroken(f"The spool {self.path} has been removed.")
        try:
            number = self._add(target, write, scrubbed_body(body) if write.kind in IN_WORDS else body)
        except sqlite3.Error as error:  # another process holds the file: not every checkpoint is to wait
            self._lost += 1
            with contextlib.suppress(SpoolUnavailable):
                self._wait(BUSY_AGAIN_S)
            raise unavailable(error) from error
        self._wait(BUSY_S)
        if number is None:
            raise SpoolUnavailable("The spool is full.")
        return number

    def _wait(self, seconds: float) -> None:
        if seconds != self._busy_s:
            with self._open() as file:
                file.execute(f"PRAGMA busy_timeout = {int(1_000 * seconds)}")
                self._busy_s = seconds

    def _add(self, target: str, write: Write, body: bytes) -> int | None:
        """Its number; None when there is no room."""
        request = write.request
        row = (target, write.lane, write.kind, request.method, request.path, body)
        with self._lock, transaction(self._file) as file:
            if write.kind == "progress":  # the newer one says all that the older one said
                file.execute(
                    "DELETE FROM waiting WHERE target = ? AND lane = ? AND path = ? AND kind = 'progress'",
                    (target, write.lane, request.path),
                )
            if not self._make_room(file, write.kind, len(body)):
                file.execute("UPDATE about SET dropped = dropped + 1")
                return None
            number = int(file.execute(ADD, row).lastrowid or 0)
            if self._lost:
                file.execute("UPDATE about SET dropped = dropped + ?", (self._lost,))
                self._lost = 0
            if write.kind == "sub_task":
                self._forget(file, target, write.lane)
            return number

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

    def _forget(self, file: sqlite3.Connection, target: str, lane: str) -> None:
        """Keep no more of the latest than there is room for: of the run that is written now what is new."""
        while self._remembers_too_much(file):
            oldest = file.execute(OLDEST_RUN).fetchone()
            if oldest in (None, (target, lane)):
                if not file.execute(FORGET_SOME).rowcount:
                    return
                continue
            for statement in FORGET_RUN:
                file.execute(statement, oldest)

    def _remembers_too_much(self, file: sqlite3.Connection) -> bool:
        rows, size = file.execute("SELECT row_count, byte_count FROM latest_size").fetchone()
        return bool(rows > self._most_latest[0] or size > self._most_latest[1])

    def latest(self, place: str, lane: str) -> list[tuple[str, Document]]:
        """`(path, body)` of the newest write of each sub-task of a run that was kept here in the last 30 days, whether
        or not it is delivered and whatever the key was (`place` is a target without it); in the order of writing. A
        long history goes, the runs first that were written longest ago."""
        with self._open() as file:
            targets = [target for (target,) in file.execute(TARGETS, (lane,)) if place_of(target) == place]
            rows = file.execute(LATEST, (json.dumps(targets), lane, f"-{LATEST_DAYS} days")).fetchall()
        newest: dict[str, Document] = {}
        for path, body in rows:
            newest.pop(path, None)
            newest[path] = json.loads(body)
        return list(newest.items())

    def oldest(self, target: str, *, limit: int, beside: Collection[str] = ()) -> list[Spooled]:
        """The first in line, of all lanes but some."""
        with self._open() as file:
            return self._read(file.execute(OLDEST, (target, json.dumps(list(beside)), limit)))

    def of_lane(self, target: str, lane: str) -> list[Spooled]:
        """All that waits for one run, in order."""
        with self._open() as file:
            return self._read(file.execute(OF_LANE, (target, lane)))

    def _read(self, rows: Iterator[tuple[int, str, str, str, str, str, bytes, int, float]]) -> list[Spooled]:
        return [Spooled(*row, key=self._key(row[0], *row[4:7])) for row in rows]

    def _key(self, number: int, method: str, path: str, body: bytes) -> str:
        """The same in every process, and no other row's: not even where a machine's image was copied with its spool."""
        told = hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()
        return f"{self._id}-{number}-{told[:12]}"

    def settle(
        self, *, written: Sequence[int] = (), superseded: Sequence[int] = (), refused: Sequence[tuple[int, str]] = ()
    ) -> None:
        """They leave the line: those that are written; those after which others have said more, which this machine
        needs no more either; and those that can never be, for a reason, which are kept for people."""
        with self._open() as file, transaction(file):
            for number, reason in refused:
                file.execute(REFUSE, (reason, number))
            gone = [(number,) for number in (*written, *superseded, *(number for number, _ in refused))]
            file.executemany("DELETE FROM waiting WHERE number = ?", gone)
            file.executemany("DELETE FROM latest WHERE number = ?", [(number,) for number in superseded])
            if refused:
                file.execute(TRIM, (MOST_REFUSED, MOST_REFUSED_BYTES))

    def tried(self, number: int, *, trouble: str, counts: bool = True) -> None:
        """It could not be written just now; `counts`: for a reason of its own."""
        with self._open() as file:
            file.execute(
                "UPDATE waiting SET attempts = attempts + ?, trouble = ? WHERE number = ?",
                (int(counts), trouble, number),
            )

    def requeue(self, number: int) -> bool:
        """Put a refused write at the end of the line again; whether there was one."""
        with self._open() as file, transaction(file):
            added = file.execute(AGAIN, (number,)).rowcount
            file.execute("DELETE FROM refused WHERE number = ?", (number,))
            return added > 0

    def retarget(self, old: str, new: str) -> int:
        """Have the rows of one target written to another; how many there were."""
        with self._open() as file, transaction(file):
            return _retarget(file, old, new)

    def mark(self, target: str, *, place: str, reason: str) -> None:
        """Remember that the service refuses this target's key; `place` is the target without the key."""
        with self._open() as file:
            file.execute(MARK, (target, place, reason))

    def adopt(self, target: str, *, place: str) -> int:
        """This target's key is accepted: have the rows written to it whose keys are refused at the same place; how
        many there were."""
        with self._open() as file:
            if not file.execute("SELECT EXISTS (SELECT 1 FROM senders WHERE place = ?)", (place,)).fetchone()[0]:
                return 0
            with transaction(file):
                others = [other for (other,) in file.execute(MARKED, (place, target))]
                count = sum(_retarget(file, other, target) for other in others)
                file.execute("DELETE FROM senders WHERE place = ?", (place,))
                return count

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
            return Counts(waiting=rows, size=size, refused=refused, dropped=dropped + self._lost)

    def lanes(self, target: str) -> set[str]:
        """Those in which anything waits."""
        with self._open() as file:
            return {lane for (lane,) in file.execute("SELECT DISTINCT lane FROM waiting WHERE target = ?", (target,))}

    def standing(self) -> list[Standing]:
        """What waits, by service and workspace."""
        with self._open() as file:
            return [Standing(*row) for row in file.execute(STANDING)]

    def refused(self, *, limit: int = 100) -> list[RefusedWrite]:
        """The latest that the service refused, newest first."""
        query = """
            SELECT number, target, method, path, body, reason, refused_at FROM refused ORDER BY number DESC LIMIT ?
        """
        with self._open() as file:
            return [RefusedWrite(*row) for row in file.execute(query, (limit,))]

    def in_memory(self) -> Spool:
        """One in memory with all that can be read of this one; its writes keep their keys."""
        copy = Spool(None, most_rows=self._most[0], most_bytes=self._most[1], most_latest=self._most_latest[0])
        try:
            with self._open() as file:
                if file.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                    file.backup(copy._file)
            copy._id = prepare(copy._file)
        except SpoolUnavailable:
            return Spool(None)
        return copy

    def tidy(self) -> None:
        """Move what the log holds into the file: on the drainer's time, for it waits for the disk."""
        if self.path is None:
            return
        with (
            translated(),
            contextlib.closing(sqlite3.connect(self.path, isolation_level=None, timeout=0.0)) as file,
        ):
            file.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the file."""
        with self._open() as file:
            file.close()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated():
            yield self._file


def _drop(file: sqlite3.Connection, statement: str, given: Sequence[str] = ()) -> None:
    gone = file.execute(statement, given).rowcount
    file.execute("UPDATE about SET dropped = dropped + ?", (gone,))


def _retarget(file: sqlite3.Connection, old: str, new: str) -> int:
    """How many rows wait; what is the latest stays so."""
    if old == new:
        return 0
    file.execute("DELETE FROM senders WHERE target = ?", (old,))
    file.execute(
        """
        DELETE FROM latest WHERE number IN (
            SELECT min(number) FROM latest WHERE target IN (?, ?) GROUP BY lane, path HAVING count(*) > 1)
        """,
        (old, new),
    )
    file.execute("UPDATE latest SET target = ? WHERE target = ?", (new, old))
    file.execute("DELETE FROM latest_runs WHERE target IN (?, ?)", (old, new))
    file.execute(
        "INSERT INTO latest_runs SELECT target, lane, max(number), added_at FROM latest WHERE target = ? GROUP BY lane",
        (new,),
    )
    return file.execute("UPDATE waiting SET target = ? WHERE target = ?", (new, old)).rowcount
