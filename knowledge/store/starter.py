"""The starter precedents in the store: workspace 0, visible in every workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from knowledge.failures import Action, Cause, Verdict
from knowledge.store import settings
from knowledge.store.database import Connection
from knowledge.store.ids import precedent_id, signature_id
from knowledge.store.records import StarterLoaded, StarterRow, StarterWording
from knowledge.store.rows import execute, fetch_all, strings, to_json
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

VERSION_KEY = "starter.version"


async def loaded_version(connection: Connection) -> str | None:
    """The version of the catalogue that is loaded, or nothing."""
    version = await settings.get(connection, VERSION_KEY)
    return str(version) if version is not None else None


async def load(connection: Connection, catalogue_version: str, rows: Sequence[StarterRow]) -> StarterLoaded:
    """Make the store hold exactly these starter precedents (idempotent, in one transaction).

    Ids stay the same from version to version; what left the catalogue is retired. `catalogue_version` names whatever
    should cause a new load: the catalogue's content and the version of the signatures made of it.
    """
    precedents = [_precedent_input(row) for row in rows]
    signatures, shared = _signature_inputs(rows)
    async with connection.transaction():
        await fetch_all(connection, "starter.lock")
        if await loaded_version(connection) != catalogue_version:
            await fetch_all(connection, "starter.hold")
            await _write(connection, precedents, signatures)
            await settings.put(connection, VERSION_KEY, catalogue_version)
    return StarterLoaded(precedents=len(precedents), signatures=len(signatures), shared=tuple(shared))


async def wordings(connection: Connection) -> list[StarterWording]:
    """Every wording that is loaded and has a vector."""
    rows = await fetch_all(connection, "starter.wordings")
    return [
        StarterWording(
            precedent_id=row["precedent_id"],
            template=row["template"],
            exceptions=strings(row["exceptions"]),
            codes=strings(row["codes"]),
            operations=strings(row["operations"]),
            terms=strings(row["terms"]),
            embedding=row["embedding"],
            title=row["title"],
            verdict=Verdict(row["verdict"]),
            cause=Cause(row["cause"]) if row["cause"] else None,
            action=Action(row["action"]) if row["action"] else None,
            resolution=row["resolution_summary"],
        )
        for row in rows
    ]


async def vectors(connection: Connection, *, model_id: str) -> dict[str, bytes]:
    """What this model made of the texts of all that is loaded, by text."""
    rows = await fetch_all(connection, "starter.vectors", model_id=model_id)
    return {row["text"]: row["vector"] for row in rows}


async def _write(connection: Connection, precedents: list[dict[str, Any]], signatures: list[dict[str, Any]]) -> None:
    await execute(connection, "starter.put_precedents", rows=to_json(precedents))
    await execute(connection, "starter.put_signatures", rows=to_json(signatures))
    await execute(connection, "starter.retire_precedents", ids=[row["id"] for row in precedents])
    await execute(connection, "starter.retire_signatures", ids=[row["id"] for row in signatures])


def _precedent_input(row: StarterRow) -> dict[str, Any]:
    precedent = row.precedent
    return {
        "id": str(precedent_id(STARTER_WORKSPACE_ID, precedent.key)),
        "starter_key": precedent.key,
        "component": precedent.component,
        "title": precedent.title,
        "sources": precedent.sources,
        "verdict": precedent.verdict,
        "cause": precedent.cause,
        "action": precedent.action,
        "resolution": precedent.resolution,
    }


def _signature_inputs(rows: Sequence[StarterRow]) -> tuple[list[dict[str, Any]], list[str]]:
    """One input a fingerprint, the first precedent that has it; and the fingerprints that others have as well."""
    inputs: dict[str, dict[str, Any]] = {}
    shared: dict[str, None] = {}
    for row in rows:
        owner = str(precedent_id(STARTER_WORKSPACE_ID, row.precedent.key))
        for signature in row.signatures:
            made = inputs.setdefault(
                signature.fingerprint,
                {
                    "id": str(signature_id(STARTER_WORKSPACE_ID, signature.fingerprint)),
                    "precedent_id": owner,
                    "fingerprint": signature.fingerprint,
                    "signature_version": signature.version,
                    "template": signature.template,
                    "exceptions": signature.exceptions,
                    "codes": signature.codes,
                    "operations": signature.operations,
                    "embedding_text": signature.embedding_text,
                    "terms": signature.terms,
                },
            )
            if made["precedent_id"] != owner:
                shared[signature.fingerprint] = None
    return list(inputs.values()), list(shared)
