"""How the parts are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from api.composition import Parts
from knowledge.errors import KnowledgeError
from knowledge.store import index_queue

Status = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """`parts` says of each part `ok` or what is wrong with it."""

    status: Status
    parts: dict[str, str]
    indexed: int | None
    pending: int | None
    spooled: int

    def document(self) -> dict[str, Any]:
        """As `GET /health/ready` answers."""
        return {
            "status": self.status,
            "parts": self.parts,
            "precedents_indexed": self.indexed,
            "precedents_pending": self.pending,
            "spooled": self.spooled,
        }


async def look(parts: Parts) -> Health:
    """Ask each part; one that is away is named, not raised."""
    said: dict[str, str] = {"model": parts.embedder.backend}
    pending = indexed = None
    try:
        async with parts.database.connection() as connection:
            pending = await index_queue.pending_count(connection)
        said["store"] = "ok"
    except KnowledgeError as error:
        said["store"] = type(error).__name__
    try:
        indexed = await parts.index.count()
        said["index"] = "ok"
    except KnowledgeError as error:
        said["index"] = type(error).__name__
    away = [name for name in ("store", "index") if said[name] != "ok"]
    status: Status = "ok" if not away else "degraded" if len(away) == 1 else "down"
    return Health(status=status, parts=said, indexed=indexed, pending=pending, spooled=parts.spool.count())
