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
from seenbefore.errors import Held
from seenbefore.plain import text
from seenbefore.plans import Ask, Pause, Plan
from seenbefore.plans_async import drive_async
from seenbefore.recorded import Recorded, of_document
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
    """What is claimed, by whom and for how many seconds; `holder` is this process's own."""

    path: str
    sub_task: str
    owner: str
    lease_s: float
    inputs_hash: str
    holder: str = field(default_factory=_make_holder)

    @property
    def request(self) -> Request:
        """Claim it, or renew the claim."""
        body = {"owner": self.owner, "status": "started", "holder": self.holder, "lease_s": self.lease_s}
        return calls.put(self.path, body | {"inputs_hash": self.inputs_hash})


class Lease:
    """A claim that the service has granted. It is lost once the service says that another has it."""

    def __init__(self, engine: Engine, claim: Claim) -> None:
        self._engine = engine
        self._claim = claim
        self._lost: Held | None = None
        self._renewing: concurrent.futures.Future[Any] | None = None
        with contextlib.suppress(RuntimeError):
            self._renewing = engine.spawn(self._keep())

    @property
    def holder(self) -> str:
        """Who holds it: this process."""
        return self._claim.holder

    async def _keep(self) -> None:
        while self._lost is None:
            await asyncio.sleep(self._claim.lease_s / RENEWALS)
            await drive_async(self._renew(), self._engine)

    def _renew(self) -> Plan[None]:
        answer: Answer | None = yield Ask(self._claim.request)
        if answer is not None and not answer.ok and answer.problem is not None and answer.status in (409, 412, 428):
            self._lost = held(answer, self._claim)

    def confirm(self) -> Plan[None]:
        """Renew it; raises `Held` where another has it. Without an answer nobody can tell, and the work counts."""
        yield from self._renew()
        if self._lost is not None:
            raise self._lost

    def end(self) -> None:
        """Renew it no more."""
        if self._renewing is not None:
            self._renewing.cancel()


def claiming(
    engine: Engine, claim: Claim, *, wait_s: float, is_done: Callable[[Recorded], Plan[bool]]
) -> Plan[Lease | Literal["done"] | None]:
    """Claim a sub-task, waiting for another's lease to end; `done` where that one has done it meanwhile.

    None when the service does not answer or knows no such step: then nobody is asked. Raises `Held` after `wait_s`.
    """
    deadline = time.monotonic() + wait_s
    request, turn = claim.request, 0
    while True:
        answer: Answer | None = yield Ask(request)
        if answer is not None and answer.ok:
            return Lease(engine, claim)
        if is_stale(answer):
            there: Answer | None = yield Ask(claim.request.reading())
            done = of_document(there.document) if there is not None and there.ok else None
            if done is not None and (yield from is_done(done)):
                return "done"
            request = claim.request.matching(there.etag if there is not None and there.ok else None)
            turn += 1
            yield Pause(jittered(turn))
        elif answer is not None and answer.status == 409 and _is_taken(answer):
            if time.monotonic() >= deadline or "owner" in (answer.document or {}):
                raise held(answer, claim)
            request = claim.request
            yield Pause(min(LOOK_S, max(0.0, deadline - time.monotonic())))
        else:
            told = answer.detail if answer is not None else "no answer"
            log.warning("The sub-task %s cannot be claimed (%s); it is done all the same.", claim.sub_task, told)
            return None


def _is_taken(answer: Answer) -> bool:
    """Whether somebody else is why: a holder, or the step's owner."""
    problem = answer.problem or {}
    return "holder" in problem or "owner" in problem


def held(answer: Answer, claim: Claim) -> Held:
    """Who has it, as far as the problem says."""
    problem = answer.problem or {}
    who, until = problem.get("holder") or problem.get("owner"), problem.get("lease_expires_at")
    return Held(claim.sub_task, holder=text(who) if who else None, until=text(until) if until else None)
