"""The facade of those who look around: precedents found by a question or seen last, with facets, and kept searches.

Answers are documents. Raises only `knowledge.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from knowledge import documents
from knowledge.advisor.advice import Neighbour
from knowledge.documents import Document
from knowledge.errors import StoreUnavailable
from knowledge.facets import Chosen, Count, Facet, Facts, counts
from knowledge.failures import MOST_RESULTS
from knowledge.index.port import IndexPayload
from knowledge.lookup import STORE
from knowledge.search import SearchQuery
from knowledge.searching import Asked, FoundPrecedents, Searching
from knowledge.store import finding as stored
from knowledge.store.database import Connection, Database
from knowledge.workspaces import Workspaces

#: Precedents that facets count, nearest or latest first: enough to choose by, and few enough to count while one waits.
COUNTED = 500

Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of precedents. `next` is the place of the last one where there are more (of a list, not of a question);
    `counted` is how many precedents facets counted at most.
    """

    results: Sequence[Document]
    facets: dict[Facet, list[Count]]
    counted: int
    next: Place | None = None
    degraded: tuple[str, ...] = ()


class Finding:
    """Built once, by the composition root."""

    def __init__(
        self,
        database: Database,
        *,
        searching: Searching,
        workspaces: Workspaces,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._searching = searching
        self._workspaces = workspaces
        self._clock = clock

    async def nearest(self, workspace: str, text: str, chosen: Chosen, *, limit: int) -> Found:
        """By meaning and by word, best first; facets count among as many as are shown.

        Without PostgreSQL they are as the index has them.
        """
        now = self._clock()
        asked = await self._searching.ask(
            _query(text, chosen, now=now, limit=limit), workspace_id=await self._workspace_or_none(workspace)
        )
        found = await self._searching.find(asked)
        entries = self._searching.shown(asked, found)
        near = {each.precedent_id: each for each in found.neighbours}
        results = [documents.of_evidence(each) | _seen(each.precedent_id, near=near, found=found) for each in entries]
        facets = await self._facets_near(asked, found, chosen, now=now)
        return Found(results, facets, counted=limit, degraded=() if found.known else (STORE,))

    async def latest(self, workspace: str, chosen: Chosen, *, after: Place | None, limit: int) -> Found:
        """The workspace's own, those seen last first; `after` is the `next` of the page before."""
        now, workspace_id = self._clock(), await self._workspaces.id_of(workspace)
        wanted = _wanted(chosen, now=now)
        async with self._database.connection() as connection:
            page = await stored.latest(
                connection, workspace_id=workspace_id, wanted=wanted, after=after, limit=limit + 1
            )
            facets = await self._facets_latest(connection, workspace_id, chosen, now=now)
        last = page[limit - 1] if len(page) > limit else None
        return Found(
            [documents.of_latest(each) for each in page[:limit]],
            facets,
            counted=COUNTED,
            next=(last.place, last.id) if last else None,
        )

    async def _facets_latest(
        self, connection: Connection, workspace_id: int, chosen: Chosen, *, now: datetime
    ) -> dict[Facet, list[Count]]:
        """Each facet among what all other choices leave: where one is chosen, that is read again without it."""
        among = await self._facts(connection, workspace_id, chosen, now=now)
        facets = {}
        for facet in Facet:
            picked, others = chosen.of(facet), among
            if picked is not None:
                others = await self._facts(connection, workspace_id, chosen.without(facet), now=now)
            facets[facet] = counts(facet, others, chosen=picked, now=now)
        return facets

    async def _workspace_or_none(self, name: str) -> int | None:
        try:
            return await self._workspaces.id_of(name)
        except StoreUnavailable:
            return None

    @staticmethod
    async def _facts(connection: Connection, workspace_id: int, chosen: Chosen, *, now: datetime) -> list[Facts]:
        wanted = _wanted(chosen, now=now)
        return await stored.facts(connection, workspace_id=workspace_id, wanted=wanted, limit=COUNTED)

    async def _facets_near(
        self, asked: Asked, found: FoundPrecedents, chosen: Chosen, *, now: datetime
    ) -> dict[Facet, list[Count]]:
        """Each facet among what all other choices leave: where one is chosen, that is asked for again without it."""
        limit = asked.query.limit
        among = [_facts_of(hit.payload) for hit in list(found.hits.values())[:limit]]
        facets = {}
        for facet in Facet:
            picked = chosen.of(facet)
            others = among
            if picked is not None:
                query = _query(asked.query.text, chosen.without(facet), now=now, limit=limit)
                hits = await self._searching.hits(replace(asked, query=query))
                nearest = {hit.precedent_id: hit for hit in reversed(hits)}
                others = [_facts_of(hit.payload) for hit in list(reversed(nearest.values()))[:limit]]
            facets[facet] = counts(facet, others, chosen=picked, now=now)
        return facets


def _query(text: str, chosen: Chosen, *, now: datetime, limit: int) -> SearchQuery:
    return SearchQuery(
        text=text,
        verdict=chosen.verdict,
        cause=chosen.cause,
        pipeline=chosen.pipeline,
        since=chosen.since(now),
        resolved=chosen.resolved,
        limit=min(limit, MOST_RESULTS),
    )


def _wanted(chosen: Chosen, *, now: datetime) -> dict[str, Any]:
    return {
        "verdict": chosen.verdict,
        "cause": chosen.cause,
        "pipeline": chosen.pipeline,
        "resolved": chosen.resolved,
        "since": chosen.since(now),
    }


def _facts_of(payload: IndexPayload) -> Facts:
    seen = datetime.fromtimestamp(payload.last_seen, UTC) if payload.last_seen else None
    return Facts(payload.verdict, payload.cause, payload.pipelines, payload.resolved, seen)


def _seen(id: UUID, *, near: dict[UUID, Neighbour], found: FoundPrecedents) -> Document:
    """How often, when, and in which pipelines."""
    each, hit = near[id], found.hits.get(id)
    return {
        "occurrences": each.occurrences,
        "last_seen": documents.moment(each.last_seen),
        "pipelines": list(hit.payload.pipelines[: stored.MOST_PIPELINES]) if hit else [],
    }
