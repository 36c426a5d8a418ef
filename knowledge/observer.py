"""Who counts what the service does: a port, so that nothing here knows of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Told after the fact, of kinds and never of what a failure says; does not raise and does not wait."""

    def advised(self, *, verdict: str, decision: str, degraded: Sequence[str], dry_run: bool) -> None:
        """One failure was judged; `degraded` names the parts that were away."""

    def outcome(self, result: str) -> None:
        """One retry's end was told."""


class Unobserved:
    """Nobody counts."""

    def advised(self, *, verdict: str, decision: str, degraded: Sequence[str], dry_run: bool) -> None:
        """Nothing is kept."""

    def outcome(self, result: str) -> None:
        """Nothing is kept."""
