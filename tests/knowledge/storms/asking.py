"""Runs that fail, through the service, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from knowledge.failures import Failure, Verdict
from knowledge.service import KnowledgeService

Document: TypeAlias = dict[str, Any]
MakeService: TypeAlias = Callable[..., Awaitable[KnowledgeService]]
HIT = Failure(text="PlumError: the lease of the ledger cannot be renewed", attempt=1)


class Clock:
    """A clock that a test moves. It begins in the past: what the database writes is never ahead of it by nature."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(hours=8)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self.now


async def hit(service: KnowledgeService, run: int | str, **said: Any) -> Document:
    """A run fails, now unless said otherwise."""
    return await service.advise("team", replace(HIT, run_id=f"r-{run}", **said))


async def known(service: KnowledgeService, clock: Clock, verdict: Verdict = Verdict.TRANSIENT) -> None:
    """The precedent was seen, and judged, the day before."""
    before = clock() - timedelta(days=1)
    await service.record("team", replace(HIT, verdict=verdict, occurred_at=before))


async def stormy(service: KnowledgeService, clock: Clock) -> list[Document]:
    """Three runs are hit, a second apart: a storm, and the last of them is its canary."""
    await known(service, clock)
    return [await hit(service, run, occurred_at=clock.pass_by(1)) for run in range(3)]


async def storms(service: KnowledgeService, **asked: Any) -> list[Document]:
    """The storms of the workspace."""
    return await service.storms("team", **{"active": None, "after": None, "limit": 50, **asked})


def role(answer: Document) -> str | None:
    """The part that a run was told to play."""
    return answer["storm"] and answer["storm"]["role"]
