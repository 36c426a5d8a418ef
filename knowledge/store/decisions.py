"""Decision records: why an agent chose something."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.store.database import Connection
from knowledge.store.rows import Row, execute, fetch_all, fetch_one, to_json
from knowledge.store.told import missing_run

#: A word that stands in more decisions than these tells nothing.
USUAL = 1_000


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as it is stored; `reasons` as JSON."""

    id: UUID
    run_id: str
    pipeline: str
    step: str | None
    agent: str
    kind: str
    choice: Mapping[str, Any]
    rationale: str
    reasons: Sequence[Mapping[str, Any]]
    incident_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class About:
    """Which decisions a search is about."""

    kind: str | None = None
    agent: str | None = None
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class RationaleVector:
    """A decision as those see it who search by meaning; no bytes where there is no vector of the model in use."""

    id: UUID
    about: About
    embedding: bytes | None


async def add(
    connection: Connection, record: DecisionRecord, *, workspace_id: int, embedding: bytes | None, model_id: str | None
) -> datetime:
    """Keep a decision with the vector of its rationale; when. Raises `NotFound` for a run that is not there."""
    row = await fetch_one(
        connection,
        "decisions.add",
        id=record.id,
        workspace_id=workspace_id,
        run_id=record.run_id,
        step=record.step,
        agent=record.agent,
        kind=record.kind,
        choice=to_json(record.choice),
        rationale=record.rationale,
        reasons=to_json(record.reasons),
        incident_id=record.incident_id,
        embedding=embedding,
        model_id=model_id,
    )
    if row is None:
        raise missing_run(record.run_id)
    created_at: datetime = row["created_at"]
    return created_at


async def of_run(
    connection: Connection, *, workspace_id: int, run_id: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[DecisionRecord]:
    """The decisions of a run, the oldest first; `after` is `(created_at, id)` of the last one of the page before."""
    rows = await fetch_all(
        connection,
        "decisions.of_run",
        workspace_id=workspace_id,
        run_id=run_id,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [_record(row) for row in rows]


async def by_ids(connection: Connection, ids: Collection[UUID], *, workspace_id: int) -> dict[UUID, DecisionRecord]:
    """Decisions by their ids."""
    rows = await fetch_all(connection, "decisions.by_ids", workspace_id=workspace_id, ids=list(ids))
    return {row["id"]: _record(row) for row in rows}


async def by_words(connection: Connection, text: str, *, workspace_id: int, about: About, limit: int) -> list[UUID]:
    """Those with any of the text's telling words in their rationale, kind or choice, best first."""
    rows = await fetch_all(
        connection,
        "decisions.by_words",
        prepare=False,
        workspace_id=workspace_id,
        text=text,
        usual=USUAL,
        limit=limit,
        **_wanted(about),
    )
    return [row["id"] for row in rows]


async def latest(connection: Connection, *, workspace_id: int, about: About, limit: int) -> list[UUID]:
    """The newest."""
    rows = await fetch_all(
        connection, "decisions.latest", prepare=False, workspace_id=workspace_id, limit=limit, **_wanted(about)
    )
    return [row["id"] for row in rows]


async def ids(connection: Connection, *, workspace_id: int, since: UUID, limit: int) -> list[UUID]:
    """The latest from an id on, the newest first."""
    rows = await fetch_all(connection, "decisions.ids", workspace_id=workspace_id, since=since, limit=limit)
    return [row["id"] for row in rows]


async def vectors(
    connection: Connection, ids: Collection[UUID], *, workspace_id: int, model_id: str
) -> list[RationaleVector]:
    """Decisions with their vectors of this model, in no order."""
    if not ids:
        return []
    rows = await fetch_all(connection, "decisions.vectors", workspace_id=workspace_id, ids=list(ids), model_id=model_id)
    return [_vector(row) for row in rows]


async def unembedded(connection: Connection, *, model_id: str, limit: int) -> list[DecisionRecord]:
    """Those without a vector of this model, in whatever workspace, the newest first."""
    return [_record(row) for row in await fetch_all(connection, "decisions.unembedded", model_id=model_id, limit=limit)]


async def embed(connection: Connection, embeddings: Mapping[UUID, bytes], *, model_id: str) -> None:
    """Keep vectors."""
    await execute(
        connection,
        "decisions.embed",
        ids=list(embeddings),
        embeddings=list(embeddings.values()),
        model_id=model_id,
    )


def _wanted(about: About) -> dict[str, str | None]:
    return {"kind": about.kind, "agent": about.agent, "pipeline": about.pipeline}


def _record(row: Row) -> DecisionRecord:
    return DecisionRecord(**row)


def _vector(row: Row) -> RationaleVector:
    return RationaleVector(row["id"], About(row["kind"], row["agent"], row["pipeline"]), row["embedding"])
