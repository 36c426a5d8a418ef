"""Ids: by time for what happens once, by content for what many may find at once."""

from __future__ import annotations

import hashlib
import os
import time
from uuid import UUID, uuid5

PRECEDENTS = UUID("6f1c2f0e-6d0b-5a3e-9a53-3b4f3c9f7a11")
SIGNATURES = UUID("0a4d7c52-9e0c-5d7b-8a0f-5c1d2e9b6f22")
INCIDENTS = UUID("c2b1f0d4-83f5-5b0e-9d37-7f4e6a1c8e55")


def uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    high, low = random >> 68, random & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def precedent_id(workspace_id: int, key: str) -> UUID:
    """The same for all who report the same new fingerprint (or starter key) at the same time."""
    return uuid5(PRECEDENTS, f"{workspace_id}:{key}")


def signature_id(workspace_id: int, fingerprint: str) -> UUID:
    """The same for all who report the same new fingerprint at the same time; also the id of its point in the index."""
    return uuid5(SIGNATURES, f"{workspace_id}:{fingerprint}")


def incident_id_of(workspace: str, *names: str) -> UUID:
    """The same for all who report the same failure by name, without asking PostgreSQL what is there."""
    parts = (hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest() for part in (workspace, *names))
    return uuid5(INCIDENTS, ":".join(parts))
