"""The protocol of a corpus: which failures are memory, which are asked, and how the answers are scored.

A corpus is a file of JSON lines with the fields `id`, `text`, `group`, `label`, `cause`, `action`, `resolution` and
`ambiguous`. Five folds by `group`; what is tuned sees four of them and is scored on the fifth.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from knowledge.failures import Action, Cause, Failure, Resolution, Verdict

FOLDS = 5
SEED = 20261101
FIELDS = ("id", "text", "group", "label", "cause", "action", "resolution", "ambiguous")


class CorpusError(Exception):
    """The corpus cannot be read."""


class Kind(StrEnum):
    """How much the memory knows of what is asked."""

    WARM = "warm"
    NOVEL = "novel"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Row:
    """One failure of a corpus. `group` is its underlying cause; `ambiguous`: the text alone does not decide."""

    id: str
    text: str
    group: str
    label: Verdict
    cause: Cause
    action: Action
    resolution: str
    ambiguous: bool

    def asked(self) -> Failure:
        """The failure as a pipeline would report it."""
        return Failure(text=self.text)

    def told(self) -> Failure:
        """The failure as memory holds it: with what was found out about it."""
        return Failure(
            text=self.text,
            external_id=self.id,
            verdict=self.label,
            cause=self.cause,
            resolution=Resolution(summary=self.resolution, action=self.action),
        )


@dataclass(frozen=True, slots=True)
class Task:
    """One memory and what is asked of it. `fold` is the fold that is asked."""

    kind: Kind
    fold: int
    part: str
    memory: tuple[Row, ...]
    queries: tuple[Row, ...]

    @property
    def name(self) -> str:
        """Unique in a plan; fit to name a workspace."""
        return f"{self.kind}-{self.fold}{self.part}"


def read_corpus(path: Path) -> tuple[Row, ...]:
    """The rows of a corpus, in its order; raises `CorpusError` naming the line."""
    rows: list[Row] = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                rows.append(_row(json.loads(line), where=f"{path.name}, line {number}"))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise CorpusError(f"{path.name} is not JSON lines: {error}") from error
    if len({row.id for row in rows}) != len(rows):
        raise CorpusError(f"{path.name}: an `id` stands twice")
    return tuple(rows)


def corpus_or_exit(path: Path, *, command: str) -> tuple[Row, ...]:
    """The rows of a corpus for a command, which ends with a message when there are none."""
    try:
        return read_corpus(path)
    except CorpusError as error:
        raise SystemExit(f"{command}: {error}") from None


def _row(given: dict[str, Any], *, where: str) -> Row:
    missing = [name for name in FIELDS if name not in given]
    if missing:
        raise CorpusError(f"{where}: lacks {', '.join(missing)}")
    try:
        return Row(
            id=str(given["id"]),
            text=str(given["text"]),
            group=str(given["group"]),
            label=Verdict(given["label"]),
            cause=Cause(given["cause"]),
            action=Action(given["action"]),
            resolution=str(given["resolution"]),
            ambiguous=bool(given["ambiguous"]),
        )
    except ValueError as error:
        raise CorpusError(f"{where}: {error}") from error


def fold_of_group(rows: Sequence[Row], *, folds: int = FOLDS, seed: int = SEED) -> dict[str, int]:
    """For each group its fold: shuffled by the seed, then dealt out in turn. The order of the rows does not matter."""
    groups = sorted({row.group for row in rows})
    random.Random(seed).shuffle(groups)
    return {group: number % folds for number, group in enumerate(groups)}


def plan(rows: Sequence[Row], *, kind: Kind, folds: int = FOLDS, seed: int = SEED) -> list[Task]:
    """The tasks of one kind, in the order of folds."""
    fold_of = fold_of_group(rows, folds=folds, seed=seed)
    match kind:
        case Kind.WARM:
            return [task for fold in range(folds) for task in _warm(rows, fold=fold, fold_of=fold_of, seed=seed)]
        case Kind.NOVEL:
            return [_novel(rows, fold=fold, fold_of=fold_of) for fold in range(folds)]
        case Kind.COLD:
            # Nothing is remembered, so all folds are asked of one memory; the fold still says which are held out.
            return [
                Task(kind, fold, "", memory=(), queries=tuple(row for row in rows if fold_of[row.group] == fold))
                for fold in range(folds)
            ]


def _warm(rows: Sequence[Row], *, fold: int, fold_of: dict[str, int], seed: int) -> list[Task]:
    others = tuple(row for row in rows if fold_of[row.group] != fold)
    first, second = _halves([row for row in rows if fold_of[row.group] == fold], seed=seed)
    return [
        Task(Kind.WARM, fold, "a", memory=others + first, queries=second),
        Task(Kind.WARM, fold, "b", memory=others + second, queries=first),
    ]


def _halves(rows: Sequence[Row], *, seed: int) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Each group in two halves; groups of one are left out."""
    members: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        members[row.group].append(row)
    first: list[Row] = []
    second: list[Row] = []
    for group, found in sorted(members.items()):
        if len(found) > 1:
            random.Random(f"{seed} {group}").shuffle(found)
            first += found[: len(found) // 2]
            second += found[len(found) // 2 :]
    return tuple(first), tuple(second)


def _novel(rows: Sequence[Row], *, fold: int, fold_of: dict[str, int]) -> Task:
    return Task(
        Kind.NOVEL,
        fold,
        "",
        memory=tuple(row for row in rows if fold_of[row.group] != fold),
        queries=tuple(row for row in rows if fold_of[row.group] == fold),
    )
