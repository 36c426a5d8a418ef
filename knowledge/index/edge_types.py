"""What the index is told, in the types of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import qdrant_edge as qe

from knowledge.index import conditions as c
from knowledge.index.lexical import SparseVector
from knowledge.index.payload import to_json
from knowledge.index.points import AnyVector, Question, vectors_of
from knowledge.index.port import KNOWN_AS, LEXICAL, PROFILE, RESOLUTION, SIGNATURE, IndexPoint


def config(dimensions: int) -> qe.EdgeConfig:
    """Of a shard for vectors of that many dimensions."""
    dense = qe.EdgeVectorParams(size=dimensions, distance=qe.Distance.Cosine)
    words = qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)
    return qe.EdgeConfig(
        vectors={SIGNATURE: dense, RESOLUTION: dense},
        sparse_vectors={LEXICAL: words, KNOWN_AS: words, PROFILE: qe.EdgeSparseVectorParams()},
        max_search_threads=1,  # a search is over before a second thread has begun
    )


def field_indexes() -> Iterator[qe.UpdateOperation]:
    """Make the payload fields that filters ask for quick to ask for."""
    kinds: tuple[tuple[tuple[str, ...], qe.PayloadSchemaType], ...] = (
        (c.KEYWORD_FIELDS, qe.PayloadSchemaType.Keyword),
        (c.INTEGER_FIELDS, qe.PayloadSchemaType.Integer),
        (c.FLOAT_FIELDS, qe.PayloadSchemaType.Float),
    )
    for names, kind in kinds:
        for name in names:
            yield qe.UpdateOperation.create_field_index(name, kind)


def condition_of(condition: c.Condition) -> qe.FieldCondition:
    """A condition of a filter."""
    match condition:
        case c.OneOf(key, values):
            return qe.FieldCondition(key, match=qe.MatchAny(cast(list[str], list(values))))
        case c.AtLeast(key, number):
            return qe.FieldCondition(key, range=qe.RangeFloat(gte=number))


def prefetch_of(question: Question, *, limit: int) -> qe.Prefetch:
    """The nearest by one vector."""
    nearest = qe.Query.Nearest(vector_of(question.vector), using=question.using)
    among = qe.Filter(must=[condition_of(each) for each in c.conditions(question.filter)])
    return qe.Prefetch(limit=limit, query=nearest, filter=among)


def point_of(point: IndexPoint) -> qe.Point:
    """A point to write."""
    vectors: dict[str, Any] = {name: vector_of(given) for name, given in vectors_of(point)}
    return qe.Point(str(point.id), vectors, to_json(point.payload))


def vector_of(given: AnyVector) -> list[float] | qe.SparseVector:
    """A vector to write or to ask with."""
    if isinstance(given, SparseVector):
        return qe.SparseVector(indices=list(given.indices), values=list(given.values))
    return given
