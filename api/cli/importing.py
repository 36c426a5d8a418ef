"""Sending what was read, and what becomes of it: counts for people and programs, and the file of rejected lines."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from api.cli.asking import Document, Service
from api.cli.output import say, show_fields, show_json
from api.cli.progress import Advance, progress
from api.untrusted import one_line

if TYPE_CHECKING:
    from api.cli.source import Line

#: Rejections that are shown when there is no file for them.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that was not taken; `file` where there are several."""

    line: int
    problem: str
    file: str | None = None

    def document(self) -> Document:
        """For programs."""
        return ({"file": self.file} if self.file else {}) | {"line": self.line, "problem": self.problem}

    def shown(self) -> str:
        """For people."""
        return f"{self.file + ', ' if self.file else ''}line {self.line}: {one_line(self.problem)}"


@dataclass
class Imported:
    """What became of the lines so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    outcomes: int = 0
    indexed: bool | None = None
    first: list[RejectedLine] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many there were."""
        return self.accepted + self.duplicates + self.rejected

    def document(self) -> Document:
        """For programs."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "outcomes": self.outcomes,
            "indexed": self.indexed,
            "problems": [each.document() for each in self.first],
        }


@dataclass
class Sending:
    """What lines are sent with, and what is kept of it."""

    service: Service
    imported: Imported
    rejections: Rejections
    repeatable: bool = True


def send_all(lines: Iterable[Line], *, sending: Sending, advance: Advance) -> None:
    """Send lines chunk by chunk; `advance` is told the bytes that were read. Raises `ServiceTrouble`."""
    from api.cli.sending import MOST_BYTES, MOST_LINES, send  # noqa: PLC0415 - not needed for help
    from api.cli.source import chunks  # noqa: PLC0415

    imported = sending.imported
    for chunk in chunks(lines, most=MOST_LINES, most_bytes=MOST_BYTES):
        sent = send(chunk, service=sending.service, repeatable=sending.repeatable)
        imported.accepted += sent.accepted
        imported.duplicates += sent.duplicates
        imported.outcomes += sent.outcomes
        imported.rejected += len(sent.rejected)
        for line, problem in sent.rejected:
            sending.rejections.write(line, problem)
            if len(imported.first) < SHOWN:
                imported.first.append(RejectedLine(line.number, problem, line.file))
        advance(sum(line.size for line in chunk))


def wait_until_indexed(service: Service) -> bool:
    """Wait as long as the index worker gets on; False when it stands still."""
    from api.cli.sending import wait_indexed  # noqa: PLC0415

    with progress("indexing", total=None, unit="steps"):
        return wait_indexed(service)


@dataclass
class Rejections:
    """The file of rejected lines, if one was asked for."""

    stream: TextIO | None

    def write(self, line: Line, problem: str) -> None:
        """One object a line; bytes that are no UTF-8 are replaced."""
        if self.stream is not None:
            original = line.original.decode("utf-8", "replace").rstrip("\r\n")
            entry = RejectedLine(line.number, problem, line.file).document() | {"original": original}
            self.stream.write(json.dumps(entry, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def rejections_to(path: Path | None, *, beside: Iterable[str]) -> Iterator[Rejections]:
    """For its owner's eyes: what was rejected was not scrubbed either. Never a file `beside`, which is being read."""
    if path is None:
        yield Rejections(None)
        return
    if any(_same_file(path, each) for each in beside):
        raise click.UsageError("--rejected names the very file that is imported, which would be lost.")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise click.UsageError(f"--rejected: {error.strerror}: {path}") from None
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, for its mode
        yield Rejections(stream)


def _same_file(path: Path, name: str) -> bool:
    """By whatever name it is called; `-` is standard input, which may be a file."""
    with contextlib.suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(0) if name == "-" else Path(name).stat())
    return False


def show(imported: Imported, *, as_json: bool, title: str, rejected_file: Path | None) -> None:
    """What became of the lines."""
    if as_json:
        show_json(imported.document())
        return
    indexed = {None: "", True: "yes", False: "not yet: the index worker is behind"}[imported.indexed]
    counts = [
        ("accepted", str(imported.accepted)),
        ("duplicates", str(imported.duplicates)),
        ("rejected", str(imported.rejected)),
        ("outcomes of retries", str(imported.outcomes or "")),
        ("indexed", indexed),
    ]
    show_fields(counts, title=title)
    if imported.duplicates:
        say("Duplicates stay as they are, whatever the file says of them now.", err=True)
    if imported.rejected and rejected_file:
        say(f"Rejected lines and why: {rejected_file}", err=True)
    elif imported.rejected:
        for rejected in imported.first:
            say(rejected.shown(), err=True)
        if imported.rejected > len(imported.first):
            say(f"... and {imported.rejected - len(imported.first)} more: --rejected FILE keeps them all", err=True)
