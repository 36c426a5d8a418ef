"""From hits of the index to neighbours: compared, gathered by precedent, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from knowledge.advisor.advice import Neighbour, Retries
from knowledge.advisor.similarity import Similarity
from knowledge.failures import Action, Source, Verdict
from knowledge.index.port import IndexHit, IndexPayload
from knowledge.retries import FIRST_RETRY, Fared, RetryHistory
from knowledge.store.records import PrecedentRecord

#: A workspace's own precedents at least this near go before all starter precedents: they have incidents behind them
#: (`python -m benchmarks.tune CORPUS`).
OWN_FIRST_FROM = 0.25
#: How much likeness to a neighbour shown already counts against one (`python -m benchmarks.tune CORPUS`).
REDUNDANCY = 0.25


def nearest_by_precedent(hits: Sequence[IndexHit], *, similarity: Similarity) -> dict[UUID, tuple[IndexHit, float]]:
    """For each precedent its nearest signature and the similarity of that."""
    nearest: dict[UUID, tuple[IndexHit, float]] = {}
    for hit in hits:
        words = similarity.words(hit.lexical)
        score = similarity.to(cosine_=hit.cosine, words=words, codes=hit.codes, profile=hit.profile)
        if hit.precedent_id not in nearest or score > nearest[hit.precedent_id][1]:
            nearest[hit.precedent_id] = (hit, score)
    return nearest


def gather(
    nearest: Mapping[UUID, tuple[IndexHit, float]], *, records: Mapping[UUID, PrecedentRecord] | None
) -> list[Neighbour]:
    """Neighbours, best first; from the index alone when `records` (what PostgreSQL knows) is None.

    A precedent that PostgreSQL no longer has is left out: the index follows behind.
    """
    if records is None:
        found = [replace(_from_payload(hit.payload, score), vector=hit.vector) for hit, score in nearest.values()]
    else:
        merged: dict[UUID, Neighbour] = {}
        for asked, (hit, score) in nearest.items():
            record = records.get(asked)
            if record is None:
                continue
            if record.id not in merged or merged[record.id].similarity < score:
                shown = from_record(record, similarity=score, seen_as=hit.payload)
                merged[record.id] = replace(shown, vector=hit.vector)
        found = list(merged.values())
    return sorted(found, key=rank, reverse=True)


def settled(neighbour: Neighbour) -> bool:
    """Whether anything was found out about it; what is as open as the failure that is asked helps nobody."""
    return neighbour.verdict is not Verdict.UNKNOWN or neighbour.resolution is not None


def rank(neighbour: Neighbour) -> tuple[bool, float]:
    """What neighbours are ordered by: the workspace's own first, then similarity, less what nearer ones say as well."""
    own = neighbour.source is Source.INCIDENT and neighbour.similarity >= OWN_FIRST_FROM and settled(neighbour)
    return own, neighbour.similarity - neighbour.redundancy


def spread(neighbours: Sequence[Neighbour], *, redundancy: float = REDUNDANCY) -> list[Neighbour]:
    """The nearest, then the one that adds most to those before it, and so on: each entry is to tell something new.

    Maximal marginal relevance: Carbonell and Goldstein, SIGIR 1998. Neighbours without a vector are like no other.
    """
    waiting = sorted(neighbours, key=rank, reverse=True)
    chosen: list[Neighbour] = []
    while waiting:
        best = max(waiting, key=rank)  # of equals the first
        waiting.remove(best)
        chosen.append(best)
        waiting = [_beside(best, each, redundancy=redundancy) for each in waiting]
    return chosen


def _beside(chosen: Neighbour, other: Neighbour, *, redundancy: float) -> Neighbour:
    if chosen.vector is None or other.vector is None:
        return other
    said = redundancy * float(np.dot(chosen.vector, other.vector))
    return replace(other, redundancy=said) if said > other.redundancy else other


def from_record(record: PrecedentRecord, *, similarity: float, seen_as: IndexPayload | None = None) -> Neighbour:
    """A neighbour with the counts that PostgreSQL has."""
    nearest = seen_as or record.signature
    return Neighbour(
        precedent_id=record.id,
        source=record.source,
        similarity=similarity,
        verdict=record.verdict,
        template=nearest.template,
        cause=record.cause,
        action=record.action,
        overridden=record.verdict_override is not None,
        stated_transient=record.stated_transient,
        stated_genuine=record.stated_genuine,
        retries=Retries(record.retries_succeeded, record.retries_failed),
        history=record.history,
        occurrences=record.occurrences,
        last_seen=record.last_seen,
        exceptions=nearest.exceptions,
        codes=nearest.codes,
        operations=nearest.operations,
        terms=seen_as.terms if seen_as else (),
        title=record.title,
        resolution=record.resolution.summary if record.resolution else None,
        incident_id=record.latest_incident_id,
        external_id=record.latest_external_id,
    )


def turned_out_both_ways(neighbour: Neighbour) -> bool:
    """Whether its context may tell what it is; what a person decided of it stands."""
    passing = neighbour.stated_transient + neighbour.retries.succeeded
    failing = neighbour.stated_genuine + neighbour.retries.failed
    return neighbour.source is Source.INCIDENT and not neighbour.overridden and bool(passing and failing)


def with_terms(neighbour: Neighbour, terms: tuple[str, ...]) -> Neighbour:
    """A neighbour of the same fingerprint has the failure's own words."""
    return replace(neighbour, terms=terms)


def _from_payload(payload: IndexPayload, similarity: float) -> Neighbour:
    return Neighbour(
        precedent_id=payload.precedent_id,
        source=payload.source,
        similarity=similarity,
        verdict=payload.verdict,
        template=payload.template,
        cause=payload.cause,
        action=Action(payload.action) if payload.action else None,
        retries=Retries(payload.retries_succeeded, payload.retries_failed),
        history=_without_waits(payload),
        occurrences=payload.occurrences,
        last_seen=datetime.fromtimestamp(payload.last_seen, UTC) if payload.last_seen else None,
        exceptions=payload.exceptions,
        codes=payload.codes,
        operations=payload.operations,
        terms=payload.terms,
        title=payload.title,
        resolution=payload.resolution,
        incident_id=payload.incident_id,
        external_id=payload.external_id,
    )


def _without_waits(payload: IndexPayload) -> RetryHistory:
    """The index knows how many retries passed, and not after which waits."""
    return RetryHistory((Fared(None, FIRST_RETRY, payload.retries_succeeded, payload.retries_failed),))
