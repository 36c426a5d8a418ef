"""`seenbefore import`: failures from files of several formats, streamed to the running service."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from api.cli.asking import Target, connect, target_options
from api.cli.importing import Outcome, Sending, rejections_to, send_all, show, wait_until_indexed
from api.cli.opening import FORMATS, Reading, name_of, open_lines
from api.cli.output import json_option, say
from api.cli.progress import progress

if TYPE_CHECKING:
    from api.cli.source import Line

EPILOG = (
    "Importing a file twice makes no duplicates: a failure without external_id gets one from its content. "
    "Exit codes: 0 all taken, 1 lines were rejected, 2 wrong usage, 3 the service cannot be reached or refuses."
)


@click.command("import", epilog=EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.File("rb"))
@click.option("--format", "kind", type=click.Choice(FORMATS), help="What FILE holds.  [default: as it looks]")
@click.option("--junit", "kind", flag_value="junit", help="JUnit XML, of pytest, surefire, gradle and others.")
@click.option(
    "--github-log",
    "kind",
    flag_value="github-log",
    help="A log of GitHub Actions: of gh run view --log or --log-failed, of one job, or the zip of all.",
)
@click.option("--pipeline", metavar="NAME", help="Pipeline of the failures, where it is not the suite or the job.")
@click.option("--step", metavar="NAME", help="Step of the failures, where it is not the class or the step of the job.")
@click.option("--run-id", metavar="ID", help="Run of the failures.")
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
    files: tuple[BinaryIO, ...],
    kind: str | None,
    pipeline: str | None,
    step: str | None,
    run_id: str | None,
    maps: tuple[str, ...],
    external_id_column: str | None,
    derive_id: bool,
    delimiter: str | None,
    rejected_file: Path | None,
    wait: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Import failures from each FILE (- for standard input).

    NDJSON has one incident a line, CSV a header. Of JUnit XML every test that failed is taken, of a log of GitHub
    Actions every step that did.
    """
    from ingest.items import Names  # noqa: PLC0415 - not needed for help

    given = parse_maps(maps, external_id=external_id_column)
    names = Names(pipeline=pipeline, step=step, run_id=run_id)
    reading = Reading(kind, given, names, derive_id=derive_id, delimiter=delimiter)
    lines = chain.from_iterable([_named(file, reading=reading, among=len(files)) for file in files])
    outcome = Outcome()
    with connect(target) as service, rejections_to(rejected_file, beside=files) as rejections:
        try:
            sending = Sending(service, outcome, rejections, repeatable=derive_id)
            with progress("importing", total=_size(files), unit="bytes") as advance:
                send_all(lines, sending=sending, advance=advance)
            if wait:
                outcome.indexed = wait_until_indexed(service)
        except (click.ClickException, KeyboardInterrupt):
            show(outcome, as_json=as_json, title="Import broken off", rejected_file=rejected_file)
            if derive_id:
                say("Import the file again to go on; what was taken is not taken twice.", err=True)
            raise
    show(outcome, as_json=as_json, title="Import", rejected_file=rejected_file)
    if outcome.rejected:
        raise click.exceptions.Exit(1)


def _named(file: BinaryIO, *, reading: Reading, among: int) -> Iterator[Line]:
    """The lines of a file, with its name where there are several. Opened at once: wrong usage is told before all."""
    lines = open_lines(file, reading=reading)
    return (replace(line, file=name_of(file)) for line in lines) if among > 1 else lines


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


def _size(files: Iterable[BinaryIO]) -> int | None:
    """Bytes, where all inputs are files whose bytes are read one after the other."""
    total = 0
    for file in files:
        if name_of(file).lower().endswith(".zip"):
            return None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            total += os.fstat(file.fileno()).st_size
    return total or None
