"""The zip of "Download log archive" of GitHub Actions: a log a job, and in a folder a job a log a step.

Archives come from elsewhere: entries are read as streams, never unpacked to disk, and what they hold is counted while
it is read.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import BinaryIO

from ingest.bounded import bounded_lines
from ingest.github_log import LONGEST_LINE, NO_LOG, JobLogs, LogLine, parse_line
from ingest.items import Item, Names, Unreadable

MOST_ENTRIES = 20_000
#: Bytes that an archive may hold unpacked, in all.
MOST_UNPACKED = 4_000_000_000
#: An entry, its job and its step.
Log = tuple[zipfile.ZipInfo, str, str | None]
#: What a broken or a foreign archive makes `zipfile` raise.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,  # a compression that is not known
    RuntimeError,  # an encrypted entry
    ValueError,
    OverflowError,
    MemoryError,  # a dictionary as large as an entry asks for
)


class _TooMuch(Exception):
    """The archive holds more than is read."""


class _Counted:
    """An entry's stream; all entries of an archive share one count."""

    def __init__(self, stream: BinaryIO, count: list[int]) -> None:
        self._stream, self._count = stream, count

    def readline(self, size: int = -1, /) -> bytes:
        """A line; raises `_TooMuch` beyond the bound."""
        line = self._stream.readline(size)
        self._count[0] += len(line)
        if self._count[0] > MOST_UNPACKED:
            raise _TooMuch
        return line


def read_archive(stream: BinaryIO, *, names: Names) -> Iterator[Item]:
    """The failures of all jobs; raises `Unreadable` at once for what is no zip. A broken entry costs itself alone."""
    try:
        archive = zipfile.ZipFile(stream)
        logs = logs_of(archive)
    except BROKEN as error:
        raise Unreadable(f"this zip cannot be read: {error}") from None
    if not logs:
        raise Unreadable("this zip holds no logs of GitHub Actions (JOB/1_STEP.txt, 0_JOB.txt)")
    return _failures(archive, logs, names=names)


def _failures(archive: zipfile.ZipFile, logs: list[Log], *, names: Names) -> Iterator[Item]:
    count, told = [0], JobLogs(names)
    with archive:
        for entry, job, step in logs:
            try:
                yield from told.failed_steps(_lines(archive, entry, job=job, step=step, count=count))
            except _TooMuch:
                yield Item(1, problem=f"the archive holds more than {MOST_UNPACKED} bytes; the rest is not read")
                return
            except BROKEN as error:
                yield Item(1, problem=f"{entry.filename[:200]} cannot be read: {error}")
    if told.lines and not told.are_logs:
        yield Item(1, problem=NO_LOG)


def logs_of(archive: zipfile.ZipFile) -> list[Log]:
    """Entries with job and step, in their order; of a job that has logs of its steps, not that of the whole as well."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"it has more than {MOST_ENTRIES} entries")
    steps: defaultdict[str, list[tuple[int, zipfile.ZipInfo, str]]] = defaultdict(list)
    whole: list[tuple[zipfile.ZipInfo, str]] = []
    for entry in entries:
        folder, _, name = entry.filename.rpartition("/")
        number, underscore, title = name.removesuffix(".txt").partition("_")
        if not (name.endswith(".txt") and underscore and number.isascii() and number.isdigit() and len(number) < 7):
            continue
        if folder:
            steps[folder].append((int(number), entry, title))
        else:
            whole.append((entry, title))
    found: list[Log] = [
        (entry, job, title) for job, each in steps.items() for _, entry, title in sorted(each, key=lambda one: one[0])
    ]
    return found + [(entry, job, None) for entry, job in whole if job not in steps]


def _lines(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, job: str, step: str | None, count: list[int]
) -> Iterator[LogLine]:
    with archive.open(entry) as stream:
        for number, line, size in bounded_lines(_Counted(stream, count), longest=LONGEST_LINE):  # type: ignore[arg-type]
            yield parse_line(line, number=number, size=size, job=job, step=step)
