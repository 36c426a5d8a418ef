"""What a failure memory is worth: `python -m benchmarks.case_study CORPUS`.

A discrete-event simulation of the published case: 47 models retrained continuously, 31 % of runs fail, 64 % of these
for transient reasons, a run costs 480 GPU-hours and fails anywhere along them. The failures are those of a corpus,
drawn with their labels, each once at most. Policies from restarting by hand to a clairvoyant live through the same
worlds; the policy Seen Before asks the real service, `seenbefore serve` on a temporary folder, at each failure,
resumes from the last checkpoint, and tells what came of it, so that its memory grows from the documented failures
alone. What is assumed stands in `benchmarks/case/assumptions.py`; what the published figures need to be true is told
beside the tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.case import tables
from benchmarks.case.assumptions import Assumptions
from benchmarks.case.example import Example, examples
from benchmarks.case.published import findings
from benchmarks.case.seen_before import Telling
from benchmarks.case.study import Study, study
from benchmarks.case.world import CorpusTooSmall
from benchmarks.child import serving
from benchmarks.load import client_of
from benchmarks.protocol import Row, corpus_or_exit
from benchmarks.quiet import quiet
from benchmarks.table import wide_console

MONTHS, SEEDS = 6.0, 16


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _given(arguments)
    quiet()
    console = Console(stderr=True) if given.json else wide_console()
    rows = corpus_or_exit(given.corpus, command="benchmarks.case_study")
    assumptions = Assumptions(on_call=given.on_call)
    try:
        found, example = measure(
            rows,
            assumptions,
            months=given.months,
            seeds=range(given.seeds),
            telling=Telling(given.tell),
            console=console,
        )
    except CorpusTooSmall as error:
        raise SystemExit(f"benchmarks.case_study: {error}") from None
    if given.json:
        print(json.dumps(tables.document(found, example)))
        return
    show(found, example, console=console)


def measure(
    rows: Sequence[Row],
    assumptions: Assumptions,
    *,
    months: float,
    seeds: Sequence[int],
    telling: Telling,
    console: Console,
) -> tuple[Study, Mapping[str, Example]]:
    """Start a service and run the study on it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        starting = progress.add_task("starting the service", total=None)
        with serving() as child, client_of(child) as client:
            progress.remove_task(starting)
            due = round(assumptions.deployments_a_month * months * len(seeds))
            line = progress.add_task("retrainings deployed by Seen Before", total=due)
            found = study(
                rows,
                assumptions=assumptions,
                months=months,
                seeds=seeds,
                client=client,
                telling=telling,
                advance=lambda: progress.advance(line),
            )
            return found, examples(client, assumptions=assumptions)


def show(found: Study, example: Mapping[str, Example], *, console: Console) -> None:
    """All tables."""
    console.print(tables.figures_table(found))
    console.print(tables.above_line(found))
    console.print(tables.claims_table(found))
    for finding in findings(found.assumptions):
        console.print(f"- {finding}")
    console.print(tables.learning_table(found))
    console.print(tables.example_table(example))


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.seeds < 1 or given.months <= 0:
        parser.error("there is nothing to simulate: --seeds and --months are more than 0")
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.case_study", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--months", type=float, default=MONTHS, help=f"simulated months ({MONTHS:g})")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"worlds ({SEEDS})")
    parser.add_argument("--on-call", action="store_true", help="who is paged looks at once, not in working hours")
    parser.add_argument(
        "--tell",
        choices=[telling.value for telling in Telling],
        default=Telling.USUAL.value,
        help="what the service is told afterwards: outcomes, and what people found who were paged (usual); the truth "
        "after each pass as well; or nothing",
    )
    parser.add_argument("--json", action="store_true", help="the figures for programs")
    return parser


if __name__ == "__main__":
    main()
