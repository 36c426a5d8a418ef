"""The advisor over a corpus without store and engine, so that a setting is scored in a fraction of a second.

What judges is the product's own code. Only what the store does (counts of a precedent) and what the lookup asks of it
is done here, over all of a memory instead of the engine's candidates; `benchmarks.quality` measures the real parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from benchmarks.likeness import Comparison
from benchmarks.material import Material
from benchmarks.protocol import Row, Task
from benchmarks.scoring import Answer, Shown
from knowledge.advisor import neighbours, strategy, verdict
from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.advisor.advising import MOST_EVIDENCE
from knowledge.advisor.circumstances import Circumstances
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.verdict import VerdictSettings
from knowledge.failures import DecisionAction, Source, Verdict
from knowledge.lookup import MOST_OWN
from knowledge.store.ids import precedent_id

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WORKSPACE = 1

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that is tuned."""

    similarity: SimilarityWeights
    verdict: VerdictSettings
    own_first_from: float
    redundancy: float
    fail_from: float
    enough: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One row, and the memory it is asked of."""

    task: Task
    row: Row
    memory: Memory


class Memory:
    """The precedents that a task's workspace sees, counted as the store counts them."""

    def __init__(self, material: Material, task: Task) -> None:
        self._material = material
        self._rows: defaultdict[int, list[Row]] = defaultdict(list)
        for row in task.memory:
            self._rows[material.of_row[row.id]].append(row)
        self.places: Places = np.array(sorted(self._rows), dtype=np.int64)
        self.own = {place: self._precedent(place) for place in self._rows}
        self.group = {self.own[place].precedent_id: rows[-1].group for place, rows in self._rows.items()}

    def same_fingerprint(self, place: int) -> list[Neighbour]:
        """The workspace's own precedent of this fingerprint and the starter's, those that there are."""
        own = [replace(self.own[place], similarity=1.0)] if place in self.own else []
        starter = self._material.same_starter.get(self._material.signatures[place].fingerprint)
        return own + ([] if starter is None else [starter])

    def _precedent(self, place: int) -> Neighbour:
        rows = self._rows[place]
        transient = sum(row.label is Verdict.TRANSIENT for row in rows)
        return Neighbour(
            precedent_id=precedent_id(WORKSPACE, self._material.signatures[place].fingerprint),
            source=Source.INCIDENT,
            similarity=0.0,
            verdict=_stated(transient, len(rows) - transient),
            template=self._material.signatures[place].template,
            cause=rows[-1].cause,
            action=rows[-1].action,
            stated_transient=transient,
            stated_genuine=len(rows) - transient,
            occurrences=len(rows),
            last_seen=NOW,
        )


class Offline:
    """Answers rows under any setting."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._comparison = Comparison(material)

    def ask(self, tasks: Sequence[Task]) -> Iterator[Asked]:
        """Every row that the tasks ask."""
        for task in tasks:
            memory = Memory(self._material, task)
            for row in task.queries:
                yield Asked(task, row, memory)

    def neighbours(self, asked: Asked, *, setting: Setting) -> list[Neighbour]:
        """As the lookup finds them, best first."""
        place = self._material.of_row[asked.row.id]
        same = asked.memory.same_fingerprint(place)
        settled = bool(same) and same[0].source is Source.INCIDENT and same[0].verdict is not Verdict.UNKNOWN
        others = [] if settled else self._others(place, asked.memory, setting)
        found: dict[UUID, Neighbour] = {}
        for neighbour in (*same, *others):
            found.setdefault(neighbour.precedent_id, neighbour)
        return sorted(found.values(), key=lambda each: _rank(each, setting), reverse=True)

    def _others(self, place: int, memory: Memory, setting: Setting) -> list[Neighbour]:
        likeness = self._comparison.rows(setting.similarity)[place, memory.places]
        nearest = np.argsort(-likeness, kind="stable")[:MOST_OWN]
        own = [self._own(memory, int(memory.places[at]), similarity=float(likeness[at])) for at in nearest]
        return (
            neighbours.spread(own, redundancy=setting.redundancy) + self._comparison.starters(setting.similarity)[place]
        )

    def _own(self, memory: Memory, place: int, *, similarity: float) -> Neighbour:
        return replace(memory.own[place], similarity=similarity, vector=self._material.vectors[place])

    def evidence(self, asked: Asked, *, setting: Setting) -> tuple[float, float]:
        """Log odds of transient, as the workspace's own precedents say and as the starter precedents say."""
        own, starter = verdict.hear(
            self.neighbours(asked, setting=setting),
            settings=setting.verdict,
            now=NOW,
            telling=self._telling(asked, setting),
        )
        return own.evidence, starter.evidence

    def _telling(self, asked: Asked, setting: Setting) -> float:
        signature = self._material.signatures[self._material.of_row[asked.row.id]]
        return self._material.starters.weights.heard(signature, enough=setting.enough)

    def answer(self, asked: Asked, *, setting: Setting) -> Answer:
        """The answer that the product would give a caller at its first attempt."""
        found = self.neighbours(asked, setting=setting)
        judgement = verdict.judge(found, settings=setting.verdict, now=NOW, telling=self._telling(asked, setting))
        groups = asked.memory.group
        return Answer(
            row=asked.row,
            shown=tuple(Shown(groups.get(each.precedent_id), each.verdict) for each in found[:MOST_EVIDENCE]),
            verdict=judgement.verdict,
            confidence=judgement.confidence,
            decision=_decision(judgement, fail_from=setting.fail_from),
        )


def _rank(neighbour: Neighbour, setting: Setting) -> tuple[bool, float]:
    """The product's `neighbours.rank` with its constant given."""
    own = neighbour.source is Source.INCIDENT and neighbour.similarity >= setting.own_first_from
    return own, neighbour.similarity - neighbour.redundancy


def _decision(judgement: Judgement, *, fail_from: float) -> DecisionAction:
    first = Circumstances()
    course = strategy.course_of(judgement, first)
    return strategy.decide(judgement, course=course, circumstances=first, fail_from=fail_from, reason="").action


def _stated(transient: int, genuine: int) -> Verdict:
    """The rule of the store (`judged_verdict` in the migrations): two thirds of what was stated."""
    for stated, count in ((Verdict.TRANSIENT, transient), (Verdict.GENUINE, genuine)):
        if 3 * count >= 2 * (transient + genuine):
            return stated
    return Verdict.UNKNOWN
