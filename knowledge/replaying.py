"""Past failures asked again in the order in which they occurred, each of what was known before it and no more."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from knowledge.advisor.replay_report import Replayed
from knowledge.advisor.retrying import hours_of
from knowledge.documents import Document
from knowledge.errors import InvalidInput
from knowledge.failures import DecisionAction, Failure, Resolution, Verdict
from knowledge.service import KnowledgeService

#: What stands for a resolution where the history has only a verdict or a cause.
UNWRITTEN = "Told without a resolution."
#: Failures after which the workspace may learn what confidence is worth.
RELEARN_EVERY = 50


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """How the retries of a failure ended; `waited_s` in seconds."""

    result: Literal["succeeded", "failed"]
    attempt: int | None = None
    waited_s: float | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """A failure of a history, from line `number`, with what came to be known of it.

    `failure` has its time, verdict, cause and resolution. `known_at`: when these and the outcome were known, if that is
    told. `retries`: attempts that were made after it. `wasted_hours`: what they cost, where that was counted.
    """

    number: int
    occurred_at: datetime
    failure: Failure
    outcome: PastOutcome | None = None
    known_at: datetime | None = None
    retries: int | None = None
    wasted_hours: float | None = None

    @property
    def truth(self) -> Verdict | None:
        """A person's word, or what the end of its retries suggests."""
        if self.failure.verdict is not None or self.outcome is None:
            return self.failure.verdict
        return Verdict.TRANSIENT if self.outcome.result == "succeeded" else Verdict.GENUINE

    @property
    def hours(self) -> float | None:
        """What its retries cost, in hours of one machine: as counted, or each what was spent until it failed."""
        if self.wasted_hours is not None:
            return self.wasted_hours
        spent = hours_of(self.failure.spent)
        return self.retries * spent if self.retries is not None and spent > 0 else None


@dataclass
class MovingClock:
    """The time of day of a replay."""

    now: datetime

    def __call__(self) -> datetime:
        """As it is set."""
        return self.now


@dataclass(frozen=True, slots=True)
class Untaken:
    """A line that the service refuses, and why."""

    number: int
    problem: str


@dataclass(order=True)
class _Pending:
    """What is to be known of an incident from some time on."""

    at: datetime
    number: int
    incident: UUID = field(compare=False)
    past: Past = field(compare=False)


class Replay:
    """Asks a service that knows nothing yet but the starter precedents; `settle` lets it find what it was told."""

    def __init__(
        self,
        service: KnowledgeService,
        *,
        clock: MovingClock,
        settle: Callable[[], Awaitable[object]],
        workspace: str = "replay",
    ) -> None:
        self._service = service
        self._clock = clock
        self._settle = settle
        self._workspace = workspace
        self._pending: list[_Pending] = []

    async def run(self, history: Iterable[Past], *, delay: timedelta) -> AsyncIterator[Replayed | Untaken]:
        """What is told to each, in time order. What is known of a failure without a time of its own is known `delay`
        after it; of what is told at the very time of a failure, nothing is known to it."""
        ordered = sorted(history, key=lambda past: (past.occurred_at, past.number))
        for done, past in enumerate(ordered, 1):
            await self._tell_until(past.occurred_at)
            await self._settle()
            try:
                answer = await self._ask(past)
            except InvalidInput as error:
                yield Untaken(past.number, str(error))
                continue
            at = past.occurred_at + delay if past.known_at is None else past.known_at
            known = _Pending(max(at, past.occurred_at), past.number, UUID(answer["incident_id"]), past)
            heapq.heappush(self._pending, known)
            yield _replayed(past, answer)
            if done % RELEARN_EVERY == 0:
                await self._service.relearn_calibration(every=timedelta(0))

    async def _ask(self, past: Past) -> Document:
        self._clock.now = past.occurred_at
        untold = replace(past.failure, occurred_at=past.occurred_at, verdict=None, cause=None, resolution=None)
        return await self._service.advise(self._workspace, untold)

    async def _tell_until(self, now: datetime) -> None:
        while self._pending and self._pending[0].at < now:
            known = heapq.heappop(self._pending)
            self._clock.now = known.at
            await self._tell(known)

    async def _tell(self, known: _Pending) -> None:
        failure, outcome = known.past.failure, known.past.outcome
        if outcome is not None:
            await self._service.outcome(
                self._workspace,
                known.incident,
                result=outcome.result,
                attempt=outcome.attempt,
                waited_s=outcome.waited_s,
            )
        if failure.verdict or failure.cause or failure.resolution:
            said = failure.resolution or Resolution(UNWRITTEN)
            await self._service.resolve(
                self._workspace, known.incident, said, verdict=failure.verdict, cause=failure.cause
            )


def _replayed(past: Past, answer: Document) -> Replayed:
    return Replayed(
        number=past.number,
        at=past.occurred_at,
        verdict=Verdict(answer["verdict"]),
        decision=DecisionAction(answer["decision"]["action"]),
        seen_before=answer["seen_before"],
        truth=past.truth,
        by_people=past.failure.verdict is not None,
        retries=past.retries,
        hours=past.hours,
    )
