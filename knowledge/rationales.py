"""Rationales by meaning: the vectors of each workspace's latest decisions, in memory, all compared with the question.

Ten thousand vectors are compared in a few milliseconds; what is older is found by its words.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from knowledge.index.port import Vector, vector_of
from knowledge.store import decisions
from knowledge.store.database import Connection
from knowledge.store.decisions import About, RationaleVector

#: Vectors of a workspace: 15 MB of the packaged model.
MOST_VECTORS = 10_000
#: Workspaces kept in memory.
MOST_KEPT = 20
#: Ids are by the time at which their requests began. Those of one that took long, or of a replica whose clock is slow,
#: come behind others; so far back it is looked for them.
OVERLAP_MS = 120_000
#: Characters of the choice that are embedded before the rationale: the model's window is for both.
LONGEST_CHOICE = 300


def text_of(*, kind: str, choice: Mapping[str, Any], rationale: str) -> str:
    """What is embedded: an agent that explains a learning rate seldom says again what it explains."""
    words = " ".join(islice(_words(choice), LONGEST_CHOICE))[:LONGEST_CHOICE]
    return f"{kind.replace('_', ' ')}, {words.replace('_', ' ')}. {rationale}"


def _words(value: Any) -> Iterator[str]:
    """Names and values, in their order."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield str(name)
            yield from _words(child)
    elif isinstance(value, list):
        for child in value:
            yield from _words(child)
    elif value is not None:
        yield str(value)


@dataclass(frozen=True, slots=True)
class Latest:
    """A workspace's latest decisions, the newest first. `waiting`: those without a vector of the model in use."""

    ids: tuple[UUID, ...] = ()
    about: tuple[About, ...] = ()
    vectors: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    waiting: tuple[UUID, ...] = ()

    def since(self) -> UUID:
        """From which id on there may be others."""
        newest = max((*self.ids, *self.waiting), default=None)
        return UUID(int=0) if newest is None else UUID(int=max(0, newest.int - (OVERLAP_MS << 80)))

    def nearest(self, vector: Vector, *, about: About, limit: int) -> dict[UUID, float]:
        """The nearest with their cosine, best first."""
        allowed = [place for place, each in enumerate(self.about) if _fits(each, about)]
        if not allowed:
            return {}
        similar = (self.vectors @ vector)[allowed]
        best = np.argsort(-similar, kind="stable")[:limit]
        return {self.ids[allowed[place]]: float(similar[place]) for place in best}


class Rationales:
    """The vectors of the workspaces that search, brought up to date with each search."""

    def __init__(self, *, model_id: str, dimensions: int) -> None:
        self._model_id = model_id
        self._dimensions = dimensions
        self._kept: OrderedDict[int, Latest] = OrderedDict()
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def latest(self, connection: Connection, *, workspace_id: int) -> Latest:
        """What the workspace has decided lately, with what was recorded since the last time."""
        async with self._locks[workspace_id]:
            before = self._kept.get(workspace_id, Latest())
            found = await self._updated(connection, before, workspace_id=workspace_id)
            self._kept[workspace_id] = found
            self._kept.move_to_end(workspace_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    async def _updated(self, connection: Connection, before: Latest, *, workspace_id: int) -> Latest:
        latest = await decisions.ids(connection, workspace_id=workspace_id, since=before.since(), limit=MOST_VECTORS)
        wanted = {*latest, *before.waiting} - set(before.ids)
        rows = await decisions.vectors(connection, wanted, workspace_id=workspace_id, model_id=self._model_id)
        return self._joined(before, rows)

    def _joined(self, before: Latest, rows: list[RationaleVector]) -> Latest:
        """Those of before and these, the newest first, up to the bound."""
        waiting = tuple(each.id for each in rows if each.embedding is None)
        added = [(each, vector_of(each.embedding)) for each in rows if each.embedding is not None]
        if not added:
            return Latest(before.ids, before.about, before.vectors, waiting)
        ids = (*(each.id for each, _ in added), *before.ids)
        about = (*(each.about for each, _ in added), *before.about)
        vectors = np.vstack([*(vector for _, vector in added), before.vectors.reshape(-1, self._dimensions)])
        order = sorted(range(len(ids)), key=lambda place: ids[place], reverse=True)[:MOST_VECTORS]
        return Latest(
            tuple(ids[place] for place in order),
            tuple(about[place] for place in order),
            vectors[order],
            waiting,
        )


def _fits(each: About, wanted: About) -> bool:
    return (
        wanted.kind in (None, each.kind)
        and wanted.agent in (None, each.agent)
        and wanted.pipeline in (None, each.pipeline)
    )
