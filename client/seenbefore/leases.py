"""Claims of sub-tasks: a lease that is renewed in the background, and given up where another has it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from seenbefore import calls
from seenbefore.delivery import is_stale, jittered
from seenbefore.engine import Engine
from seenbefore.errors import Held, Lapsed
from seenbefore.plain import text
from seenbefore.plans import Ask, Pause, Plan, quietly
from seenbefore.plans_async import drive_async
from seenbefore.recorded import Recorded, of_document
from seenbefore.spooled import Spooled
from seenbefore.wire import Answer, Request

#: Seconds between two looks at a sub-task that another holds.
LOOK_S = 0.5
#: Of its time a lease is renewed after a third: two renewals may be lost.
RENEWALS = 3
log = logging.getLogger("seenbefore")


def _make_holder() -> str:
    return text(f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}", longest=200)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed, of which pipeline, by whom and for how many seconds; `holder` is this process's own."""

    path: str
    pipeline: str
    sub_task: str
    owner: str
    lease_s: float
    wait_s: float
    inputs_hash: str
    holder: str = field(default_factory=_make_holder)

    @property
    def request(self) -> Request:
        """Claim it, or renew the claim."""
        body = {"pipeline": self.pipeline, "owner": self.owner, "status": "started", "holder": self.holder}
        return calls.put(self.path, body | {"lease_s": self.lease_s, "inputs_hash": self.inputs_hash})


class Lease:
    """A claim, renewed in the background. It is lost once the service says that another has it.

    `confirmed_at` (monotonic seconds) is when that claim was sent which the service granted: on this machine's clock
    the lease ends no later than on the service's. None where there was no answer: the claim may be granted or not, and
    nobody can be asked. `version` is the row's since the claim; renewals move none.
    """

    def __init__(
        self, engine: Engine, claim: Claim, *, confirmed_at: float | None = None, version: str | None = None
    ) -> None:
        self.version = version
        self._engine = engine
        self._claim = claim
        self._confirmed_at = confirmed_at
        self._lost: Held | None = None
        self._is_needed: Callable[[], bool] | None = None
        self._renewing: concurrent.futures.Future[Any] | None = None
        with contextlib.suppress(RuntimeError):
            self._renewing = engine.spawn(self._keep())

    @property
    def holder(self) -> str:
        """Who holds it: this process."""
        return self._claim.holder

    @property
    def is_confirmed(self) -> bool:
        """Whether the service has granted it."""
        return self._confirmed_at is not None

    @property
    def _has_lapsed(self) -> bool:
        return self._confirmed_at is not None and time.monotonic() - self._confirmed_at >= self._claim.lease_s

    async def _keep(self) -> None:
        while self._lost is None:
            await asyncio.sleep(self._claim.lease_s / RENEWALS)
            if self._is_needed is not None and not await asyncio.to_thread(self._is_needed):
                return
            await drive_async(self._renew(), self._engine)

    def _renew(self) -> Plan[None]:
        asked_at = time.monotonic()
        answer: Answer | None = yield Ask(self._claim.request)
        if answer is None:
            return
        if answer.ok:
            self._confirmed_at = max(asked_at, self._confirmed_at or asked_at)
        elif _is_taken(answer) or (self._confirmed_at is not None and is_stale(answer)):
            self._lost = held(answer, self._claim)

    def confirm(self) -> Plan[None]:
        """Renew it; raises `Held` where another has it. Without an answer the work counts while the lease runs, and
        where it never was confirmed; once it has ended the service is waited for, and after `wait_s` this raises
        `Lapsed`."""
        yield from self._renew()
        if self._has_lapsed and self._lost is None:
            yield from self._revive()
        if self._lost is not None:
            raise self._lost

    def _revive(self) -> Plan[None]:
        deadline = time.monotonic() + self._claim.wait_s
        log.info("The lease on %s has ended; waiting for Seen Before to renew it.", self._claim.sub_task)
        while self._has_lapsed and self._lost is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Lapsed(self._claim.sub_task)
            yield Pause(min(LOOK_S, left))
            yield from self._renew()

    def keep_while(self, is_needed: Callable[[], bool]) -> None:
        """Renew it past its end for as long as that is so, in this process."""
        self._is_needed = is_needed

    def end(self) -> None:
        """Renew it no more than that."""
        if self._renewing is not None and self._is_needed is None:
            self._renewing.cancel()


@dataclass(frozen=True, slots=True)
class Claiming:
    """What a claim asks of the work that it is for. `is_done`: whether a record of it is true here; `waiting`: what
    this machine has yet to bring of it; `mend`: have there what an answer says is missing, at the so-many-th turn, and
    say whether to ask again."""

    is_done: Callable[[Recorded], Plan[bool]]
    waiting: Callable[[], list[Spooled]]
    mend: Callable[[Answer, int], Plan[bool]]

    def has_been_done(self) -> Plan[bool]:
        """Whether another process of this machine has done it, and has not told the service yet."""
        rows: list[Spooled] = (yield quietly(self.waiting)) or []
        done = of_document(rows[-1].document) if rows else None
        return done is not None and (yield from self.is_done(done))


def claiming(engine: Engine, claim: Claim, work: Claiming) -> Plan[Lease | Literal["done"]]:
    """Claim a sub-task, waiting for another's lease to end; `done` where that one has done it meanwhile.

    The lease is unconfirmed when the service does not answer or cannot take the claim: then nobody can be asked. Raises
    `Held` after the claim's `wait_s`.
    """
    deadline = time.monotonic() + claim.wait_s
    request, turn, mended, waits_for = claim.request, 0, 0, None
    while True:
        if (yield from work.has_been_done()):
            return "done"
        asked_at = time.monotonic()
        answer: Answer | None = yield Ask(request)
        if answer is not None and answer.ok:
            return Lease(engine, claim, confirmed_at=asked_at, version=answer.version)
        if is_stale(answer):
            there: Answer | None = yield Ask(claim.request.reading())
            done = of_document(there.document) if there is not None and there.ok else None
            if done is not None and (yield from work.is_done(done)):
                return "done"
            request = claim.request.matching(there.version if there is not None and there.ok else None)
            turn += 1
            yield Pause(jittered(turn))
        elif answer is not None and _is_taken(answer):
            waits_for = yield from _wait_for(held(answer, claim), answer, deadline=deadline, before=waits_for)
            request = claim.request
        elif answer is not None and (yield from work.mend(answer, mended)):
            mended += 1
        else:
            told = answer.detail if answer is not None else "no answer"
            log.warning("The sub-task %s cannot be claimed (%s); it is done all the same.", claim.sub_task, told)
            return Lease(engine, claim)


def _wait_for(trouble: Held, answer: Answer, *, deadline: float, before: str | None) -> Plan[str | None]:
    """Wait a little for its holder, and say so where it is another one than `before`; gives that holder. Raises the
    trouble at the deadline, and at once where the step itself is another's: that does not pass."""
    left = deadline - time.monotonic()
    if left <= 0 or "owner" in (answer.problem or {}):
        raise trouble
    if before != trouble.holder:
        log.info("%s Waiting for it for %.0f s at most.", trouble, left)
    yield Pause(min(LOOK_S, left))
    return trouble.holder


def _is_taken(answer: Answer) -> bool:
    """Whether somebody else is why: a holder, or the step's owner."""
    problem = answer.problem or {}
    return answer.status == 409 and ("holder" in problem or "owner" in problem)


def held(answer: Answer, claim: Claim) -> Held:
    """Who has it, as far as the problem says."""
    problem = answer.problem or {}
    who, until = problem.get("holder") or problem.get("owner"), problem.get("lease_expires_at")
    trouble = Held(claim.sub_task, holder=text(who) if who else None, until=text(until) if until else None)
    if "owner" in problem:
        trouble.args = (
            f"The step of the sub-task {claim.sub_task} is owned by {trouble.holder}, who can hand it over: "
            "run.step(..., take_over=True).",
        )
    return trouble
