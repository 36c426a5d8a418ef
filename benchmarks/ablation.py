"""What each part of the advisor is worth: `python -m benchmarks.ablation CORPUS`, each part off, one at a time.

The advisor without store and engine (`benchmarks.offline`), with the constants that the product has; they are not
chosen anew for what remains, so a line says what is lost when a part fails, not how well one could do without it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from benchmarks.material import Material, make_material
from benchmarks.offline import Offline, Setting
from benchmarks.protocol import Kind, Row, corpus_or_exit, plan
from benchmarks.quiet import quiet
from benchmarks.scoring import Scores, score
from benchmarks.table import wide_console
from benchmarks.tune import as_shipped
from knowledge.starter.catalogue import read_catalogue

#: So little is enough for any text.
LITTLE = 1e-9
WHOLE, UNTAUGHT = "all parts", "without what the model was taught"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    console = wide_console()
    rows = corpus_or_exit(given.corpus, command="benchmarks.ablation")
    table = _table(len(rows))
    with tempfile.TemporaryDirectory() as scratch, console.status("signing, embedding, comparing"):
        cache = given.cache or Path(scratch)
        for name, found in measure(rows, cache=cache):
            table.add_row(name, *_cells(found))
    console.print(table)


def measure(rows: Sequence[Row], *, cache: Path) -> Iterator[tuple[str, dict[Kind, Scores]]]:
    """The whole, and then without each part."""
    catalogue = read_catalogue()
    taught = Offline(make_material(rows, catalogue=catalogue, cache=cache))
    shipped = as_shipped()
    yield WHOLE, _scores(taught, rows, shipped)
    plain: Material = make_material(rows, catalogue=catalogue, cache=cache, taught=False)
    yield UNTAUGHT, _scores(Offline(plain), rows, shipped)
    for name, setting in without_each(shipped):
        yield name, _scores(taught, rows, setting)


def without_each(shipped: Setting) -> Iterator[tuple[str, Setting]]:
    """Settings with one part off."""
    likeness, judging = shipped.similarity, shipped.verdict
    yield "without meaning (vectors)", replace(shipped, similarity=replace(likeness, cosine=0.0))
    yield "without words (BM25)", replace(shipped, similarity=replace(likeness, words=0.0))
    yield "without profiles", replace(shipped, similarity=replace(likeness, profile=0.0))
    yield "without codes", replace(shipped, similarity=replace(likeness, codes=0.0, code_conflict=0.0))
    yield "evidence not spread", replace(shipped, redundancy=0.0)
    yield "own precedents not first", replace(shipped, own_first_from=2.0)
    yield "starter precedents not heard", replace(shipped, verdict=replace(judging, starter_weight=0.0))
    yield "own precedents not heard", replace(shipped, verdict=replace(judging, own_weight=0.0))
    flat = replace(judging, own_sharpness=0.0, starter_sharpness=0.0)
    yield "neighbours all weigh the same", replace(shipped, verdict=flat)
    yield "what was said often weighs no more", replace(shipped, verdict=replace(judging, said=0.0))
    yield "texts that tell little heard in full", replace(shipped, enough=LITTLE)
    yield "always answered", replace(shipped, verdict=replace(judging, answer_from=0.5))


def _scores(offline: Offline, rows: Sequence[Row], setting: Setting) -> dict[Kind, Scores]:
    return {
        kind: score([offline.answer(asked, setting=setting) for asked in offline.ask(plan(rows, kind=kind))])
        for kind in Kind
    }


def _table(rows: int) -> Table:
    table = Table(title=f"Each part off, one at a time; {rows} rows", title_justify="left", title_style="bold")
    table.add_column("part")
    for name in ("at 1", "in 5", "MRR"):
        table.add_column(f"warm {name}", justify="right")
    for kind in Kind:
        table.add_column(f"{kind}: right / answered", justify="right")
    table.add_column("wrong fail, worst", justify="right")
    table.add_column("calibration, worst", justify="right")
    return table


def _cells(found: dict[Kind, Scores]) -> list[str]:
    warm = found[Kind.WARM].retrieval
    return [
        *(f"{value:.3f}" for value in (warm.at_1, warm.in_5, warm.mrr)),
        *(f"{found[kind].verdict:.3f} / {found[kind].coverage:.3f}" for kind in Kind),
        f"{max(each.wrong_fail for each in found.values()):.3f}",
        f"{max(each.calibration_error for each in found.values()):.3f}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copies are kept for the next time")
    return parser


if __name__ == "__main__":
    main()
