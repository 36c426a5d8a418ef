"""What the commands share that work on the data folder or the servers themselves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from api.cli.output import say

if TYPE_CHECKING:
    from api.settings import Settings

T = TypeVar("T")
ENDING = (signal.SIGTERM, signal.SIGHUP)

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder of the service.  [default: SEENBEFORE_DATA, or data]",
)


def read_settings(*, data: Path | None, **given: object) -> Settings:
    """The service's settings; raises a usage error."""
    from api.settings import SettingsError, load_settings  # noqa: PLC0415 - not needed for help

    try:
        return load_settings(data=data, **given)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def settings_in_use(*, data: Path | None) -> Settings:
    """The service's settings, where a service has kept its data with them: a misspelt folder is refused, not made."""
    settings = read_settings(data=data)
    if settings.database_url is None and not (settings.data / "postgres").is_dir():
        raise click.ClickException(
            f"{settings.data} is no data folder of a service; name it with --data. "
            f"A new one is made by: seenbefore serve --data {settings.data}"
        )
    return settings


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end; what `knowledge` refuses is said as a command says it."""
    with refusing():
        return asyncio.run(work())


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """What `knowledge` refuses within is said as a command says it. Libraries keep quiet meanwhile.

    Whoever ends the command by a signal has what it began ended as well: programs, servers, folders.
    """
    from knowledge.errors import KnowledgeError  # noqa: PLC0415 - not needed for help

    with quiet(), ending_in_order():
        try:
            yield
        except KnowledgeError as error:
            raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP are taken as Ctrl-C, which leaves nothing behind."""
    if threading.current_thread() is not threading.main_thread():  # where a program calls a command of ours
        yield
        return
    before = {each: signal.signal(each, lambda *_: signal.raise_signal(signal.SIGINT)) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is worth saying a command says itself."""
    from api.logs import Bare  # noqa: PLC0415 - not needed for help

    before, bare = logging.root.manager.disable, Bare()
    if logging.lastResort is not None:  # it writes errors where no log is set up
        logging.lastResort.addFilter(bare)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        if logging.lastResort is not None:
            logging.lastResort.removeFilter(bare)


def note(line: str) -> None:
    """What takes time, for people who wait."""
    say(f"{line} ...", err=True)
