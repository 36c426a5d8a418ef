"""The reliability diagram as a picture: `python -m benchmarks.reliability CORPUS --out FILE.svg` (extra `plot`).

What was answered with a confidence, against how often it was right, in ten bins, warm, novel and cold; the constants
are chosen on the other folds of each row, so no row is judged by what it helped to choose.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.choosing import Chooser
from benchmarks.material import make_material
from benchmarks.offline import Offline
from benchmarks.protocol import FOLDS, Kind, corpus_or_exit, plan
from benchmarks.quiet import quiet
from benchmarks.scoring import Answer
from benchmarks.tune import neutral
from knowledge.starter.catalogue import read_catalogue

BINS = 10
#: Bins with fewer answers are left out: their share says nothing.
FEWEST = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    rows = corpus_or_exit(given.corpus, command="benchmarks.reliability")
    with tempfile.TemporaryDirectory() as scratch:
        material = make_material(rows, catalogue=read_catalogue(), cache=given.cache or Path(scratch))
    offline = Offline(material)
    asked = {kind: list(offline.ask(plan(rows, kind=kind))) for kind in Kind}
    answers: dict[Kind, list[Answer]] = {kind: [] for kind in Kind}
    for fold in range(FOLDS):
        others = {kind: [each for each in found if each.task.fold != fold] for kind, found in asked.items()}
        setting = Chooser(offline, rows=others).choose(neutral())
        for kind, found in asked.items():
            answers[kind] += [offline.answer(each, setting=setting) for each in found if each.task.fold == fold]
    draw({kind: bins(found) for kind, found in answers.items()}, target=given.out)


def bins(answers: Sequence[Answer]) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and number of the answers in each bin; ambiguous rows aside."""
    kept = [each for each in answers if each.answered and not each.row.ambiguous]
    found: list[tuple[float, float, int]] = []
    for number in range(BINS):
        inside = [each for each in kept if min(BINS - 1, int(each.confidence * BINS)) == number]
        if len(inside) >= FEWEST:
            confidence = float(np.mean([each.confidence for each in inside]))
            found.append((confidence, float(np.mean([each.right for each in inside])), len(inside)))
    return found


def draw(found: dict[Kind, list[tuple[float, float, int]]], *, target: Path) -> None:
    """Write the picture."""
    import matplotlib  # noqa: PLC0415 - the extra `plot`

    matplotlib.use("svg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(5, 4.5))
    axes.plot([0.5, 1], [0.5, 1], color="0.7", linewidth=1, label="means what it says")
    for kind, points in ((kind, points) for kind, points in found.items() if points):
        confidences, shares, numbers = zip(*points, strict=True)
        axes.plot(confidences, shares, linewidth=1, alpha=0.6)
        axes.scatter(confidences, shares, s=[3 * number**0.8 for number in numbers], label=f"{kind} ({sum(numbers)})")
    axes.set(xlim=(0.5, 1.01), ylim=(0.5, 1.02), xlabel="confidence", ylabel="right")
    axes.legend(loc="lower right", frameon=False)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--out", type=Path, default=Path("reliability.svg"), help="picture to write")
    parser.add_argument("--cache", type=Path, help="folder in which the model's fast copy is kept for the next time")
    return parser


if __name__ == "__main__":
    main()
