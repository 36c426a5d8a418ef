"""What happens, whoever decides: which retrainings are due, where they fail, of what, and when that is over.

Drawn once a seed and shared by all policies (common random numbers). What strikes on the first way through a run is the
same for all; who does work again is exposed again, to troubles that are drawn by how much was done again.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.case.assumptions import HOURS_A_MONTH, Assumptions
from benchmarks.protocol import Row
from knowledge.failures import Verdict


class CorpusTooSmall(Exception):
    """The corpus has too few failures for so many months: each is met once at most."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What a trouble is, before it is known which. `late`: how much longer than usual it lasts (standard normal)."""

    transient: bool
    late: float
    fix_h: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure of the corpus with its truth. `clears_h`: so long after it struck a retry passes; None if genuine."""

    row: Row
    clears_h: float | None
    fix_h: float
    recurs: bool

    @property
    def transient(self) -> bool:
        """Whether it passes by itself."""
        return self.clears_h is not None


@dataclass(frozen=True, slots=True)
class Retraining:
    """One model's next version. `first`: troubles by the GPU-hours of progress at which they strike."""

    name: str
    pipeline: str
    due_h: float
    first: tuple[tuple[float, Trouble], ...]
    seed: str | None = None

    def again(self, assumptions: Assumptions) -> Iterator[tuple[float, Nature]]:
        """Troubles that strike while work is done again, by the GPU-hours of it; none without a seed."""
        if self.seed is None:
            return
        dice = random.Random(self.seed)
        at = 0.0
        while True:
            at += dice.expovariate(assumptions.hazard)
            yield at, nature(dice, assumptions)


@dataclass(frozen=True, slots=True)
class World:
    """All retrainings of some months, and the failures of the corpus that their first way does not use."""

    assumptions: Assumptions
    months: float
    retrainings: tuple[Retraining, ...]
    spare: tuple[Row, ...] = ()
    seed: int = 0


def make_world(rows: Sequence[Row], *, assumptions: Assumptions, months: float, seed: int) -> World:
    """Draw it; raises `CorpusTooSmall`."""
    dice = random.Random(f"case {seed}")
    deck = Deck(rows, dice=dice, recurring=assumptions.recurring)
    retrainings = tuple(
        Retraining(
            name=f"{pipeline}-{number}",
            pipeline=pipeline,
            due_h=due,
            first=_on_the_way(deck, dice, assumptions),
            seed=f"again {seed} {number}",
        )
        for number, (due, pipeline) in enumerate(_due(dice, assumptions, months=months))
    )
    return World(assumptions, months, retrainings, deck.left(), seed)


def _due(dice: random.Random, assumptions: Assumptions, *, months: float) -> list[tuple[float, str]]:
    """Each model is due again after the same time, and begins anywhere in it."""
    end = months * HOURS_A_MONTH
    every = assumptions.models / assumptions.deployments_a_month * HOURS_A_MONTH
    found = []
    for model in range(assumptions.models):
        due = dice.uniform(0, every)
        while due < end:
            found.append((due, f"model-{model:02}"))
            due += every
    return sorted(found)


def _on_the_way(deck: Deck, dice: random.Random, assumptions: Assumptions) -> tuple[tuple[float, Trouble], ...]:
    found: list[tuple[float, Trouble]] = []
    place = dice.expovariate(assumptions.hazard)
    while place < assumptions.run_gpu_hours:
        of = nature(dice, assumptions)
        row, recurs = deck.draw(transient=of.transient)
        found.append((place, trouble(row, of, assumptions, recurs=recurs)))
        place += dice.expovariate(assumptions.hazard)
    return tuple(found)


def nature(dice: random.Random, assumptions: Assumptions) -> Nature:
    """Draw what a trouble is."""
    return Nature(
        transient=dice.random() < assumptions.transient,
        late=dice.gauss(0, 1),
        fix_h=dice.lognormvariate(math.log(assumptions.fix_h), assumptions.fix_sigma),
    )


def trouble(row: Row, of: Nature, assumptions: Assumptions, *, recurs: bool = False) -> Trouble:
    """The trouble that this failure tells of."""
    usual = assumptions.half_cleared_h(row.cause)
    clears = usual * math.exp(assumptions.clear_sigma * of.late) if of.transient else None
    return Trouble(row, clears, of.fix_h, recurs)


class Deck:
    """The failures of a corpus, each drawn once; some of them from groups that were drawn from before."""

    def __init__(self, rows: Sequence[Row], *, dice: random.Random, recurring: float) -> None:
        self._dice = dice
        self._recurring = recurring
        self._met: set[str] = set()
        self._rows: dict[bool, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.id):
            self._rows[row.label is Verdict.TRANSIENT].append(row)

    def draw(self, *, transient: bool) -> tuple[Row, bool]:
        """A failure of this label, and whether its group was met before."""
        rows = self._rows[transient]
        if not rows:
            raise CorpusTooSmall(f"{CorpusTooSmall.__doc__} Ask for fewer months or models.")
        met = [row for row in rows if row.group in self._met]
        new = [row for row in rows if row.group not in self._met]
        of_met = self._dice.random() < self._recurring
        row = self._dice.choice((met or new) if of_met else (new or met))
        rows.remove(row)
        recurs = row.group in self._met
        self._met.add(row.group)
        return row, recurs

    def left(self) -> tuple[Row, ...]:
        """Those that were not drawn, shuffled."""
        left = [row for transient in (True, False) for row in self._rows[transient]]
        self._dice.shuffle(left)
        return tuple(left)


class Spares:
    """The failures that are left over, for what strikes while work is done again; one a policy.

    They begin anew when all were used: only policies that do much again get there, and these remember nothing.
    """

    def __init__(self, world: World) -> None:
        self._rows = {
            transient: [row for row in world.spare if (row.label is Verdict.TRANSIENT) is transient]
            for transient in (True, False)
        }
        self._used = {True: 0, False: 0}

    def take(self, *, transient: bool) -> Row:
        """The next of this label."""
        rows = self._rows[transient]
        if not rows:
            raise CorpusTooSmall(f"{CorpusTooSmall.__doc__} Ask for fewer months or models.")
        row = rows[self._used[transient] % len(rows)]
        self._used[transient] += 1
        return row
