"""A progress bar with the time that is left, on a terminal; nothing on a pipe. Written to standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Literal

Advance = Callable[[int], None]


@contextlib.contextmanager
def progress(label: str, *, total: int | None, unit: Literal["bytes", "steps"]) -> Iterator[Advance]:
    """Call what is yielded with how much was done since. `total` is None when nobody knows."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress as bars  # noqa: PLC0415 - only where a terminal shows it
    from rich.console import Console  # noqa: PLC0415

    amount = bars.DownloadColumn() if unit == "bytes" else bars.MofNCompleteColumn()
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.TimeElapsedColumn())
    known = (amount, bars.TextColumn("left"), bars.TimeRemainingColumn()) if total else ()
    with bars.Progress(*columns, *known, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=total)
        yield lambda done: shown.update(task, advance=done)
