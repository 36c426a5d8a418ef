"""`seenbefore import`: failures from NDJSON or CSV, streamed to the running service."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from api.cli.asking import Document, Service, Target, connect, target_options
from api.cli.output import json_option, say, show_fields, show_json
from api.cli.progress import progress
from api.cli.untrusted import one_line

if TYPE_CHECKING:
    from api.cli.source import Line

EPILOG = (
    "Importing a file twice makes no duplicates: a line without external_id gets one from its content. "
    "Exit codes: 0 all taken, 1 lines were rejected, 2 wrong usage, 3 the service cannot be reached or refuses."
)
#: Rejections that are shown when there is no file for them.
SHOWN = 10
FORMATS = {".csv": "csv", ".tsv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


@dataclass
class Outcome:
    """What became of the lines so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    indexed: bool | None = None
    first: list[tuple[int, str]] = field(default_factory=list)

    def document(self) -> Document:
        """For programs."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "indexed": self.indexed,
            "problems": [{"line": line, "problem": problem} for line, problem in self.first],
        }


@click.command("import", epilog=EPILOG)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--format", "kind", type=click.Choice(["ndjson", "csv"]), help="What FILE holds.  [default: by its extension]"
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Take a field from this column (CSV) or key (NDJSON), e.g. text=error_message. Repeatable.",
)
@click.option("--external-id-column", metavar="COLUMN", help="Column or key with your own id of the failure.")
@click.option("--derive-id/--no-derive-id", default=True, show_default=True, help="Make an id where there is none.")
@click.option("--delimiter", help="Between the cells of CSV.  [default: a comma; a tab for .tsv]")
@click.option(
    "--rejected",
    "rejected_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write rejected lines here, as NDJSON: line, problem, original.",
)
@click.option("--wait", is_flag=True, help="End only when what was imported can be found as a neighbour.")
@json_option
@target_options
def command(
    *,
    file: BinaryIO,
    kind: str | None,
    maps: tuple[str, ...],
    external_id_column: str | None,
    derive_id: bool,
    delimiter: str | None,
    rejected_file: Path | None,
    wait: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Import failures from FILE (- for standard input): NDJSON, one incident a line, or CSV with a header."""
    given = parse_maps(maps, external_id=external_id_column)
    lines = open_lines(file, kind=kind, given=given, derive_id=derive_id, delimiter=delimiter)
    outcome = Outcome()
    with connect(target) as service, _rejections(rejected_file, beside=file) as rejections:
        try:
            _send_all(lines, service=service, outcome=outcome, rejections=rejections, file=file, repeatable=derive_id)
            if wait:
                outcome.indexed = _wait(service)
        except (click.ClickException, KeyboardInterrupt):
            _show(outcome, as_json=as_json, title="Import broken off", rejected_file=rejected_file)
            if derive_id:
                say("Import the file again to go on; what was taken is not taken twice.", err=True)
            raise
    _show(outcome, as_json=as_json, title="Import", rejected_file=rejected_file)
    if outcome.rejected:
        raise click.exceptions.Exit(1)


def parse_maps(maps: tuple[str, ...], *, external_id: str | None) -> dict[str, str]:
    """Field to column; raises a usage error."""
    from ingest.csv import CsvProblem, check_fields  # noqa: PLC0415 - not needed for help

    given: dict[str, str] = {"external_id": external_id} if external_id else {}
    for each in maps:
        name, equals, column = each.partition("=")
        if not equals or not name or not column or name in given:
            raise click.UsageError(f"--map takes FIELD=COLUMN, each field once; not {each!r}")
        given[name] = column
    try:
        check_fields(given)
    except CsvProblem as problem:
        raise click.UsageError(f"--map: {problem}") from None
    return given


def open_lines(
    file: BinaryIO, *, kind: str | None, given: dict[str, str], derive_id: bool, delimiter: str | None
) -> Iterator[Line]:
    """The lines of the file, by its format."""
    from api.cli import source  # noqa: PLC0415 - not needed for help
    from ingest.csv import CsvFile, CsvProblem  # noqa: PLC0415

    ids = source.Ids() if derive_id else None
    suffix = Path(str(getattr(file, "name", ""))).suffix.lower()
    kind = kind or FORMATS.get(suffix)
    if kind is None:
        raise click.UsageError("Say what the input holds: --format ndjson or --format csv")
    if kind == "ndjson":
        return source.read_ndjson(file, given=given, ids=ids)
    delimiter = delimiter or ("\t" if suffix == ".tsv" else ",")
    if len(delimiter) != 1 or (not delimiter.isprintable() and delimiter != "\t"):
        raise click.UsageError("--delimiter takes one character")
    try:
        table = CsvFile(file, given=given, delimiter=delimiter)
    except CsvProblem as problem:
        raise click.UsageError(one_line(str(problem))) from None
    if table.map.unused:
        names = ", ".join(table.map.unused)
        say(f"Columns that are not imported (map them with --map, e.g. environment.NAME=COLUMN): {names}", err=True)
    return source.read_csv(table, ids=ids)


def _send_all(
    lines: Iterator[Line],
    *,
    service: Service,
    outcome: Outcome,
    rejections: Rejections,
    file: BinaryIO,
    repeatable: bool,
) -> None:
    from api.cli.sending import MOST_BYTES, MOST_LINES, send  # noqa: PLC0415 - not needed for help
    from api.cli.source import chunks  # noqa: PLC0415

    with progress("importing", total=_size(file), unit="bytes") as advance:
        for chunk in chunks(lines, most=MOST_LINES, most_bytes=MOST_BYTES):
            sent = send(chunk, service=service, repeatable=repeatable)
            outcome.accepted += sent.accepted
            outcome.duplicates += sent.duplicates
            outcome.rejected += len(sent.rejected)
            for line, problem in sent.rejected:
                rejections.write(line, problem)
                if len(outcome.first) < SHOWN:
                    outcome.first.append((line.number, problem))
            advance(sum(line.size for line in chunk))


def _wait(service: Service) -> bool:
    """Wait as long as the index worker gets on; False when it stands still."""
    from api.cli.sending import wait_indexed  # noqa: PLC0415

    with progress("indexing", total=None, unit="steps"):
        return wait_indexed(service)


def _size(file: BinaryIO) -> int | None:
    """Bytes, where the input is a file."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        status = os.fstat(file.fileno())
        return status.st_size or None
    return None


@dataclass
class Rejections:
    """The file of rejected lines, if one was asked for."""

    stream: TextIO | None

    def write(self, line: Line, problem: str) -> None:
        """One object a line; bytes that are no UTF-8 are replaced."""
        if self.stream is not None:
            original = line.original.decode("utf-8", "replace").rstrip("\r\n")
            entry = {"line": line.number, "problem": problem, "original": original}
            self.stream.write(json.dumps(entry, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _rejections(path: Path | None, *, beside: BinaryIO) -> Iterator[Rejections]:
    """For its owner's eyes: what was rejected was not scrubbed either. Never the file `beside`, which is being read."""
    if path is None:
        yield Rejections(None)
        return
    if _same_file(path, beside):
        raise click.UsageError("--rejected names the very file that is imported, which would be lost.")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise click.UsageError(f"--rejected: {error.strerror}: {path}") from None
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor, for its mode
        yield Rejections(stream)


def _same_file(path: Path, stream: BinaryIO) -> bool:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    return False


def _show(outcome: Outcome, *, as_json: bool, title: str, rejected_file: Path | None) -> None:
    if as_json:
        show_json(outcome.document())
        return
    indexed = {None: "", True: "yes", False: "not yet: the index worker is behind"}[outcome.indexed]
    counts = [
        ("accepted", str(outcome.accepted)),
        ("duplicates", str(outcome.duplicates)),
        ("rejected", str(outcome.rejected)),
        ("indexed", indexed),
    ]
    show_fields(counts, title=title)
    if outcome.duplicates:
        say("Duplicates stay as they are, whatever the file says of them now.", err=True)
    if outcome.rejected and rejected_file:
        say(f"Rejected lines and why: {rejected_file}", err=True)
    elif outcome.rejected:
        for line, problem in outcome.first:
            say(f"line {line}: {one_line(problem)}", err=True)
        if outcome.rejected > len(outcome.first):
            say(f"... and {outcome.rejected - len(outcome.first)} more: --rejected FILE keeps them all", err=True)
