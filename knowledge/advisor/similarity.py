"""How near a failure is to a signature: by meaning, word, codes, and the starter precedents both are near to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from knowledge.advisor.term_weights import TermWeights
from knowledge.index.lexical import EMPTY, SparseVector, document_vector, term_index


@dataclass(frozen=True, slots=True)
class SimilarityWeights:
    """How much each kind of likeness counts; chosen on folds by `python -m benchmarks.tune CORPUS`."""

    cosine: float = 0.6
    words: float = 0.4
    codes: float = 0.05
    code_conflict: float = 0.05
    profile: float = 0.2


class Similarity:
    """Compares one failure with many signatures; what belongs to the failure is computed once."""

    def __init__(
        self,
        asked_terms: Collection[str],
        *,
        codes: Collection[str],
        weights: SimilarityWeights,
        terms: TermWeights,
        profile: SparseVector = EMPTY,
    ) -> None:
        self._weights = weights
        self._codes = frozenset(codes)
        self._profile = dict(zip(profile.indices, profile.values, strict=True))
        self._term_weights = {term_index(term): terms.weight(term) for term in frozenset(asked_terms)}
        self._self_score = self._bm25(document_vector(asked_terms))

    def to(self, *, cosine_: float, words: float, codes: Collection[str], profile: SparseVector) -> float:
        """From 0 (nothing in common) to 1 (the same); `words` is what `words` says of the signature's own words."""
        weights = self._weights
        score = weights.cosine * max(0.0, cosine_) + weights.words * min(1.0, words)
        most = weights.cosine + weights.words
        if self._codes and codes:
            shared = len(self._codes.intersection(codes)) / len(self._codes.union(codes))
            score += weights.codes * shared if shared else -weights.code_conflict
            most += weights.codes
        if self._profile and profile.indices:
            score += weights.profile * _dot(self._profile, profile)
            most += weights.profile
        return min(1.0, max(0.0, score / most))

    def words(self, lexical: SparseVector) -> float:
        """BM25 of the signature for the failure's words, as a share of what the failure itself would score."""
        return self._bm25(lexical) / self._self_score if self._self_score else 0.0

    def _bm25(self, lexical: SparseVector) -> float:
        return _dot(self._term_weights, lexical)


def _dot(weights: dict[int, float], vector: SparseVector) -> float:
    """Of two sparse vectors; a plain loop, for it runs some fifty times for each failure."""
    total = 0.0
    for index, value in zip(vector.indices, vector.values, strict=True):
        if index in weights:
            total += weights[index] * value
    return total
