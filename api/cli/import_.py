"""`seenbefore import`: failures from files of several formats, streamed to the running service."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from api.cli.asking import Target, connect, target_options
from api.cli.importing import Imported, Sending, rejections_to, send_all, show, wait_until_indexed
from api.cli.opening import FORMATS, Reading, open_lines
from api.cli.output import json_option, say
from api.cli.progress import progress

if TYPE_CHECKING:
    from api.cli.source import Line

EPILOG = (
    "Importing a file twice makes no duplicates: a failure without external_id gets one from its content. "
    "Exit codes: 0 all taken, 1 lines were rejected, 2 wrong usage, 3 the service cannot be reached or refuses."
)


@click.command("import", epilog=EPILOG)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
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
@click.option("--attempt", type=click.IntRange(1, 1_000_000), help="Attempt of the run, where lines do not say.")
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
    files: tuple[str, ...],
    kind: str | None,
    pipeline: str | None,
    step: str | None,
    run_id: str | None,
    attempt: int | None,
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
    names = Names(pipeline=pipeline, step=step, run_id=run_id, attempt=attempt)
    reading = Reading(kind, given, names, derive_id=derive_id, delimiter=delimiter)
    imported = Imported()
    with (
        _opened(files, reading=reading) as lines,
        connect(target) as service,
        rejections_to(rejected_file, beside=files) as rejections,
    ):
        try:
            sending = Sending(service, imported, rejections, repeatable=derive_id)
            with progress("importing", total=_size(files), unit="bytes") as advance:
                send_all(lines, sending=sending, advance=advance)
            if wait:
                imported.indexed = wait_until_indexed(service)
        except (click.ClickException, KeyboardInterrupt):
            show(imported, as_json=as_json, title="Import broken off", rejected_file=rejected_file)
            if derive_id:
                say("Import the file again to go on; what was taken is not taken twice.", err=True)
            raise
    show(imported, as_json=as_json, title="Import", rejected_file=rejected_file)
    if not imported.lines:
        say("There is no failure in it." if len(files) == 1 else "There is no failure in these files.", err=True)
    if imported.rejected:
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _opened(files: Sequence[str], *, reading: Reading) -> Iterator[Iterator[Line]]:
    """The lines of all files. One alone is opened at once, so that wrong usage is told before anything is sent."""
    if len(files) > 1:
        yield chain.from_iterable(_one_of_several(file, reading=reading) for file in files)
        return
    with _open(files[0]) as file:
        yield open_lines(file, reading=reading)


def _one_of_several(name: str, *, reading: Reading) -> Iterator[Line]:
    """The lines of a file, opened when its turn comes: there may be thousands. One that cannot be read costs itself."""
    from api.cli.source import Line  # noqa: PLC0415 - not needed for help

    try:
        with _open(name) as file:
            yield from (replace(line, file=name) for line in open_lines(file, reading=reading))
    except click.UsageError as problem:
        yield Line(1, b"", 0, problem=problem.message, file=name)


@contextlib.contextmanager
def _open(name: str) -> Iterator[BinaryIO]:
    """A file, or standard input; raises `click.UsageError`."""
    try:
        opened = click.open_file(name, "rb")
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from None
    with opened as file:
        yield cast("BinaryIO", file)


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


def _size(files: Iterable[str]) -> int | None:
    """Bytes, where all inputs are files whose bytes are read one after the other."""
    total = 0
    for name in files:
        if name.lower().endswith(".zip"):
            return None
        with contextlib.suppress(OSError):
            total += Path(name).stat().st_size
    return total or None
