"""Words as a sparse vector: the document's half of BM25; Qdrant multiplies by the inverse document frequency.

BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

#: The usual BM25 constants; the mean length is between that of starter wordings (20 terms) and reported failures (30).
SATURATION = 1.2
LENGTH_WEIGHT = 0.75
MEAN_LENGTH = 25.0


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Distinct indices (hashes of terms, 32 bits) and their weights."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


#: A vector without words.
EMPTY = SparseVector(indices=(), values=())


def document_vector(terms: Iterable[str]) -> SparseVector:
    """Saturated, length-normalised term frequencies."""
    counts = Counter(terms)
    length = sum(counts.values())
    norm = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * length / MEAN_LENGTH)
    return _vector({term: n * (SATURATION + 1) / (n + norm) for term, n in counts.items()})


def weighted_vector(counts: Mapping[str, float]) -> SparseVector:
    """Saturated frequencies of a text of several fields, where each field says how much its words count.

    BM25 of weighted fields: Robertson, Zaragoza and Taylor, CIKM 2004. Lengths do not matter: fields are short.
    """
    return _vector({term: n * (SATURATION + 1) / (n + SATURATION) for term, n in counts.items()})


def query_vector(terms: Iterable[str]) -> SparseVector:
    """Each distinct term once."""
    return _vector(dict.fromkeys(terms, 1.0))


def _vector(weights: dict[str, float]) -> SparseVector:
    by_index: dict[int, float] = {}
    for term, weight in weights.items():
        index = term_index(term)
        by_index[index] = by_index.get(index, 0.0) + weight
    ordered = sorted(by_index.items())
    return SparseVector(indices=tuple(i for i, _ in ordered), values=tuple(w for _, w in ordered))


@lru_cache(maxsize=65536)
def term_index(term: str) -> int:
    """A term's place in the sparse vector: 32 bits of its hash, the same in every process."""
    return int.from_bytes(hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=4).digest(), "big")
