"""A workspace, and failures to record in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from knowledge.signature.signature import Signature
from knowledge.store import workspaces
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import NewIncident

MakeIncident = Callable[..., NewIncident]


@pytest.fixture
def signature() -> Callable[[str], Signature]:
    """Make the signature of a kind of failure."""

    def make(kind: str) -> Signature:
        return Signature(
            fingerprint=hashlib.sha256(kind.encode()).hexdigest()[:32],
            template=f"TimeoutError: {kind} <host>",
            exceptions=("TimeoutError",),
            codes=("ETIMEDOUT",),
            operations=("connect",),
            embedding_text=f"TimeoutError {kind}",
            terms=("timeout", "error", kind),
        )

    return make


@pytest.fixture
async def workspace(connection: Connection) -> int:
    """The id of a workspace."""
    return await workspaces.ensure(connection, "team")


@pytest.fixture
def incident(signature: Callable[[str], Signature], workspace: int) -> MakeIncident:
    """Make an incident of a kind, in the workspace."""

    def make(kind: str = "a", **fields: Any) -> NewIncident:
        given = {"workspace_id": workspace, "id": uuid7(), "occurred_at": datetime.now(UTC), **fields}
        return NewIncident(signature=signature(kind), **given)

    return make
