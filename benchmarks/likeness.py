"""How near the rows of a corpus are to each other, for any weights: the product's `Similarity` as whole matrices.

The parts of a likeness are taken once, from the product's code; only their weighted sum is written again, so that
hundreds of weights can be tried (a test holds it against `Similarity.to`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.material import Material
from knowledge.advisor.advice import Neighbour
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.index.lexical import SparseVector, document_vector
from knowledge.lookup import MOST_STARTERS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a likeness, each of one shape; NaN where one of both has no codes, or no profile."""

    cosine: Numbers
    words: Numbers
    codes: Numbers
    profile: Numbers


class Comparison:
    """The rows' signatures compared with each other and with the starter precedents."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._parts = parts(material)
        self._rows: dict[SimilarityWeights, Numbers] = {}
        self._starters: dict[SimilarityWeights, tuple[list[Neighbour], ...]] = {}

    def rows(self, weights: SimilarityWeights) -> Numbers:
        """Shape (signatures, signatures): asked, remembered."""
        if weights not in self._rows:
            self._rows[weights] = weighted(self._parts, weights=weights)
        return self._rows[weights]

    def starters(self, weights: SimilarityWeights) -> tuple[list[Neighbour], ...]:
        """For each signature its nearest starter precedents; profiles are not compared with theirs."""
        weights = replace(weights, profile=0.0)
        if weights not in self._starters:
            self._starters[weights] = tuple(
                self._material.starters.nearest(
                    signature,
                    words=self._material.starters.words(signature.terms),
                    vector=vector,
                    weights=weights,
                    limit=MOST_STARTERS,
                )
                for signature, vector in zip(self._material.signatures, self._material.vectors, strict=True)
            )
        return self._starters[weights]


def weighted(given: Parts, *, weights: SimilarityWeights) -> Numbers:
    """The product's `Similarity.to`, elementwise."""
    score = weights.cosine * np.maximum(0.0, given.cosine) + weights.words * given.words
    most = np.full(score.shape, weights.cosine + weights.words)
    with_codes, with_profile = ~np.isnan(given.codes), ~np.isnan(given.profile)
    agreed = np.where(given.codes > 0, weights.codes * given.codes, -weights.code_conflict)
    score += np.where(with_codes, agreed, 0.0) + np.where(with_profile, weights.profile * given.profile, 0.0)
    most += weights.codes * with_codes + weights.profile * with_profile
    found: Numbers = np.clip(score / most, 0.0, 1.0)
    return found


def parts(material: Material) -> Parts:
    """The parts of the likeness of each signature (a line) to each."""
    signatures, profiles = material.signatures, material.profiles
    vectors = [document_vector(signature.terms) for signature in signatures]
    shape = (len(signatures), len(signatures))
    words, codes, profile = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    for line, asked in enumerate(signatures):
        similarity = Similarity(asked.terms, codes=(), weights=SimilarityWeights(), terms=material.starters.weights)
        ours = frozenset(asked.codes)
        for column, other in enumerate(signatures):
            words[line, column] = min(1.0, similarity.words(vectors[column]))
            theirs = frozenset(other.codes)
            if ours and theirs:
                codes[line, column] = len(ours & theirs) / len(ours | theirs)
            if profiles[line].indices and profiles[column].indices:
                profile[line, column] = cosine(profiles[line], profiles[column])
    return Parts((material.vectors @ material.vectors.T).astype(np.float64), words, codes, profile)


def cosine(one: SparseVector, other: SparseVector) -> float:
    """Of two unit vectors."""
    values = dict(zip(one.indices, one.values, strict=True))
    return sum(values.get(index, 0.0) * value for index, value in zip(other.indices, other.values, strict=True))
