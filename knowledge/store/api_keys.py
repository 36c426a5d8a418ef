"""API keys: 256 random bits, of which only the SHA-256 is kept (a random key needs no slow hash)."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from knowledge.errors import NotFound
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import ApiKeyRecord
from knowledge.store.rows import execute, fetch_all, fetch_one

PREFIX = "sb_"
SECRET_BYTES = 32


async def create(connection: Connection, *, workspace_id: int, name: str) -> tuple[ApiKeyRecord, str]:
    """A new key and its secret, which is shown this once."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = await fetch_one(
        connection, "api_keys.add", id=uuid7(), workspace_id=workspace_id, name=name, key_hash=_hash(secret)
    )
    if row is None:
        raise NotFound("There is no such workspace.")
    return ApiKeyRecord(**row), secret


async def verify(connection: Connection, secret: str) -> ApiKeyRecord | None:
    """The key of a secret, or nothing when there is none or it was revoked."""
    row = await fetch_one(connection, "api_keys.by_hash", key_hash=_hash(secret))
    return ApiKeyRecord(**row) if row else None


async def revoke(connection: Connection, *, workspace_id: int, id: UUID) -> None:
    """End a key; raises `NotFound`. Ending it twice changes nothing."""
    if not await execute(connection, "api_keys.revoke", workspace_id=workspace_id, id=id):
        raise NotFound("There is no such API key.")


async def list_all(connection: Connection, *, workspace_id: int | None = None) -> list[ApiKeyRecord]:
    """All keys, of one workspace or of all, oldest first."""
    return [ApiKeyRecord(**row) for row in await fetch_all(connection, "api_keys.list", workspace_id=workspace_id)]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
