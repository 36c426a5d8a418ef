"""The surest mistakes: `python -m benchmarks.mistakes CORPUS`, and the precedents that led to each.

The advisor without store and engine (`benchmarks.offline`), with the constants that the product has.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from benchmarks.material import Material, make_material
from benchmarks.offline import Asked, Offline, Setting
from benchmarks.protocol import Kind, corpus_or_exit, plan
from benchmarks.quiet import quiet
from benchmarks.scoring import Answer
from benchmarks.table import wide_console
from benchmarks.tune import as_shipped
from knowledge.starter.catalogue import read_catalogue

SHOWN = 10
#: Characters of a text, and neighbours, in a line of the table.
LONG, NEIGHBOURS = 160, 3


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    console = wide_console()
    rows = corpus_or_exit(given.corpus, command="benchmarks.mistakes")
    with tempfile.TemporaryDirectory() as scratch, console.status("signing, embedding, comparing"):
        material = make_material(rows, catalogue=read_catalogue(), cache=given.cache or Path(scratch))
    offline, setting = Offline(material), as_shipped()
    asked = offline.ask(plan(rows, kind=Kind(given.kind)))
    console.print(_table(worst(offline, list(asked), setting), offline, material, setting, kind=given.kind))


def worst(offline: Offline, asked: Sequence[Asked], setting: Setting) -> list[tuple[Asked, Answer]]:
    """Answered, wrong, not ambiguous; the surest first."""
    pairs = [(each, offline.answer(each, setting=setting)) for each in asked if not each.row.ambiguous]
    wrong = [(each, answer) for each, answer in pairs if answer.answered and not answer.right]
    return sorted(wrong, key=lambda pair: -pair[1].confidence)[:SHOWN]


def _table(
    found: Sequence[tuple[Asked, Answer]], offline: Offline, material: Material, setting: Setting, *, kind: str
) -> Table:
    table = Table(title=f"{kind}: the surest mistakes", title_justify="left", title_style="bold", show_lines=True)
    for name in ("group", "label", "said", "confidence", "text", "nearest"):
        table.add_column(name)
    for asked, answer in found:
        signature = material.signatures[material.of_row[asked.row.id]]
        near = offline.neighbours(asked, setting=setting)[:NEIGHBOURS]
        lines = "\n".join(f"{each.similarity:.2f} {each.verdict}: {_one_line(each.template)}" for each in near)
        cells = (asked.row.group, asked.row.label, answer.verdict, f"{answer.confidence:.2f}")
        table.add_row(*cells, Text(_one_line(signature.template)), Text(lines))
    return table


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONG else f"{line[:LONG]}…"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mistakes", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], default=Kind.WARM.value)
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copy is kept for the next time")
    return parser


if __name__ == "__main__":
    main()
