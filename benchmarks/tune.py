"""Where the advisor's constants come from: `python -m benchmarks.tune CORPUS`.

Chosen on four folds, from round numbers on, and scored on the fifth, so that the figures printed are of rows that the
choice has not seen; the constants to take are those chosen on all rows. Nothing is random but the folds, which the
seed decides. Not chosen on rows but set by reason: `answer_from` (what a wrong verdict costs), `ENOUGH`, `said`,
`OUTCOME`, `DOCUMENTED`, `FAIL_FROM_SIMILARITY`, `least_similarity`, `deference`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.choosing import WRONG_FAILS, Chooser, Rows, values_of
from benchmarks.material import make_material
from benchmarks.offline import Asked, Offline, Setting
from benchmarks.protocol import FOLDS, SEED, Kind, corpus_or_exit, plan
from benchmarks.quiet import quiet
from benchmarks.scoring import Scores, score
from benchmarks.table import EXPLANATION, scores_table, wide_console
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.neighbours import OWN_FIRST_FROM, REDUNDANCY
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.term_weights import ENOUGH
from knowledge.starter.catalogue import read_catalogue


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    console = wide_console()
    rows = corpus_or_exit(given.corpus, command="benchmarks.tune")
    with tempfile.TemporaryDirectory() as cache, console.status("signing, embedding, comparing"):
        offline = Offline(make_material(rows, catalogue=read_catalogue(), cache=given.cache or Path(cache)))
    asked = {kind: list(offline.ask(plan(rows, kind=kind, folds=given.folds, seed=given.seed))) for kind in Kind}
    start = as_shipped()
    chosen = _choose(offline, asked, start=neutral(), folds=given.folds, console=console)
    for kind in Kind:
        compared = _compared(offline, asked[kind], start, *chosen)
        console.print(scores_table(f"{kind}: {len(asked[kind])} rows asked", compared, kind=kind))
    console.print(EXPLANATION)
    console.print(_constants_table(start, *chosen))
    console.print(_thresholds_table(offline, asked, *chosen))


def as_shipped() -> Setting:
    """The constants that the product has now."""
    settings = AdvisorSettings()
    return Setting(settings.similarity, settings.verdict, OWN_FIRST_FROM, REDUNDANCY, settings.fail_from, ENOUGH)


def neutral() -> Setting:
    """Where every choice starts: round numbers that no row has had a say in."""
    shipped = as_shipped()
    likeness = SimilarityWeights(cosine=0.5, words=0.5, codes=0.0, code_conflict=0.0, profile=0.0)
    judging = replace(
        shipped.verdict,
        own_sharpness=10.0,
        starter_sharpness=10.0,
        own_weight=1.0,
        starter_weight=1.0,
        bias=0.0,
    )
    return replace(shipped, similarity=likeness, verdict=judging, own_first_from=0.0, redundancy=0.0, fail_from=1.0)


def _choose(
    offline: Offline, asked: Rows, *, start: Setting, folds: int, console: Console
) -> tuple[dict[int, Setting], Setting]:
    """For each fold what the others choose, and what all choose."""
    with Progress(console=console, transient=True) as progress:
        by_fold = {
            fold: Chooser(offline, rows=_without(asked, fold)).choose(start)
            for fold in progress.track(range(folds), description="choosing on four folds")
        }
        line = progress.add_task("choosing on all", total=None)
        final = Chooser(offline, rows=asked).choose(start)
        progress.remove_task(line)
    return by_fold, final


def _without(asked: Rows, fold: int) -> dict[Kind, list[Asked]]:
    return {kind: [each for each in found if each.task.fold != fold] for kind, found in asked.items()}


def _compared(
    offline: Offline, asked: Sequence[Asked], start: Setting, by_fold: Mapping[int, Setting], final: Setting
) -> dict[str, Scores]:
    def scores(setting_of: Callable[[Asked], Setting]) -> Scores:
        return score([offline.answer(each, setting=setting_of(each)) for each in asked])

    return {
        "as shipped": scores(lambda _: start),
        "chosen on the other folds": scores(lambda each: by_fold[each.task.fold]),
        "chosen on all (has seen these rows)": scores(lambda _: final),
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


def _thresholds_table(offline: Offline, asked: Rows, by_fold: Mapping[int, Setting], final: Setting) -> Table:
    """What `SHIPPED_FAIL_FROM` of `knowledge/advisor/calibration.py` keeps."""
    columns = {f"without fold {fold}": (_without(asked, fold), each) for fold, each in by_fold.items()}
    table = Table(title="Thresholds by bound", title_justify="left", title_style="bold")
    table.add_column("transient failures told fail, at most", justify="right")
    choosers = [
        (name, Chooser(offline, rows=rows), setting)
        for name, (rows, setting) in (columns | {"chosen on all": (asked, final)}).items()
    ]
    for name, _, _ in choosers:
        table.add_column(name, justify="right")
    for bound in WRONG_FAILS:
        table.add_row(
            f"{bound:g}", *(f"{chooser.fail_from(setting, bound=bound):g}" for _, chooser, setting in choosers)
        )
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copy is kept for the next time")
    return parser


if __name__ == "__main__":
    main()
