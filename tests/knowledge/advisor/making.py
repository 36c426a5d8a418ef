"""Neighbours and signatures with as little said as a test needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.failures import Source, Verdict
from knowledge.signature.signature import Signature

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def numbered(number: int) -> UUID:
    """An id."""
    return UUID(int=number)


def neighbour(number: int = 1, *, similarity: float = 0.9, verdict: str = "transient", **said: Any) -> Neighbour:
    """A precedent of the workspace, near to the failure."""
    standard: dict[str, Any] = {"source": Source.INCIDENT, "template": "SlowDown: reduce your request rate"}
    return Neighbour(
        precedent_id=numbered(number), similarity=similarity, verdict=Verdict(verdict), **{**standard, **said}
    )


def starter(number: int = 101, **said: Any) -> Neighbour:
    """A starter precedent, near to the failure."""
    return neighbour(number, **{"source": Source.STARTER, "title": "S3 sheds load", **said})


def judgement(verdict: str = "transient", *, confidence: float = 0.95, **said: Any) -> Judgement:
    """What the neighbours said together."""
    standard: dict[str, Any] = {"cause": None, "action": None, "decided_by": None, "nearest": 0.9}
    return Judgement(verdict=Verdict(verdict), confidence=confidence, **{**standard, **said})


def signature(**parts: Any) -> Signature:
    """A signature of a throttled upload."""
    standard: dict[str, Any] = {
        "fingerprint": "f" * 32,
        "template": "ClientError: (SlowDown) when calling the PutObject operation",
        "exceptions": ("botocore.exceptions.ClientError",),
        "codes": ("SlowDown",),
        "operations": ("PutObject",),
        "embedding_text": "ClientError SlowDown PutObject",
        "terms": ("client", "error", "slow", "down", "put", "object"),
    }
    return Signature(**{**standard, **parts})
