"""`seenbefore replay`: past failures asked again, to see what the advice would have saved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from api.cli.offline import data_option, note, read_settings, run
from api.cli.output import json_option, say, show_fields, show_json, show_table
from api.cli.progress import Advance, progress
from api.untrusted import one_line
from api.wording import counted

if TYPE_CHECKING:
    from ingest.history import History
    from knowledge.advisor.replay_report import Replayed, Report, Span
    from knowledge.replaying import Untaken

EPILOG = (
    "HISTORY: lines of an import with occurred_at, verdict, cause and resolution where they are known, and "
    '"outcome": {"result", "attempt", "waited_s"} of the retries, "retries": how many were made, "wasted_hours" or '
    '"spent": what they cost, "known_at": when all this was known. '
    "Exit codes: 0 all replayed, 1 lines were rejected, 2 wrong usage or nothing to replay."
)
#: Rejections that are shown.
SHOWN = 10
BAR = 20
PLOTS = (".svg", ".png", ".pdf")


@click.command("replay", epilog=EPILOG)
@click.argument("history", type=click.File("rb"))
@click.option(
    "--delay",
    type=click.FloatRange(0, 87_600),
    default=0.0,
    show_default=True,
    metavar="HOURS",
    help="How long after a failure it is known what it was, where the line has no known_at.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a plot here: .svg, .png or .pdf (needs the extra `plot`).",
)
@data_option
@json_option
def command(*, history: BinaryIO, delay: float, plot: Path | None, data: Path | None, as_json: bool) -> None:
    """Run the advisor over the past failures of HISTORY (- for standard input), NDJSON, in the order of their times.

    Each is judged only by what was known before it, beginning with nothing but the documented failures. Runs by itself,
    in a temporary folder: neither a service nor its data are touched (--data only lends the converted model).
    """
    # One thread, as in `serve`: the products are too small to share, and BLAS threads spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    check_plot(plot)
    settings = read_settings(data=data)
    read = read_lines(history)
    if not read.pasts:
        _show_problems(read.problems)
        raise click.UsageError("There is no failure in the history that can be replayed.")

    async def work() -> list[Replayed | Untaken]:
        from api.replay import replay  # noqa: PLC0415 - not needed for help

        with contextlib.ExitStack() as stack:
            shown = _Bar(stack, total=len(read.pasts))
            return await replay(
                read.pasts, settings=settings, delay=timedelta(hours=delay), say=note, advance=shown.advance
            )

    found, problems = _sorted_out(run(work), problems=read.problems)
    if plot is not None:
        from api.cli.replay_plot import write_plot  # noqa: PLC0415 - matplotlib

        write_plot(found, plot)
    _show(found, problems=problems, as_json=as_json)
    if problems:
        raise click.exceptions.Exit(1)


class _Bar:
    """A bar that begins with the first failure: starting up says itself how long it takes."""

    def __init__(self, stack: contextlib.ExitStack, *, total: int) -> None:
        self._stack = stack
        self._total = total
        self._advance: Advance | None = None

    def advance(self, done: int) -> None:
        """So many failures were asked since."""
        if self._advance is None:
            self._advance = self._stack.enter_context(progress("replaying", total=self._total, unit="steps"))
        self._advance(done)


def check_plot(path: Path | None) -> None:
    """Before minutes of work: whether the plot can be written; raises a usage error."""
    if path is None:
        return
    if path.suffix.lower() not in PLOTS:
        raise click.UsageError(f"--plot takes a file that ends in {', '.join(PLOTS)}")
    if not path.parent.is_dir():
        raise click.UsageError(f"--plot: there is no folder {path.parent}")
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("matplotlib") is None:
        raise click.UsageError("--plot needs matplotlib: pip install 'seenbefore-server[plot]'")


def read_lines(stream: BinaryIO) -> History:
    """The history, with the lines that cannot be taken."""
    from api.cli.source import LONGEST_LINE  # noqa: PLC0415 - not needed for help
    from ingest.bounded import bounded_lines  # noqa: PLC0415
    from ingest.history import read_history  # noqa: PLC0415

    def lines() -> Iterator[tuple[int, bytes | None]]:
        for number, line, size in bounded_lines(stream, longest=LONGEST_LINE):
            yield number, line if size <= LONGEST_LINE else None

    return read_history(lines())


def _sorted_out(
    told: list[Replayed | Untaken], *, problems: tuple[tuple[int, str], ...]
) -> tuple[Report, list[tuple[int, str]]]:
    from knowledge.advisor.replay_report import Replayed, report  # noqa: PLC0415 - not needed for help

    refused = [(each.number, each.problem) for each in told if not isinstance(each, Replayed)]
    return report([each for each in told if isinstance(each, Replayed)]), sorted([*problems, *refused])


def _show(found: Report, *, problems: list[tuple[int, str]], as_json: bool) -> None:
    if as_json:
        rejected = [{"line": line, "problem": problem} for line, problem in problems]
        show_json(found.document() | {"rejected": rejected})
        return
    show_fields(summary(found), title="Replay")
    columns = ("failures until", "right when answered", "", "answered", "hours saved", "wrongly stopped")
    show_table(columns, [_row(span) for span in found.timeline], title="In the order of time")
    _show_problems(problems)


def summary(found: Report) -> list[tuple[str, str]]:
    """What decides whether to trust it, most important on top."""
    return [
        ("retries that would have been skipped", _skipped(found)),
        ("hours that would have been saved", f"{found.hours_saved:g} of {found.genuine_hours:g} spent on genuine ones"),
        (
            "wrongly stopped",
            f"{found.wrongly_stopped} of {counted(found.transient, 'transient failure')}{_share(found.wrong_fail)}",
        ),
        ("abstained", f"{found.abstained} of {counted(found.failures, 'failure')}"),
        ("verdict right, first half", _half(found.first_half)),
        ("verdict right, second half", _half(found.second_half)),
        ("seen before", f"{found.seen_before} of {found.failures}"),
        ("truth known", _truths(found)),
    ]


def _truths(found: Report) -> str:
    by_outcome = found.judged - found.by_people
    return f"{found.judged} of {found.failures}: {found.by_people} by a verdict, {by_outcome} by outcomes"


def _skipped(found: Report) -> str:
    untold = f"; of {found.stopped_untold} nobody wrote down how many" if found.stopped_untold else ""
    after = f"after {found.stopped} of {counted(found.genuine, 'genuine failure')}"
    return f"{found.retries_skipped} of {found.genuine_retries}, {after}{untold}"


def _half(span: Span | None) -> str:
    if span is None:
        return ""
    right = "nothing to tell" if span.right is None else f"{span.right:.0%} of those answered"
    return f"{right}; answered {span.answered or 0:.0%} of {span.failures}"


def _share(value: float | None) -> str:
    return "" if value is None else f" ({value:.1%})"


def _row(span: Span) -> tuple[str, ...]:
    right = "" if span.right is None else f"{span.right:.0%}"
    return (
        f"{span.until:%Y-%m-%d %H:%M}",
        bar(span.right),
        right,
        f"{span.answered or 0:.0%}",
        f"{span.hours_saved:g}",
        str(span.wrongly_stopped),
    )


def bar(share: float | None) -> str:
    """A share as a bar of text; of nothing an empty one."""
    full = round(BAR * (share or 0.0))
    return "█" * full + "░" * (BAR - full) if share is not None else "·" * BAR


def _show_problems(problems: Any) -> None:
    for line, problem in problems[:SHOWN]:
        say(f"line {line}: {one_line(problem)}", err=True)
    if len(problems) > SHOWN:
        say(f"... and {len(problems) - SHOWN} more (--json lists them all)", err=True)
