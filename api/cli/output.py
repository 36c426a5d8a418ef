"""What commands print: tables and panels on a terminal, plain lines on a pipe, JSON for programs.

Everything printed passes `harmless`, so that error text can do nothing to a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from api.untrusted import harmless, one_line

if TYPE_CHECKING:
    from rich.console import Console

#: Colours of the words that people look for; all other text keeps the terminal's own.
STYLES = {
    "transient": "yellow",
    "genuine": "red",
    "retry": "yellow",
    "fail": "red",
    "ok": "green",
    "warn": "yellow",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def is_terminal() -> bool:
    """Whether a person sees what is printed."""
    return sys.stdout.isatty()


def say(text: str = "", *, err: bool = False) -> None:
    """Print a text, whatever the encoding of the stream."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(harmless(text).encode(encoding, "replace").decode(encoding), err=err)


def show_json(document: Any) -> None:
    """A document as JSON."""
    say(as_json(document))


def as_json(document: Any) -> str:
    """A document as JSON; characters that a terminal would act on are escaped, so that none is lost."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    if harmless(text) == text:
        return text
    return "".join(char if harmless(char) == char else json.dumps(char)[1:-1] for char in text)


def show_fields(fields: Sequence[tuple[str, str]], *, title: str) -> None:
    """Names and values, one a line; on a terminal in a panel. Fields without a value are left out."""
    shown = [(name, value) for name, value in fields if value]
    if not is_terminal():
        for name, value in shown:
            say(f"{name}: {one_line(value)}")
        return
    from rich.panel import Panel  # noqa: PLC0415 - only where a terminal shows it
    from rich.table import Table  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in shown:
        grid.add_row(name, _text(value))
    _console().print(Panel(grid, title=_text(title), title_align="left", expand=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Rows under columns; on a pipe with tabs between the cells."""
    if not is_terminal():
        for row in (columns, *rows):
            say("\t".join(one_line(cell) for cell in row))
        return
    from rich.table import Table  # noqa: PLC0415 - only where a terminal shows it

    table = Table(title=_text(title) if title else None, title_justify="left", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_text(one_line(cell)) for cell in row))
    _console().print(table)


def _text(value: str) -> Any:
    from rich.text import Text  # noqa: PLC0415

    return Text(harmless(value), style=STYLES.get(value.partition(" ")[0].rstrip(","), ""))


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    return Console(markup=False, emoji=False, highlight=False)
