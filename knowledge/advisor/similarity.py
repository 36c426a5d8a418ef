"""How near a failure is to a signature: by meaning, by word, and by the fields that carry meaning."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from knowledge.advisor.term_weights import TermWeights


@dataclass(frozen=True, slots=True)
class Fields:
    """What of a signature is compared, besides its vector."""

    terms: Collection[str]
    exceptions: Collection[str] = ()
    codes: Collection[str] = ()
    operations: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class SimilarityWeights:
    """How much each kind of likeness counts; chosen on folds by `python -m benchmarks.tune CORPUS`."""

    cosine: float = 0.5
    words: float = 0.5
    exceptions: float = 0.05
    codes: float = 0.1
    code_conflict: float = 0.05


class Similarity:
    """Compares one failure with many signatures; what belongs to the failure is computed once."""

    def __init__(self, asked: Fields, *, weights: SimilarityWeights, terms: TermWeights) -> None:
        self._terms = terms
        self._weights = weights
        self._asked_terms = frozenset(asked.terms)
        self._asked_exceptions = _names(asked.exceptions)
        self._asked_codes = frozenset(asked.codes)
        self._mass = _mass(self._asked_terms, terms)

    def to(self, other: Fields, *, cosine: float) -> float:
        """From 0 (nothing in common) to 1 (the same)."""
        weights = self._weights
        codes = _overlap(self._asked_codes, frozenset(other.codes))
        score = weights.cosine * max(0.0, cosine) + weights.words * self.words_in_common(other.terms)
        score += weights.exceptions * (_overlap(self._asked_exceptions, _names(other.exceptions)) or 0.0)
        score += weights.codes * (codes or 0.0)
        if codes == 0.0:
            score -= weights.code_conflict
        most = weights.cosine + weights.words + weights.exceptions + weights.codes
        return min(1.0, max(0.0, score / most))

    def words_in_common(self, terms: Collection[str]) -> float:
        """Cosine of the two sets of words, each word by its weight."""
        theirs = frozenset(terms)
        mass = self._mass * _mass(theirs, self._terms)
        if not mass:
            return 0.0
        shared = sum(self._terms.weight(term) ** 2 for term in self._asked_terms & theirs)
        return float(shared / mass**0.5)


def _mass(terms: Collection[str], weights: TermWeights) -> float:
    return sum(weights.weight(term) ** 2 for term in terms)


def _names(exceptions: Collection[str]) -> frozenset[str]:
    """Classes by their last name: the same class is re-exported under several modules."""
    return frozenset(name.replace("::", ".").rpartition(".")[2] for name in exceptions)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float | None:
    """Share of what either has that both have; None when one of them has nothing to compare."""
    return len(one & other) / len(one | other) if one and other else None
