"""Seen Before, from inside a pipeline: ask about a failure, and resume instead of restart.

Nothing is loaded before it is used: an import costs milliseconds, and httpx is loaded in a thread of its own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seenbefore.advice import Advice, Decision, Strategy
    from seenbefore.aio import AsyncClient, AsyncRun, AsyncStep
    from seenbefore.client import Client, Run, Step
    from seenbefore.errors import ArtifactMissing, Held, Lapsed, Refused, SeenBeforeError, Unavailable

__all__ = [
    "Advice",
    "ArtifactMissing",
    "AsyncClient",
    "AsyncRun",
    "AsyncStep",
    "Client",
    "Decision",
    "Held",
    "Lapsed",
    "Refused",
    "Run",
    "SeenBeforeError",
    "Step",
    "Strategy",
    "Unavailable",
]

_HOMES = {
    "advice": ("Advice", "Decision", "Strategy"),
    "aio": ("AsyncClient", "AsyncRun", "AsyncStep"),
    "client": ("Client", "Run", "Step"),
    "errors": ("ArtifactMissing", "Held", "Lapsed", "Refused", "SeenBeforeError", "Unavailable"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"seenbefore.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
