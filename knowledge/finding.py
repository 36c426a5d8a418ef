"""The facade of those who look around: precedents found by a question or seen last, with facets, and kept searches.

Answers are documents. Raises only `knowledge.errors`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from knowledge import documents
from knowledge.advisor.advice import Neighbour
from knowledge.documents import Document
from knowledge.errors import StoreUnavailable
from knowledge.facets import Chosen, Count, Facet, Facts, counts
from knowledge.failures import MOST_RESULTS
from knowledge.index.port import IndexFacts, IndexPayload
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
    `counted` is how many precedents facets counted at most; a file has none.
    """

    results: Sequence[Document]
    counted: int
    facets: Mapping[Facet, list[Count]] = field(default_factory=dict)
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
        asked, found = await self._near(workspace, text, chosen, now=now, limit=limit)
        facets = await self._facets_near(asked, found, chosen, now=now)
        return replace(self._shown(asked, found), facets=facets)

    async def all_nearest(self, workspace: str, text: str, chosen: Chosen, *, limit: int) -> Found:
        """The same without facets, for a file."""
        return self._shown(*await self._near(workspace, text, chosen, now=self._clock(), limit=limit))

    async def latest(self, workspace: str, chosen: Chosen, *, after: Place | None, limit: int) -> Found:
        """The workspace's own, those seen last first; `after` is the `next` of the page before."""
        now, workspace_id = self._clock(), await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            page = await self._page(connection, workspace_id, chosen, now=now, after=after, limit=limit)
            facets = await self._facets_latest(connection, workspace_id, chosen, now=now)
        return replace(page, facets=facets)

    async def all_latest(self, workspace: str, chosen: Chosen, *, limit: int) -> Found:
        """The same without facets, for a file."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            return await self._page(connection, workspace_id, chosen, now=self._clock(), after=None, limit=limit)

    async def _near(
        self, workspace: str, text: str, chosen: Chosen, *, now: datetime, limit: int
    ) -> tuple[Asked, FoundPrecedents]:
        query = _query(text, chosen, now=now, limit=limit)
        asked = await self._searching.ask(query, workspace_id=await self._workspace_or_none(workspace))
        return asked, await self._searching.find(asked)

    def _shown(self, asked: Asked, found: FoundPrecedents) -> Found:
        near = {each.precedent_id: each for each in found.neighbours}
        entries = self._searching.shown(asked, found)
        results = [documents.of_evidence(each) | _seen(each.precedent_id, near=near, found=found) for each in entries]
        return Found(results, counted=asked.query.limit, degraded=() if found.known else (STORE,))

    @staticmethod
    async def _page(
        connection: Connection, workspace_id: int, chosen: Chosen, *, now: datetime, after: Place | None, limit: int
    ) -> Found:
        wanted = _wanted(chosen, now=now)
        page = await stored.latest(connection, workspace_id=workspace_id, wanted=wanted, after=after, limit=limit + 1)
        last = page[limit - 1] if len(page) > limit else None
        results = [documents.of_latest(each) for each in page[:limit]]
        return Found(results, counted=COUNTED, next=(last.place, last.id) if last else None)

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
        picked = [facet for facet in Facet if chosen.of(facet) is not None]
        wider = await asyncio.gather(*(self._facts_without(facet, asked, chosen, now=now) for facet in picked))
        others = dict(zip(picked, wider, strict=True))
        return {facet: counts(facet, others.get(facet, among), chosen=chosen.of(facet), now=now) for facet in Facet}

    async def _facts_without(self, facet: Facet, asked: Asked, chosen: Chosen, *, now: datetime) -> list[Facts]:
        """Of the nearest precedents that all but one of the choices leave."""
        limit = asked.query.limit
        query = _query(asked.query.text, chosen.without(facet), now=now, limit=limit)
        nearest: dict[UUID, IndexFacts] = {}
        for facts in await self._searching.facts(replace(asked, query=query)):
            nearest.setdefault(facts.precedent_id, facts)
        return [_facts_of(each) for each in list(nearest.values())[:limit]]


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


def _facts_of(shown: IndexPayload | IndexFacts) -> Facts:
    seen = datetime.fromtimestamp(shown.last_seen, UTC) if shown.last_seen else None
    return Facts(shown.verdict, shown.cause, shown.pipelines, shown.resolved, seen)


def _seen(id: UUID, *, near: dict[UUID, Neighbour], found: FoundPrecedents) -> Document:
    """How often, when, and in which pipelines."""
    each, hit = near[id], found.hits.get(id)
    return {
        "occurrences": each.occurrences,
        "last_seen": documents.moment(each.last_seen),
        "pipelines": list(hit.payload.pipelines[: stored.MOST_PIPELINES]) if hit else [],
    }
