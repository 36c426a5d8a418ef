"""The files of an import, each opened by its format: what was said, its extension, or how it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from api.cli.output import say
from api.untrusted import one_line

if TYPE_CHECKING:
    from api.cli.source import Ids, Line
    from ingest.items import Names

FORMATS = ("ndjson", "csv", "junit", "github-log")
EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xml": "junit",
    ".zip": "github-log",
}
#: Bytes that are looked at to tell a format by.
LOOKED_AT = 4_096
ZIP = b"PK\x03\x04"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read, as the command's options say."""

    kind: str | None
    given: Mapping[str, str]
    names: Names
    derive_id: bool = True
    delimiter: str | None = None


def open_lines(file: BinaryIO, *, reading: Reading) -> Iterator[Line]:
    """The lines of a file; raises `click.UsageError` where it cannot be read at all."""
    from api.cli import source  # noqa: PLC0415 - not needed for help
    from ingest.github_log import is_log_line  # noqa: PLC0415
    from ingest.items import Unreadable  # noqa: PLC0415

    start = _start(file)
    kind = reading.kind or kind_of(name_of(file), start, is_log_line=is_log_line)
    if kind is None:
        raise click.UsageError(f"Say what {name_of(file)} holds: --format {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    ids = source.Ids() if reading.derive_id else None
    if kind == "ndjson":
        return source.read_ndjson(file, given=reading.given, ids=ids, names=reading.names)
    if kind == "csv":
        return _table(file, reading=reading, ids=ids)
    try:
        return source.read_items(_items(file, kind=kind, start=start, names=reading.names))
    except Unreadable as problem:
        raise click.UsageError(f"{name_of(file)}: {one_line(str(problem))}") from None


def kind_of(name: str, start: bytes, *, is_log_line: Any) -> str | None:
    """The format, where extension or beginning make it clear."""
    if known := EXTENSIONS.get(Path(name).suffix.lower()):
        return known
    begins = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    if start.startswith(ZIP):
        return "github-log"
    if begins.startswith((b"<?xml", b"<testsuite")):
        return "junit"
    return "github-log" if is_log_line(begins.partition(b"\n")[0]) else None


def name_of(file: BinaryIO) -> str:
    """What people call it."""
    name = getattr(file, "name", None)
    return one_line(name) if isinstance(name, str) and name not in ("<stdin>", "-") else "the input"


def _start(file: BinaryIO) -> bytes:
    """The first bytes, which are read again later; none where the input cannot be looked into."""
    peek = getattr(file, "peek", None)
    if peek is not None:
        return bytes(peek(LOOKED_AT)[:LOOKED_AT])
    if file.seekable():
        here = file.tell()
        start = file.read(LOOKED_AT)
        file.seek(here)
        return start
    return b""


def _items(file: BinaryIO, *, kind: str, start: bytes, names: Names) -> Iterator[Any]:
    from ingest.github_archive import read_archive  # noqa: PLC0415 - not needed for help
    from ingest.github_log import read_log  # noqa: PLC0415
    from ingest.items import Unreadable  # noqa: PLC0415
    from ingest.junit import read_junit  # noqa: PLC0415

    if kind == "junit":
        return read_junit(file, names=names)
    if start.startswith(ZIP):
        if not file.seekable():
            raise Unreadable("a zip is read from a file; it cannot come through a pipe")
        return read_archive(file, names=names)
    return read_log(file, names=names)


def _table(file: BinaryIO, *, reading: Reading, ids: Ids | None) -> Iterator[Line]:
    from api.cli import source  # noqa: PLC0415 - not needed for help
    from ingest.csv import CsvFile, CsvProblem  # noqa: PLC0415

    delimiter = reading.delimiter or ("\t" if Path(name_of(file)).suffix.lower() == ".tsv" else ",")
    if len(delimiter) != 1 or (not delimiter.isprintable() and delimiter != "\t"):
        raise click.UsageError("--delimiter takes one character")
    try:
        table = CsvFile(file, given=reading.given, delimiter=delimiter)
    except CsvProblem as problem:
        raise click.UsageError(one_line(str(problem))) from None
    if table.map.unused:
        names = ", ".join(table.map.unused)
        say(f"Columns that are not imported (map them with --map, e.g. environment.NAME=COLUMN): {names}", err=True)
    return source.read_csv(table, ids=ids, names=reading.names)
