"""Schemas of attributes that workspaces registered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_all, to_json


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A version of a domain's schema; `digest` is the SHA-256 of what was given."""

    domain: str
    version: int
    run: dict[str, Any]
    step: dict[str, Any] | None
    upcast: list[dict[str, Any]]
    digest: bytes
    created_at: datetime | None = None


async def latest(connection: Connection, *, workspace_id: int, domains: Collection[str]) -> dict[str, int]:
    """The latest version of each of these domains that the workspace registered."""
    rows = await fetch_all(connection, "schemas.latest", workspace_id=workspace_id, domains=list(domains))
    return {row["domain"]: row["version"] for row in rows}


async def of_domain(connection: Connection, *, workspace_id: int, domain: str) -> list[SchemaRow]:
    """All versions of a domain that the workspace registered, the first first."""
    rows = await fetch_all(connection, "schemas.of_domain", workspace_id=workspace_id, domain=domain)
    return [SchemaRow(**{**row, "digest": bytes(row["digest"])}) for row in rows]


async def domains(connection: Connection, *, workspace_id: int) -> dict[str, list[int]]:
    """The versions of each domain that the workspace registered."""
    rows = await fetch_all(connection, "schemas.domains", workspace_id=workspace_id)
    return {row["domain"]: list(row["versions"]) for row in rows}


async def add(connection: Connection, row: SchemaRow, *, workspace_id: int) -> bool:
    """Add the version after the latest; False, and nothing done, where it is there or another comes first."""
    added = await execute(
        connection,
        "schemas.add",
        workspace_id=workspace_id,
        domain=row.domain,
        version=row.version,
        run=to_json(row.run),
        step=None if row.step is None else to_json(row.step),
        upcast=to_json(row.upcast),
        digest=row.digest,
    )
    return added == 1
