"""Where the advisor's constants come from: `python -m benchmarks.tune CORPUS`.

Chosen on four folds and scored on the fifth, so that the figures printed are of rows that the choice has not seen;
the constants to take are those chosen on all rows. Nothing is random but the folds, which the seed decides.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.choosing import Rows, choose, scores_of, values_of
from benchmarks.material import make_material
from benchmarks.offline import Asked, Offline, Setting, answer
from benchmarks.protocol import FOLDS, SEED, Kind, Row, plan, read_corpus
from benchmarks.scoring import Answer, Scores, score
from benchmarks.table import EXPLANATION, scores_table, wide_console
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.neighbours import OWN_FIRST
from knowledge.starter.catalogue import read_catalogue


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    console = wide_console()
    rows = read_corpus(given.corpus)
    with tempfile.TemporaryDirectory() as cache, console.status("signing and embedding"):
        material = make_material(rows, catalogue=read_catalogue(), cache=given.cache or Path(cache))
        asked = {
            kind: Offline(material, tasks=plan(rows, kind=kind, folds=given.folds, seed=given.seed)).asked
            for kind in Kind
        }
    start = as_shipped()
    by_fold = _choose_by_fold(asked, start=start, folds=given.folds, console=console)
    final = choose(asked, start=start)
    for kind in Kind:
        console.print(scores_table(f"{kind} ({_size(rows, asked[kind])})", _compared(asked, kind, start, by_fold, final), kind=kind))
    console.print(EXPLANATION)
    console.print(_constants_table(start, by_fold, final))


def as_shipped() -> Setting:
    """The constants that the product has now."""
    settings = AdvisorSettings()
    return Setting(settings.similarity, settings.verdict, OWN_FIRST, settings.fail_from)


def _choose_by_fold(asked: Rows, *, start: Setting, folds: int, console: Console) -> dict[int, Setting]:
    with Progress(console=console, transient=True) as progress:
        return {
            fold: choose(_without(asked, fold), start=start)
            for fold in progress.track(range(folds), description="choosing on four folds")
        }


def _without(asked: Rows, fold: int) -> dict[Kind, list[Asked]]:
    return {kind: [each for each in found if each.task.fold != fold] for kind, found in asked.items()}


def _compared(
    asked: Rows, kind: Kind, start: Setting, by_fold: Mapping[int, Setting], final: Setting
) -> dict[str, Scores]:
    held_out: list[Answer] = [answer(each, setting=by_fold[each.task.fold]) for each in asked[kind]]
    return {
        "as shipped": scores_of(asked[kind], setting=start),
        "chosen on the other folds": score(held_out),
        "chosen on all (has seen these rows)": scores_of(asked[kind], setting=final),
    }


def _constants_table(start: Setting, by_fold: Mapping[int, Setting], final: Setting) -> Table:
    table = Table(title="Constants", title_justify="left", title_style="bold")
    columns = {"as shipped": start} | {f"without fold {fold}": each for fold, each in by_fold.items()}
    values = {name: values_of(setting) for name, setting in (columns | {"chosen on all": final}).items()}
    for name in ("constant", *values):
        table.add_column(name, justify="left" if name == "constant" else "right")
    for constant in values_of(start):
        table.add_row(constant, *(f"{each[constant]:g}" for each in values.values()))
    return table


def _size(rows: Sequence[Row], asked: Sequence[Asked]) -> str:
    return f"{len(asked)} asked of {len(rows)} rows"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copy is kept for the next time")
    return parser


if __name__ == "__main__":
    main()
