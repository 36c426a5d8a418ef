"""The facade of schemas: what `api` may ask of them. Answers are documents, the JSON of the HTTP contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knowledge.documents import Document
from knowledge.once import Once
from knowledge.state.schemas import Schemas
from knowledge.store.database import Connection, Database
from knowledge.store.schemas import SchemaRow
from knowledge.workspaces import Workspaces
from knowledge.writing import write


class Registry:
    """Schemas by the name of the workspace. Raises only `knowledge.errors`."""

    def __init__(self, database: Database, *, schemas: Schemas, workspaces: Workspaces) -> None:
        self._database = database
        self._schemas = schemas
        self._workspaces = workspaces

    async def register(
        self, workspace: str, domain: str, *, version: int, document: Mapping[str, Any], once: Once | None = None
    ) -> tuple[Document, bool]:
        """Add a version of a domain, and whether it was new. Raises `Conflict`, `InvalidInput`."""
        workspace_id = await self._workspaces.id_of(workspace)

        async def work(connection: Connection) -> Document:
            row, added = await self._schemas.register(
                connection, workspace_id=workspace_id, domain=domain, version=version, document=document
            )
            return {"added": added, "schema": {"domain": row.domain, **_of_version(row)}}

        answer = await write(self._database, work, workspace_id=workspace_id, once=once)
        return answer["schema"], answer["added"]

    async def domains(self, workspace: str) -> list[Document]:
        """The domains of a workspace, those that ship among them, by name."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            found = await self._schemas.domains(connection, workspace_id=workspace_id)
        return [
            {"domain": name, "shipped": shipped, "latest": versions[-1], "versions": versions}
            for name, shipped, versions in found
        ]

    async def domain(self, workspace: str, domain: str) -> Document:
        """A domain with all its versions, the first first; raises `NotFound`."""
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            shipped, rows = await self._schemas.domain(connection, workspace_id=workspace_id, domain=domain)
        return {
            "domain": domain,
            "shipped": shipped,
            "latest": rows[-1].version,
            "versions": [_of_version(row) for row in rows],
        }


def _of_version(row: SchemaRow) -> Document:
    return {"version": row.version, "run": row.run, "step": row.step, "upcast": row.upcast}
