"""Advice as it was given, by incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

from knowledge.store.database import Connection
from knowledge.store.records import AdviceRecord
from knowledge.store.rows import execute, fetch_one, to_json

#: What the confidence of an answer was made of, `{"odds": log odds of transient, "nearest": similarity}`; or nothing.
Judged: TypeAlias = Mapping[str, float] | None


def with_judged(answer: Mapping[str, Any], judged: Judged) -> dict[str, Any]:
    """An answer as it is kept: with what it was made of, which columns of the table repeat."""
    return {**answer, "judged": judged} if judged is not None else {**answer}


async def record(
    connection: Connection, *, workspace_id: int, id: UUID, incident_id: UUID, answer: Mapping[str, Any]
) -> None:
    """Keep an answer; the same id twice is one row."""
    values = {"workspace_id": workspace_id, "incident_id": incident_id, "answer": to_json(answer)}
    await execute(connection, "advice.add", id=id, **values)


async def latest_for_incident(connection: Connection, *, workspace_id: int, incident_id: UUID) -> AdviceRecord | None:
    """The last answer given for an incident, or nothing."""
    row = await fetch_one(connection, "advice.latest", workspace_id=workspace_id, incident_id=incident_id)
    return AdviceRecord(**row) if row else None
