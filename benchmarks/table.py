"""Figures as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.protocol import Kind
from benchmarks.scoring import Scores

#: What is asked of the service on failures whose causes it has seen (issue 2 of the project).
ASKED = {"at 1": 0.72, "in 5": 0.90, "verdict": 0.88}

EXPLANATION = (
    "verdict: right among the answered (in brackets: unknown counted as wrong); nearest: the verdict of the first "
    "shown; wrong fail: transient rows told `fail`; own: starter precedents left out of what is shown."
)


def scores_table(title: str, found: Mapping[str, Scores], *, kind: Kind) -> Table:
    """One line a method; retrieval only where the memory can hold the group that is asked."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("method")
    for name in (*(_retrieval_columns() if kind is Kind.WARM else ()), *_verdict_columns()):
        table.add_column(name, justify="right")
    for method, scores in found.items():
        retrieval = _retrieval_cells(scores) if kind is Kind.WARM else []
        table.add_row(method, *retrieval, *_verdict_cells(scores))
    if kind is Kind.WARM:
        table.add_section()
        asked = [f"≥ {ASKED['at 1']:.2f}", f"≥ {ASKED['in 5']:.2f}", "", "", "", ""]
        table.add_row("asked", *asked, f"≥ {ASKED['verdict']:.2f}")
    return table


def _retrieval_columns() -> Sequence[str]:
    return ("at 1", "in 5", "MRR", "own at 1", "own in 5", "own MRR")


def _verdict_columns() -> Sequence[str]:
    return ("verdict", "coverage", "nearest", "told fail", "wrong fail", "calibration", "ambiguous left open")


def _retrieval_cells(scores: Scores) -> list[str]:
    parts = (scores.retrieval, scores.own_retrieval)
    return [f"{value:.3f}" for part in parts for value in (part.at_1, part.in_5, part.mrr)]


def _verdict_cells(scores: Scores) -> list[str]:
    return [
        f"{scores.verdict:.3f} ({scores.verdict_of_all:.3f})",
        f"{scores.coverage:.3f}",
        f"{scores.nearest:.3f}",
        f"{scores.told_fail:.3f}",
        f"{scores.wrong_fail:.3f}",
        f"{scores.calibration_error:.3f}",
        f"{scores.abstained:.3f}",
    ]


def wide_console() -> Console:
    """A console whose tables are not folded when the output is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=180)
