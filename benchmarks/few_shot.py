"""How few labelled failures are enough: `python -m benchmarks.few_shot CORPUS [--each 12]`.

A dozen failures of each verdict, drawn at random, are all that a workspace has recorded; the rest is asked. F1 of
*transient*, where `unknown` is not transient; the mean over several draws and its spread. Meant for a project's own
raw CI logs, hundreds of lines each, in the format of `benchmarks/protocol.py`.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.material import make_material
from benchmarks.offline import Offline
from benchmarks.protocol import SEED, Kind, Row, Task, corpus_or_exit
from benchmarks.quiet import quiet
from benchmarks.scoring import Answer
from benchmarks.tune import as_shipped
from knowledge.failures import Verdict
from knowledge.starter.catalogue import read_catalogue

EACH, DRAWS = 12, 20
#: Published for SetFit with 12 shots a class on intermittent CI jobs: 0.82 (see FACTS); asked: 0.85.
ASKED = 0.85


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    rows = [row for row in corpus_or_exit(given.corpus, command="benchmarks.few_shot") if not row.ambiguous]
    with tempfile.TemporaryDirectory() as scratch:
        material = make_material(rows, catalogue=read_catalogue(), cache=given.cache or Path(scratch))
    offline, setting = Offline(material), as_shipped()
    found = [
        f1([offline.answer(asked, setting=setting) for asked in offline.ask([draw(rows, each=given.each, seed=seed)])])
        for seed in range(SEED, SEED + DRAWS)
    ]
    Console().print(
        f"{given.each} examples a class of {len(rows)}, {DRAWS} draws: F1 of transient {np.mean(found):.3f} "
        f"(standard deviation {np.std(found):.3f}; asked ≥ {ASKED})"
    )


def draw(rows: Sequence[Row], *, each: int, seed: int) -> Task:
    """Some rows of each verdict as memory, and the others asked of it."""
    dice = random.Random(seed)
    memory = [
        row
        for verdict in (Verdict.TRANSIENT, Verdict.GENUINE)
        for row in dice.sample([row for row in rows if row.label is verdict], each)
    ]
    known = {row.id for row in memory}
    return Task(
        Kind.WARM, 0, str(seed), memory=tuple(memory), queries=tuple(row for row in rows if row.id not in known)
    )


def f1(answers: Sequence[Answer]) -> float:
    """Of the transient ones; 0 where none is found."""
    said = [answer for answer in answers if answer.verdict is Verdict.TRANSIENT]
    right = sum(answer.right for answer in said)
    there = sum(answer.row.label is Verdict.TRANSIENT for answer in answers)
    return 2 * right / (len(said) + there) if right else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_shot", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--each", type=int, default=EACH, help="examples of each verdict")
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copy is kept for the next time")
    return parser


if __name__ == "__main__":
    main()
