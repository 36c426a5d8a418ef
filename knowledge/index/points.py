"""What both adapters ask, write and read, before and after it takes their engine's own types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np

from knowledge.failures import Cause, Verdict
from knowledge.index.lexical import EMPTY, SparseVector
from knowledge.index.payload import from_json
from knowledge.index.port import (
    KNOWN_AS,
    LEXICAL,
    PROFILE,
    RESOLUTION,
    SIGNATURE,
    IndexFacts,
    IndexFilter,
    IndexHit,
    IndexPoint,
    NeighbourQuery,
)

#: Points of a page, where all are read.
PAGE = 1000
RRF_K = 60
#: Of each kind of neighbours; by fusion the best of them remain.
PREFETCHED = 40
#: Fields of the payload that facets count.
FACTS = [field.name for field in fields(IndexFacts)]

#: Dense as a list of floats, which both engines take, or sparse.
AnyVector = list[float] | SparseVector


@dataclass(frozen=True, slots=True)
class Question:
    """A vector to ask with: the name of those to compare it with, and among which points."""

    using: str
    vector: AnyVector
    filter: IndexFilter


def questions(query: NeighbourQuery) -> Iterator[Question]:
    """What to ask; the engine fuses the answers."""
    wanted = query.filter
    yield Question(SIGNATURE, query.vector.tolist(), wanted)
    if query.lexical.indices:
        yield Question(LEXICAL, query.lexical, wanted)
    if query.profile is not None and query.profile.indices:
        yield Question(PROFILE, query.profile, wanted)
    if query.as_known and wanted.resolved is not False:
        # The few that are resolved, by the field's index: else the engine looks through all for those with the vector.
        yield Question(RESOLUTION, query.vector.tolist(), replace(wanted, resolved=True))
    if query.as_known and query.lexical.indices:
        yield Question(KNOWN_AS, query.lexical, wanted)


def wanted_vectors(query: NeighbourQuery) -> list[str]:
    """Names of the vectors that a hit brings along."""
    compared = [SIGNATURE, LEXICAL]
    compared += [] if query.profile is None else [PROFILE]
    return compared + ([RESOLUTION, KNOWN_AS] if query.as_known else [])


def vectors_of(point: IndexPoint) -> Iterator[tuple[str, AnyVector]]:
    """A point's vectors by name."""
    yield SIGNATURE, point.signature.tolist()
    yield LEXICAL, point.lexical
    if point.profile is not None:
        yield PROFILE, point.profile
    if point.known_as.indices:
        yield KNOWN_AS, point.known_as
    if point.resolution is not None:
        yield RESOLUTION, point.resolution.tolist()


def hit_of(
    id: object, *, score: float, payload: Mapping[str, Any] | None, vectors: object, query: NeighbourQuery
) -> IndexHit:
    """A point that an engine found: its payload and the vectors that were asked for, as the engine gives them back."""
    by_name: dict[str, Any] = vectors if isinstance(vectors, dict) else {}
    known = dict(payload or {})
    vector = None if SIGNATURE not in by_name else np.asarray(by_name[SIGNATURE], dtype=np.float32)
    return IndexHit(
        id=UUID(str(id)),
        precedent_id=UUID(known["precedent_id"]),
        codes=tuple(known["codes"]),
        read_payload=partial(from_json, known),
        cosine=_cosine(vector, query) or 0.0,
        fused=score,
        lexical=_sparse(by_name.get(LEXICAL)),
        profile=_sparse(by_name.get(PROFILE)),
        known_as=_sparse(by_name.get(KNOWN_AS)),
        resolution_cosine=_cosine(by_name.get(RESOLUTION), query),
        vector=vector,
    )


def facts_of(payload: Mapping[str, Any] | None) -> IndexFacts:
    """What facets count of a point, from its payload or from `FACTS` of it."""
    known = dict(payload or {})
    return IndexFacts(
        precedent_id=UUID(known["precedent_id"]),
        verdict=Verdict(known["verdict"]),
        cause=Cause(known["cause"]) if known.get("cause") else None,
        pipelines=tuple(known["pipelines"]),
        resolved=known["resolved"] == "true",
        last_seen=known["last_seen"],
    )


def version_of(id: object, payload: Mapping[str, Any] | None) -> tuple[UUID, int]:
    """A point's id and version."""
    return UUID(str(id)), int((payload or {}).get("version", 0))


def _sparse(vector: Any) -> SparseVector:
    return EMPTY if vector is None else SparseVector(tuple(vector.indices), tuple(vector.values))


def _cosine(vector: Any, query: NeighbourQuery) -> float | None:
    # Stored vectors have unit length, as the engines keep them, and so has the query's.
    return None if vector is None else float(np.dot(np.asarray(vector, dtype=np.float32), query.vector))
