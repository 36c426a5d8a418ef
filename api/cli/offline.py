"""What the commands share that work on the data folder or the servers themselves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from api.cli.output import say

if TYPE_CHECKING:
    from api.settings import Settings

T = TypeVar("T")

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


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end; what `knowledge` refuses is said as a command says it. Libraries keep quiet meanwhile."""
    from knowledge.errors import KnowledgeError  # noqa: PLC0415 - not needed for help

    with quiet():
        try:
            return asyncio.run(work())
        except KnowledgeError as error:
            raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is worth saying a command says itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def note(line: str) -> None:
    """What takes time, for people who wait."""
    say(f"{line} ...", err=True)
