"""The starter precedents at hand: compared exactly and in memory, for every failure is asked of all of them.

They are a few thousand wordings that change only with the product. Holding them here keeps them from being crowded out
by a workspace's own precedents, answers when the index or the store is away, and gives every failure its *profile*:
which starter precedents it is near to by its words. The same cause is worded in many ways, and the starter precedents
hold several wordings of each, so two failures near to the same ones are near to each other though they share no word.
(The idea is that of explicit semantic analysis, Gabrilovich and Markovitch, IJCAI 2007.)
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from knowledge.advisor.advice import Neighbour
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.index.lexical import EMPTY, SparseVector, document_vector, term_index
from knowledge.signature.signature import Signature

#: How many starter precedents make a profile, and how fast their weight falls: the best of few values tried by hand
#: under the warm protocol; `benchmarks.tune` does not search them yet.
PROFILE_SIZE = 5
PROFILE_SHARPNESS = 8.0
#: Wordings that are compared in full; by far more than are shown.
COMPARED = 40

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording of a starter precedent: a neighbour to be (its similarity still 0), and its vector."""

    neighbour: Neighbour
    vector: Numbers


class Starters:
    """All wordings, as an inverted index and a matrix; nothing in it changes."""

    def __init__(self, wordings: Sequence[Wording]) -> None:
        rows = sorted(wordings, key=lambda row: row.neighbour.precedent_id)
        ids = [row.neighbour.precedent_id for row in rows]
        self._neighbours = [row.neighbour for row in rows]
        self._starts = [place for place, id in enumerate(ids) if place == 0 or ids[place - 1] != id]
        self._owners = [ids[place] for place in self._starts]
        self._postings = _inverted([document_vector(row.neighbour.terms) for row in rows])
        self._matrix: Numbers = np.stack([row.vector for row in rows]) if rows else np.zeros((0, 0), dtype=np.float32)
        self.weights = TermWeights.of(neighbour.terms for neighbour in self._neighbours)

    def words(self, terms: Collection[str]) -> Numbers:
        """BM25 of every wording for these words, as a share of what they themselves would score."""
        own = document_vector(terms)
        weights = {term_index(term): self.weights.weight(term) for term in frozenset(terms)}
        most = sum(weights[index] * value for index, value in zip(own.indices, own.values, strict=True))
        scores = np.zeros(len(self._neighbours), dtype=np.float32)
        for index, weight in weights.items():
            posting = self._postings.get(index)
            if posting is not None:
                scores[posting[0]] += weight * posting[1]
        return scores / most if most else scores

    def profile(self, words: Numbers) -> SparseVector:
        """Unit vector over the starter precedents nearest by `words`, each by its best wording."""
        if not len(words):
            return EMPTY
        best_wording = np.maximum.reduceat(words, self._starts)
        count = min(PROFILE_SIZE, len(best_wording))
        nearest = np.argpartition(-best_wording, count - 1)[:count]
        return _unit({_place(self._owners[row]): float(best_wording[row]) for row in nearest if best_wording[row] > 0})

    def nearest(
        self, asked: Signature, *, words: Numbers, vector: Numbers | None, weights: SimilarityWeights, limit: int
    ) -> list[Neighbour]:
        """The nearest starter precedents, best first; by `words` alone where there is no vector."""
        if not self._neighbours:
            return []
        cosines = self._matrix @ vector if vector is not None else np.zeros_like(words)
        rough = weights.cosine * cosines + weights.words * words
        count = min(COMPARED, len(rough))
        similarity = Similarity(asked.terms, codes=asked.codes, weights=weights, terms=self.weights)
        best: dict[UUID, tuple[float, int]] = {}
        for row in np.argpartition(-rough, count - 1)[:count].tolist():
            neighbour = self._neighbours[row]
            score = similarity.to(
                cosine_=float(cosines[row]), words=float(words[row]), codes=neighbour.codes, profile=EMPTY
            )
            best[neighbour.precedent_id] = max(best.get(neighbour.precedent_id, (-1.0, -1)), (score, row))
        found = sorted(best.values(), reverse=True)[:limit]
        return [replace(self._neighbours[row], similarity=score) for score, row in found]


def _inverted(documents: Sequence[SparseVector]) -> dict[int, tuple[npt.NDArray[np.intp], Numbers]]:
    found: dict[int, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    for row, document in enumerate(documents):
        for index, value in zip(document.indices, document.values, strict=True):
            found[index][0].append(row)
            found[index][1].append(value)
    return {index: (np.array(rows), np.array(values, dtype=np.float32)) for index, (rows, values) in found.items()}


def _unit(scores: dict[int, float]) -> SparseVector:
    if not scores:
        return EMPTY
    best = max(scores.values())
    weights = {place: math.exp(PROFILE_SHARPNESS * (score - best)) for place, score in sorted(scores.items())}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return SparseVector(tuple(weights), tuple(weight / length for weight in weights.values()))


def _place(id: UUID) -> int:
    return id.int & 0xFFFFFFFF
