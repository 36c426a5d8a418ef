"""The advisor over a corpus without store and engine, so that a setting is scored in a fraction of a second.

What compares and judges is the product's own code: `Similarity`, `verdict.judge`, `strategy`. Only what the store and
the engine do (counts of a precedent, candidates by rank fusion) is done here; `benchmarks.quality` measures the same
through the real parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from benchmarks.material import Material
from benchmarks.protocol import Row, Task
from benchmarks.scoring import Answer, Shown
from knowledge.advisor import neighbours as near
from knowledge.advisor import strategy, verdict
from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.advisor.advising import MOST_EVIDENCE
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.verdict import VerdictSettings
from knowledge.failures import Action, DecisionAction, Source, Verdict
from knowledge.index.edge import RRF_K
from knowledge.lookup import CANDIDATES
from knowledge.store.ids import precedent_id

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WORKSPACE = 1

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

#: Weights that let exactly one kind of likeness through: how each is taken out of `Similarity`, not written again.
_ONLY_WORDS = SimilarityWeights(cosine=0, words=1, exceptions=0, codes=0, code_conflict=0)
_ONLY_EXCEPTIONS = SimilarityWeights(cosine=0, words=0, exceptions=1, codes=0, code_conflict=0)
_ONLY_CODES = SimilarityWeights(cosine=0, words=0, exceptions=0, codes=1, code_conflict=0)
_ONLY_CONFLICT = SimilarityWeights(cosine=1, words=0, exceptions=0, codes=0, code_conflict=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that is tuned."""

    similarity: SimilarityWeights
    verdict: VerdictSettings
    own_first: float
    fail_from: float


@dataclass(frozen=True)
class Asked:
    """One row and its candidates, compared: `features` has a line a candidate (cosine, words, exceptions, codes,
    conflict), `owner` says which of `neighbours` a candidate belongs to. `exact` are neighbours of the same fingerprint.
    """

    task: Task
    row: Row
    features: Numbers
    owner: Places
    neighbours: tuple[Neighbour, ...]
    own: npt.NDArray[np.bool_]
    groups: tuple[str | None, ...]
    exact: frozenset[int]
    settled: bool


class Offline:
    """Every row of some tasks, ready to be answered under any setting."""

    def __init__(self, material: Material, *, tasks: Sequence[Task]) -> None:
        self._material = material
        self._similarities: dict[tuple[int, str], Similarity] = {}
        self._features: dict[tuple[int, int], tuple[float, ...]] = {}
        self.asked = [asked for task in tasks for asked in self._ask(task)]

    def _ask(self, task: Task) -> Iterator[Asked]:
        memory = _Memory(self._material, task)
        for row in task.queries:
            yield self._compare(task, row, memory)

    def _compare(self, task: Task, row: Row, memory: _Memory) -> Asked:
        at = self._material.of_row[row.id]
        same = memory.same_fingerprint(at)
        settled = bool(same) and same[0].verdict is not Verdict.UNKNOWN
        candidates = () if settled else self._candidates(at, visible=memory.visible)
        neighbours = {each.precedent_id: each for each in same}
        for candidate in candidates:
            found = memory.neighbour(candidate)
            neighbours.setdefault(found.precedent_id, found)
        order = {identifier: number for number, identifier in enumerate(neighbours)}
        owner = [order[memory.neighbour(candidate).precedent_id] for candidate in candidates]
        return Asked(
            task=task,
            row=row,
            features=np.array([self._likeness(at, each) for each in candidates], dtype=np.float64).reshape(-1, 5),
            owner=np.array(owner, dtype=np.int64),
            neighbours=tuple(neighbours.values()),
            own=np.array([each.source is Source.INCIDENT for each in neighbours.values()]),
            groups=tuple(memory.group.get(each) for each in neighbours),
            exact=frozenset(range(len(same))),
            settled=settled,
        )

    def _candidates(self, at: int, *, visible: Places) -> list[int]:
        """Reciprocal rank fusion of the nearest by meaning and by word, as the engine does it."""
        line = at - self._material.first_of_rows
        fused: defaultdict[int, float] = defaultdict(float)
        for scores in (self._material.cosine[line, visible], self._material.lexical[line, visible]):
            best = np.argsort(-scores, kind="stable")[:CANDIDATES]
            for rank, place in enumerate(best[scores[best] > 0]):
                fused[int(visible[place])] += 1 / (RRF_K + rank)
        return sorted(fused, key=lambda place: -fused[place])[:CANDIDATES]

    def _likeness(self, at: int, other: int) -> tuple[float, ...]:
        if (at, other) not in self._features:
            cosine = float(self._material.cosine[at - self._material.first_of_rows, other])
            fields = near.fields_of(self._material.signatures[other])
            kinds = (_ONLY_WORDS, _ONLY_EXCEPTIONS, _ONLY_CODES, _ONLY_CONFLICT)
            words, exceptions, codes, free = (
                self._similarity(at, kind, str(number)).to(fields, cosine=1.0) for number, kind in enumerate(kinds)
            )
            self._features[at, other] = (max(0.0, cosine), words, exceptions, codes, 1.0 - free)
        return self._features[at, other]

    def _similarity(self, at: int, weights: SimilarityWeights, name: str) -> Similarity:
        if (at, name) not in self._similarities:
            fields = near.fields_of(self._material.signatures[at])
            self._similarities[at, name] = Similarity(fields, weights=weights, terms=self._material.terms)
        return self._similarities[at, name]


class _Memory:
    """The precedents that a task's workspace sees, counted as the store counts them."""

    def __init__(self, material: Material, task: Task) -> None:
        self._material = material
        self._rows: defaultdict[int, list[Row]] = defaultdict(list)
        for row in task.memory:
            self._rows[material.of_row[row.id]].append(row)
        self._neighbours: dict[int, Neighbour] = {}
        self.group: dict[UUID, str] = {}
        starters = np.arange(material.first_of_rows)
        self.visible: Places = np.concatenate([starters, np.array(sorted(self._rows), dtype=np.int64)]).astype(np.int64)
        self._by_fingerprint = {material.signatures[place].fingerprint: place for place in starters}

    def same_fingerprint(self, at: int) -> list[Neighbour]:
        """The workspace's own precedent of this fingerprint and the starter's, those that there are."""
        places = [at] if at in self._rows else []
        starter = self._by_fingerprint.get(self._material.signatures[at].fingerprint)
        return [self.neighbour(place) for place in (*places, *([] if starter is None else [starter]))]

    def neighbour(self, place: int) -> Neighbour:
        """The precedent that owns a signature, still without its similarity."""
        if place not in self._neighbours:
            starter = place < self._material.first_of_rows
            self._neighbours[place] = self._starter(place) if starter else self._own(place)
        return self._neighbours[place]

    def _starter(self, place: int) -> Neighbour:
        precedent = self._material.starters[place]
        return Neighbour(
            precedent_id=precedent_id(0, precedent.key),
            source=Source.STARTER,
            similarity=0.0,
            verdict=precedent.verdict,
            template="",
            cause=precedent.cause,
            action=precedent.action,
            stated_transient=int(precedent.verdict is Verdict.TRANSIENT),
            stated_genuine=int(precedent.verdict is Verdict.GENUINE),
        )

    def _own(self, place: int) -> Neighbour:
        rows = self._rows[place]
        identifier = precedent_id(WORKSPACE, self._material.signatures[place].fingerprint)
        self.group[identifier] = rows[-1].group
        transient = sum(row.label is Verdict.TRANSIENT for row in rows)
        return Neighbour(
            precedent_id=identifier,
            source=Source.INCIDENT,
            similarity=0.0,
            verdict=_stated(transient, len(rows) - transient),
            template="",
            cause=rows[-1].cause,
            action=Action(rows[-1].action),
            stated_transient=transient,
            stated_genuine=len(rows) - transient,
            occurrences=len(rows),
            last_seen=NOW,
        )


def _stated(transient: int, genuine: int) -> Verdict:
    """The rule of the store (`judged_verdict` in the migrations): two thirds of what was stated."""
    for verdict_, count in ((Verdict.TRANSIENT, transient), (Verdict.GENUINE, genuine)):
        if 3 * count >= 2 * (transient + genuine):
            return verdict_
    return Verdict.UNKNOWN


def similarities(asked: Asked, *, weights: SimilarityWeights) -> Numbers:
    """For each neighbour its best similarity: `Similarity.to` over all candidates at once (a test compares them)."""
    factors = np.array([weights.cosine, weights.words, weights.exceptions, weights.codes, -weights.code_conflict])
    most = weights.cosine + weights.words + weights.exceptions + weights.codes
    best: Numbers = np.zeros(len(asked.neighbours))
    np.maximum.at(best, asked.owner, np.clip(asked.features @ factors / most, 0.0, 1.0))
    best[list(asked.exact)] = 1.0
    return best


def ranked(asked: Asked, *, setting: Setting) -> tuple[Places, Numbers]:
    """Neighbours, best first, and the similarity of each (in the order of `asked.neighbours`)."""
    near_by = similarities(asked, weights=setting.similarity)
    order: Places = np.argsort(-(near_by + setting.own_first * asked.own), kind="stable")
    return order, near_by


def judged(asked: Asked, *, setting: Setting) -> tuple[Judgement, Places]:
    """The product's judgement of one row, and the order of its neighbours."""
    order, near_by = ranked(asked, setting=setting)
    found = [replace(asked.neighbours[at], similarity=float(near_by[at])) for at in order]
    return verdict.judge(found, settings=setting.verdict, now=NOW), order


def answer(asked: Asked, *, setting: Setting) -> Answer:
    """The answer that the product would give."""
    judgement, order = judged(asked, setting=setting)
    return Answer(
        row=asked.row,
        shown=tuple(Shown(asked.groups[at], asked.neighbours[at].verdict) for at in order[:MOST_EVIDENCE]),
        verdict=judgement.verdict,
        confidence=judgement.confidence,
        decision=decision_of(judgement, fail_from=setting.fail_from),
    )


def decision_of(judgement: Judgement, *, fail_from: float) -> DecisionAction:
    """What a caller at its first attempt is told."""
    return strategy.decide(
        judgement,
        strategy=strategy.plan(judgement),
        fail_from=fail_from,
        attempt=1,
        max_attempts=None,
        reason="",
    ).action
