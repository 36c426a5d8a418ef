"""Requests that are done at most once, by the key that their sender gave them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is done at most once: its key, and what was asked under it. Of both only SHA-256 is kept."""

    key_hash: bytes
    route: str
    request_hash: bytes

    @classmethod
    def of(cls, key: str, *, route: str, body: bytes) -> Once:
        """The same key with another body is another request, and refused."""
        return cls(
            key_hash=hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest(),
            route=route,
            request_hash=hashlib.sha256(body).digest(),
        )
