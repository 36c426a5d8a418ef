"""Every exception that `knowledge` raises on purpose. A class's docstring is its message to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class KnowledgeError(Exception):
    """Something went wrong in the knowledge service."""

    def __init__(self, detail: str = "", *, field: str | None = None, members: Mapping[str, Any] | None = None) -> None:
        """`members`: what programs need of it beside the detail, as JSON (RFC 9457: extension members)."""
        super().__init__(detail or (type(self).__doc__ or "").strip())
        self.field = field
        self.members = dict(members or {})


class InvalidInput(KnowledgeError):
    """What was given cannot be taken."""


class NotFound(KnowledgeError):
    """There is no such thing in this workspace."""


class Conflict(KnowledgeError):
    """The change contradicts what is stored."""


class StaleVersion(KnowledgeError):
    """The row has changed since it was read; read it again and repeat the change."""


class VersionRequired(KnowledgeError):
    """Send If-Match with the ETag of the row that you have read."""


class StoreUnavailable(KnowledgeError):
    """PostgreSQL cannot be reached."""


class SpoolUnavailable(StoreUnavailable):
    """PostgreSQL cannot be reached, and what was reported cannot be kept until it is back."""


class StoreContended(StoreUnavailable):
    """Others changed the same rows in another order; nothing was written, and trying again may do."""


class StoreBusy(KnowledgeError):
    """PostgreSQL has more to do than it can; come back in a moment."""


class IndexUnavailable(KnowledgeError):
    """The vector index cannot be reached."""


class IndexDamaged(IndexUnavailable):
    """The vector index cannot be opened any more; it can be made anew from PostgreSQL."""


class ModelUnavailable(KnowledgeError):
    """The embedding model cannot be loaded."""


class StarterDataError(KnowledgeError):
    """The starter precedents are not well formed."""


class DataFolderInUse(KnowledgeError):
    """Another service is using this data folder."""
