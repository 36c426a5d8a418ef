"""What the service asks of a vector index. Two adapters answer: `edge.py` and `server.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

from knowledge.failures import Cause, Source, Verdict
from knowledge.index.lexical import EMPTY, SparseVector

Vector = npt.NDArray[np.float32]

#: Raised whenever the vectors or the payload of a point change: a new layout is a new collection, filled anew.
LAYOUT = "v2"
#: Names of the vectors of a point.
SIGNATURE, RESOLUTION, LEXICAL, PROFILE, KNOWN_AS = "signature", "resolution", "lexical", "profile", "known_as"


def vector_of(stored: bytes) -> Vector:
    """A vector from its bytes (float32, little endian), as PostgreSQL keeps it."""
    return np.frombuffer(stored, dtype="<f4").astype(np.float32)


@dataclass(frozen=True, slots=True)
class IndexPayload:
    """What filters, and what an answer needs when PostgreSQL is away. Times are seconds since 1970.

    `workspace_id` 0 holds the starter precedents, which every workspace sees.
    """

    workspace_id: int
    precedent_id: UUID
    source: Source
    version: int
    verdict: Verdict
    template: str
    fingerprint: str
    cause: Cause | None = None
    action: str | None = None
    resolved: bool = False
    resolution: str | None = None
    pipelines: tuple[str, ...] = ()
    first_seen: float = 0.0
    last_seen: float = 0.0
    occurrences: int = 0
    retries_succeeded: int = 0
    retries_failed: int = 0
    exceptions: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    external_id: str | None = None
    incident_id: UUID | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """One signature of a precedent; its id is the signature's, so every write can be repeated.

    `profile` says which starter precedents it is near to (`knowledge.advisor.starters`), `known_as` by which words
    people know it (`knowledge.known_as`).
    """

    id: UUID
    signature: Vector
    lexical: SparseVector
    payload: IndexPayload
    resolution: Vector | None = None
    profile: SparseVector | None = None
    known_as: SparseVector = EMPTY


@dataclass(frozen=True, slots=True)
class IndexFilter:
    """Which precedents may answer, of which workspaces (0 holds the starter precedents)."""

    workspaces: tuple[int, ...]
    verdict: Verdict | None = None
    cause: Cause | None = None
    pipeline: str | None = None
    since: float | None = None
    resolved: bool | None = None


@dataclass(frozen=True, slots=True)
class NeighbourQuery:
    """Nearest signatures to a failure: by vector, by word, by the starter precedents they are near to.

    `as_known` also looks at what people know of them: title, cause, and what fixed them.
    """

    vector: Vector
    lexical: SparseVector
    filter: IndexFilter
    limit: int = 40
    profile: SparseVector | None = None
    as_known: bool = False


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A signature near to what was asked. `cosine` is exact; what was not asked for is left out.

    `fused` is the engine's score; `vector`, `lexical`, `profile` and `known_as` are the point's own.
    """

    id: UUID
    precedent_id: UUID
    codes: tuple[str, ...]
    cosine: float
    fused: float
    read_payload: Callable[[], IndexPayload]
    lexical: SparseVector = EMPTY
    profile: SparseVector = EMPTY
    known_as: SparseVector = EMPTY
    resolution_cosine: float | None = None
    vector: Vector | None = None

    @property
    def payload(self) -> IndexPayload:
        """Read when asked for: of forty hits a dozen are shown."""
        return self.read_payload()


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What facets count of a signature's precedent."""

    precedent_id: UUID
    verdict: Verdict
    cause: Cause | None
    pipelines: tuple[str, ...]
    resolved: bool
    last_seen: float


class Index(Protocol):
    """The port. Every method raises `IndexUnavailable` when the engine cannot be reached."""

    @property
    def collection(self) -> str:
        """Name of the collection; it carries the model's id."""

    @property
    def is_open(self) -> bool:
        """Whether it is ready; where it is not (any more), `open` is worth another attempt."""

    async def open(self) -> None:
        """Make what is missing and be ready, again after trouble; raises `IndexDamaged` when only `set_aside` helps."""

    async def set_aside(self) -> str:
        """Move what is damaged out of the way, so that `open` begins anew; where it is kept."""

    async def close(self) -> None:
        """Write everything to disk and let go."""

    async def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points; the same points again change nothing. Durable when it returns."""

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; absent ones are no error."""

    async def neighbours(self, query: NeighbourQuery) -> list[IndexHit]:
        """Dense and lexical neighbours, fused by the engine in one query, best first."""

    async def facts(self, query: NeighbourQuery) -> list[IndexFacts]:
        """Of the same neighbours, best first, only what facets count: half of the work."""

    def versions(self) -> AsyncIterator[tuple[UUID, int]]:
        """Every point's id and version, in the order of ids."""

    async def count(self) -> int:
        """How many points there are."""

    async def optimize(self) -> bool:
        """Build what makes search fast; may take long, does not block search. True when there was something to do."""

    async def clear(self) -> None:
        """Remove every point."""
