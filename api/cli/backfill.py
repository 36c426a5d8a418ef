"""`seenbefore backfill`: what schedulers and trackers still know of failed runs becomes incidents."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from api.cli.asking import CONNECT_S, ServiceTrouble, Target, connect, is_local, target_options
from api.cli.importing import Imported, Sending, rejections_to, send_all, show
from api.cli.output import json_option, say, show_fields, show_json
from api.cli.progress import progress
from api.untrusted import one_line

if TYPE_CHECKING:
    from ingest.backfill.asking import Paced
    from ingest.backfill.spans import History, Span

EPILOG = (
    "Reading a history twice makes no duplicates. Broken off, it goes on where it was the next time. Exit codes: 0 all "
    "taken, 1 failures were rejected, 2 wrong usage, 3 the service or the server cannot be reached or refuses."
)
#: Seconds until a server's answer begins: a log may have to be fetched from elsewhere.
ANSWER_S = 120.0
#: What ended so lately is read again the next time: its log may not have come yet.
SETTLES = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of all backfills say."""

    since: str
    until: str | None
    per_second: float
    dry_run: bool
    mark: Path | None
    restart: bool
    rejected_file: Path | None
    as_json: bool
    target: Target


def shared_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of all backfills; the command gets `asked`."""

    @click.option("--since", default="30d", show_default=True, help="Runs that ended since: 30d, 12h, 2w, or a time.")
    @click.option("--until", help="Runs that ended before that.  [default: now]")
    @click.option(
        "--per-second",
        type=click.FloatRange(0.01, 100),
        default=5.0,
        show_default=True,
        help="Requests a second at most. A server that is busy is waited for.",
    )
    @click.option("--dry-run", is_flag=True, help="Count what would be read, and record nothing.")
    @click.option(
        "--mark",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where it is kept how far this came.  [default: a file in your state folder]",
    )
    @click.option("--restart", is_flag=True, help="Read all of the time again, whatever was read before.")
    @click.option(
        "--rejected",
        "rejected_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write failures that are not taken here, as NDJSON.",
    )
    @json_option
    @target_options
    @functools.wraps(function)
    def with_options(*, address: str, **given: Any) -> None:
        names = Asked.__slots__
        function(address=address, asked=Asked(**{name: given.pop(name) for name in names}), **given)

    return with_options


@click.group("backfill")
def command() -> None:
    """Import failures from the history of Airflow, Prefect or MLflow."""


@command.command("airflow", epilog=EPILOG)
@click.argument("address")
@shared_options
def airflow(*, address: str, asked: Asked) -> None:
    """Import task instances that failed from the Airflow 3 at ADDRESS, with the end of their logs.

    A try that failed gets the outcome of the next one. Who asks: AIRFLOW_CLI_TOKEN, or AIRFLOW_CLI_USERNAME and
    AIRFLOW_CLI_PASSWORD, in the environment.
    """
    from ingest.backfill.airflow import Airflow, log_in  # noqa: PLC0415 - not needed for help

    token, user = os.environ.get("AIRFLOW_CLI_TOKEN"), os.environ.get("AIRFLOW_CLI_USERNAME")
    if not token and user:
        with _asking(address, asked=asked, headers={}) as paced, _troubles():
            token = log_in(paced, username=user, password=os.environ.get("AIRFLOW_CLI_PASSWORD", ""))
    with _asking(address, asked=asked, headers=_bearer(token)) as paced:
        _backfill(Airflow(paced), source=f"airflow {address}", asked=asked)


@command.command("prefect", epilog=EPILOG)
@click.argument("address", envvar="PREFECT_API_URL")
@shared_options
def prefect(*, address: str, asked: Asked) -> None:
    """Import task and flow runs that failed from the Prefect 3 at ADDRESS, with the end of their logs.

    ADDRESS ends in /api, as PREFECT_API_URL does, which stands in for it. A task run that passed after a retry gives
    the attempt before, with its outcome. Who asks: PREFECT_API_KEY or PREFECT_API_AUTH_STRING in the environment.
    """
    from ingest.backfill.prefect import Prefect  # noqa: PLC0415 - not needed for help

    name, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    headers = _bearer(os.environ.get("PREFECT_API_KEY"))
    with _asking(address, asked=asked, headers=headers, basic=(name, password) if colon else None) as paced:
        _backfill(Prefect(paced), source=f"prefect {address}", asked=asked)


@command.command("mlflow", epilog=EPILOG)
@click.argument("address", envvar="MLFLOW_TRACKING_URI")
@shared_options
def mlflow(*, address: str, asked: Asked) -> None:
    """Import runs that failed from the MLflow 3 tracking server at ADDRESS, with what their artifacts say.

    MLFLOW_TRACKING_URI stands in for ADDRESS. Runs without an artifact such as stderr.log or logs/traceback.txt are
    left out. Who asks: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in the
    environment.
    """
    from ingest.backfill.mlflow import Mlflow  # noqa: PLC0415 - not needed for help

    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    basic = (name, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if name else None
    headers = _bearer(os.environ.get("MLFLOW_TRACKING_TOKEN"))
    with _asking(address, asked=asked, headers=headers, basic=basic) as paced:
        _backfill(Mlflow(paced), source=f"mlflow {address}", asked=asked)


def _bearer(token: str | None) -> dict[str, str]:
    if token and not (token.isascii() and token.isprintable()):
        raise click.UsageError("The token in the environment holds characters that it cannot have")
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextlib.contextmanager
def _asking(
    address: str, *, asked: Asked, headers: Mapping[str, str], basic: tuple[str, str] | None = None
) -> Iterator[Paced]:
    """The server at an address. It is not redirected: a token goes where it was meant to."""
    import httpx  # noqa: PLC0415 - not needed for help

    from ingest.backfill.asking import Paced  # noqa: PLC0415

    if not _is_address(address):
        raise click.UsageError("ADDRESS takes the server's address, such as http://127.0.0.1:8080")
    with httpx.Client(
        base_url=address.rstrip("/") + "/",
        headers=dict(headers),
        auth=basic if basic and not headers else None,
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        trust_env=not is_local(Target(address)),
    ) as client:
        yield Paced(client, per_second=asked.per_second)


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _backfill(history: History, *, source: str, asked: Asked) -> None:
    """Count, or read and send what is left of the span, and say what became of it."""
    from ingest.backfill.spans import Mark  # noqa: PLC0415 - not needed for help

    now = datetime.now(UTC)
    span = _span(asked, now=now)
    if asked.dry_run:
        _count(history, span, as_json=asked.as_json)
        return
    mark = Mark(asked.mark or _state_folder() / "backfill.json", key=_key(source, asked.target))
    left = span if asked.restart else mark.left_of(span)
    if left.since > span.since:
        say(f"Read up to {left.since:%Y-%m-%d %H:%M} before; --restart reads it again.", err=True)
    imported, begun = Imported(), False
    with connect(asked.target) as service, rejections_to(asked.rejected_file, beside=()) as rejections:
        try:
            sending = Sending(service, imported, rejections)

            def done(until: datetime) -> None:
                nonlocal begun
                begun = True
                mark.move(since=span.since, done=min(until, now - SETTLES))

            _read_all(history, left, sending=sending, done=done)
        except (click.ClickException, KeyboardInterrupt):
            show(imported, as_json=asked.as_json, title="Backfill broken off", rejected_file=asked.rejected_file)
            if begun or imported.lines:
                say("The same command goes on; what was taken is not taken twice.", err=True)
            raise
    show(imported, as_json=asked.as_json, title="Backfill", rejected_file=asked.rejected_file)
    if history.silent:
        say(f"{history.silent} left out: nothing is kept of why they failed", err=True)
    elif not imported.lines:
        say(f"Nothing failed there from {left.since:%Y-%m-%d %H:%M} to {left.until:%Y-%m-%d %H:%M} UTC.", err=True)
    if imported.rejected:
        raise click.exceptions.Exit(1)


def _span(asked: Asked, *, now: datetime) -> Span:
    from ingest.backfill.spans import Span, read_time  # noqa: PLC0415 - not needed for help

    try:
        until = read_time(asked.until, now=now) if asked.until else now
        span = Span(read_time(asked.since, now=now), min(until, now))
    except (ValueError, OverflowError):
        raise click.UsageError("--since and --until take 30d, 12h, 2w or a time such as 2026-11-20") from None
    if span.since >= span.until:
        raise click.UsageError("--since has to be before --until, and before now")
    return span


def _read_all(history: History, span: Span, *, sending: Sending, done: Callable[[datetime], None]) -> None:
    """Window by window, the oldest first; each is marked as done once all of it was taken."""
    from api.cli.source import read_items  # noqa: PLC0415 - not needed for help

    numbers, windows = count(1), span.windows()
    with progress("reading days", total=len(windows), unit="steps") as advance, _troubles():
        for window in windows:
            items = history.failures(window.since, window.until)
            numbered = (replace(item, number=next(numbers)) for item in items)
            send_all(read_items(numbered), sending=sending, advance=lambda _: None)
            done(window.until)
            advance(1)


def _count(history: History, span: Span, *, as_json: bool) -> None:
    with progress("counting days", total=len(span.windows()), unit="steps") as advance, _troubles():
        total = 0
        for window in span.windows():
            total += history.count(window.since, window.until)
            advance(1)
    if as_json:
        show_json({"runs": total, "since": span.since.isoformat(), "until": span.until.isoformat()})
    else:
        when = f"{span.since:%Y-%m-%d %H:%M} to {span.until:%Y-%m-%d %H:%M} UTC"
        show_fields([("runs", str(total)), ("ended", when)], title="Would be read")


@contextlib.contextmanager
def _troubles() -> Iterator[None]:
    """What the server refuses, as commands tell it."""
    from ingest.backfill.asking import HistoryTrouble  # noqa: PLC0415 - not needed for help

    try:
        yield
    except HistoryTrouble as trouble:
        raise ServiceTrouble(one_line(str(trouble))) from None


def _state_folder() -> Path:
    """Where programs keep what they were doing."""
    given = os.environ.get("XDG_STATE_HOME")
    return (Path(given) if given else Path.home() / ".local" / "state") / "seenbefore"


def _key(source: str, target: Target) -> str:
    """What was read for whom; a hash, for addresses may hold names and passwords."""
    who = (source, target.shown, target.workspace, target.api_key)
    return hashlib.sha256(repr(who).encode()).hexdigest()[:32]
