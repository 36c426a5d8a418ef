"""Which incident an earlier attempt has left, for hosts that run each attempt in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from seenbefore import calls

if TYPE_CHECKING:
    from seenbefore import Client

#: A step that has failed more often than this in one run has no attempt whose outcome is still of interest.
MOST_INCIDENTS = 50


@dataclass(frozen=True, slots=True)
class Earlier:
    """The failure of an earlier attempt."""

    incident_id: str
    occurred_at: datetime

    def waited_s(self, until: datetime | None) -> float | None:
        """Seconds from it to the start of the next attempt; None where that is not known."""
        if until is None:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - self.occurred_at).total_seconds())


def failure_of_attempt(
    memory: Client, *, pipeline: str, run_id: str, step: str, attempt: int, timeout_s: float | None = None
) -> Earlier | None:
    """What the service has of that attempt of a run's step; None when it has nothing, or is away. `timeout_s` is the
    client's where it is not given."""
    for each in _incidents(memory, timeout_s=timeout_s, pipeline=pipeline, run=run_id, step=step):
        if each.get("attempt") == attempt:
            return Earlier(str(each["id"]), datetime.fromisoformat(str(each["occurred_at"])))
    return None


def any_failure(memory: Client, *, pipeline: str, run_id: str, step: str | None = None) -> bool:
    """Whether the service has a failure of that run, or of its step."""
    return bool(_incidents(memory, pipeline=pipeline, run=run_id, step=step))


def _incidents(memory: Client, *, timeout_s: float | None = None, **wanted: str | None) -> list[Mapping[str, Any]]:
    """Newest first."""
    query = {name: value for name, value in wanted.items() if value is not None} | {"limit": str(MOST_INCIDENTS)}
    answer = memory._core.engine.ask(calls.read(f"/incidents?{urlencode(query)}"), timeout_s=timeout_s)
    found = answer.document.get("incidents") if answer is not None and answer.ok and answer.document else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
