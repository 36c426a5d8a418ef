"""Which starter precedents a failure is near to, as a vector: failures near to the same ones are near to each other.

The same cause is worded in many ways, and the starter precedents hold several wordings of each: they are bridges
between wordings that share no word. In Qdrant terms it is a sparse vector; the idea is that of explicit semantic
analysis (Gabrilovich and Markovitch, IJCAI 2007), with documented failures for the encyclopaedia.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from uuid import UUID

from knowledge.index.lexical import SparseVector

#: How many starter precedents, and how fast their weight falls with similarity (`python -m benchmarks.tune CORPUS`).
NEAREST = 5
SHARPNESS = 8.0


def profile_of(nearest: Iterable[tuple[UUID, float]]) -> SparseVector:
    """Unit vector over starter precedents, from `(precedent id, similarity)`."""
    best = sorted(nearest, key=lambda pair: -pair[1])[:NEAREST]
    weights = {_place(id): math.exp(SHARPNESS * (score - best[0][1])) for id, score in best}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    ordered = sorted(weights.items())
    return SparseVector(indices=tuple(i for i, _ in ordered), values=tuple(w / length for _, w in ordered))


def cosine(one: SparseVector, other: SparseVector) -> float:
    """Of two unit vectors; 0 when one is empty."""
    values = dict(zip(one.indices, one.values, strict=True))
    return sum(values.get(index, 0.0) * value for index, value in zip(other.indices, other.values, strict=True))


def _place(id: UUID) -> int:
    return id.int & 0xFFFFFFFF
