"""The plot of a replay as a file: is it right, does it answer, and what would it have saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from knowledge.advisor.replay_report import Report


def write_plot(found: Report, path: Path) -> None:
    """Write it; the file's ending names the format. Raises `click.ClickException` when it cannot be written."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra; without pyplot nothing is global

    figure = Figure(figsize=(9, 6), layout="constrained")
    shares, hours = figure.subplots(2, 1, sharex=True)
    until, at = [], 0
    for span in found.timeline:
        at += span.failures
        until.append(at)
    shares.plot(
        until, [_or_gap(span.right) for span in found.timeline], marker="o", label="verdict right when answered"
    )
    shares.plot(until, [_or_gap(span.answered) for span in found.timeline], marker="o", label="answered")
    shares.set(ylim=(-0.02, 1.02), ylabel="share", title=f"{found.failures} past failures in the order of their times")
    hours.plot([0, *until], [0.0, *(span.hours_saved for span in found.timeline)], marker=".")
    hours.set(xlabel="failures so far", ylabel="hours saved so far")
    stopped = hours.twinx()
    stopped.bar(until, [span.wrongly_stopped for span in found.timeline], width=_width(until), color="C3", alpha=0.4)
    stopped.set(ylim=(0, max(4, *(span.wrongly_stopped for span in found.timeline))))
    stopped.set_ylabel("wrongly stopped", color="C3")
    stopped.yaxis.get_major_locator().set_params(integer=True)
    shares.legend(loc="lower right")
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise click.ClickException(f"--plot: {error.strerror}: {path}") from None


def _or_gap(share: float | None) -> float:
    return float("nan") if share is None else share


def _width(until: list[int]) -> float:
    return 0.3 * until[0]
