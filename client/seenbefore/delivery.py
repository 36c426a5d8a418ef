"""Bringing one write of the spool to the service, and what its answers mean. No I/O here."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime

from seenbefore.mending import TIMEOUT_S, Stuck, is_superseded, mending
from seenbefore.plain import spread
from seenbefore.plans import Ask, Pause, Plan
from seenbefore.scrubbing import scrubbed
from seenbefore.spooled import Spooled
from seenbefore.wire import OF_THE_SENDER, REFUSED_SENDER, Answer, Request

#: How often a row that changes under our hands is read again, the longest pause before it, in seconds, and how often
#: what it lacks is written.
ROUNDS, LONGEST_PAUSE_S, MENDS = 20, 0.5, 4
#: An incident that the service itself has yet to write is not there for a while; a row that makes the service stumble
#: so often is set apart, and so is a completion that so often meets another's claim.
PATIENCE_NOT_FOUND, PATIENCE_STUMBLE, PATIENCE_HELD = 6, 20, 10
#: Seconds that such a completion waits.
LEAST_HELD_S, LONGEST_HELD_S = 0.5, 300.0


@dataclass(frozen=True, slots=True)
class Written:
    """The service has it."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The service has what was said later: nobody needs it any more."""


@dataclass(frozen=True, slots=True)
class Never:
    """The service will never take it. `owner`: whose step it is, where that is why."""

    reason: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. `everywhere`: nor will it take anything else; `of_sender`: because of who asks. `after_s`: when it says
    that it will."""

    trouble: str
    everywhere: bool = True
    after_s: float | None = None
    of_sender: bool = False


Delivery = Written | Superseded | Never | Later


def deliver(
    row: Spooled, *, etags: MutableMapping[str, str | None], clock: Callable[[], float] = time.time
) -> Plan[Delivery]:
    """Send a row. Where it changes what is there already, it builds on the version that is there: the latest wins.

    What the service lacks to take it is written first, once or twice. `etags` has the versions that were written here;
    `clock` is that of `Spooled.added_at`.
    """
    age_s = row.age_s(clock())
    request = row.request.aged(age_s).matching(etags.get(row.path))
    mended = 0
    for turn in range(ROUNDS):
        answer: Answer | None = yield Ask(request, TIMEOUT_S)
        if answer is not None and _is_taken(answer, row):
            _learn(answer, request, etags)
            return Written()
        if is_superseded(answer) and _is_own(request, etags) and request.age_s is not None:
            # What was said after this was said before it, here: the service may have taken long to take it.
            next_request: Request | Stuck = request.aged(None)
        elif row.method != "PUT" or not is_stale(answer):
            next_request = yield from _mend(answer, request, row, mended=mended)
            mended += 1
        else:
            next_request = yield from _renew(request.aged(age_s), turn=turn)
        if isinstance(next_request, Stuck):
            return meaning(next_request.answer, row, now=clock())
        request = next_request
    return Later("The row keeps changing.", everywhere=False)


def _is_taken(answer: Answer, row: Spooled) -> bool:
    """Whether the service has it: of a row it tells the version, and not whatever else is well everywhere."""
    return answer.ok and (row.method != "PUT" or answer.version is not None)


def _is_own(request: Request, etags: MutableMapping[str, str | None]) -> bool:
    """Whether it changes what was written here."""
    return request.if_match is not None and request.if_match == etags.get(request.path)


def _learn(answer: Answer, request: Request, etags: MutableMapping[str, str | None]) -> None:
    """Keep the version that is there, if it was written here and not by another who has said the same."""
    is_new = answer.status == 201 or (request.if_match is not None and request.if_match != answer.version)
    if is_new or _is_own(request, etags):
        etags[request.path] = answer.version
    else:
        etags.pop(request.path, None)


def _mend(answer: Answer | None, request: Request, row: Spooled, *, mended: int) -> Plan[Request | Stuck]:
    if mended == MENDS:
        return Stuck(answer)
    return (yield from mending(answer, request, row))


def _renew(request: Request, *, turn: int) -> Plan[Request | Stuck]:
    """The same as a change of the version that is there now."""
    if turn:
        yield Pause(jittered(turn))
    there: Answer | None = yield Ask(request.reading(), TIMEOUT_S)
    if there is None or not (there.ok or (there.status == 404 and there.problem)):
        return Stuck(there)
    return request.matching(there.version if there.ok else None)


def is_stale(answer: Answer | None) -> bool:
    """Whether the version that was named has passed, or one has to be named."""
    return answer is not None and answer.status in (412, 428) and answer.problem is not None


def jittered(turn: int) -> float:
    """Seconds to wait before the next attempt: any up to a bound that doubles."""
    return spread(0.0, min(LONGEST_PAUSE_S, 0.01 * 2**turn))


def meaning(answer: Answer | None, row: Spooled, *, now: float) -> Delivery:
    """What an answer that is neither done nor stale says of the row; `now` in seconds since 1970."""
    if answer is None:
        return Later("The service does not answer.")
    told = scrubbed(f"{answer.status}: {answer.detail}")
    if answer.status == 500:
        return Never(told) if row.attempts >= PATIENCE_STUMBLE else Later(told, everywhere=False)
    if answer.problem is None or answer.status in OF_THE_SENDER:
        of_sender = answer.status in REFUSED_SENDER
        return Later(told, after_s=_seconds(answer.retry_after), of_sender=of_sender)
    if is_superseded(answer):
        return Superseded()
    if answer.status == 404 and row.kind == "outcome" and row.attempts < PATIENCE_NOT_FOUND:
        return Later(told, everywhere=False)
    if _is_held(answer, row) and row.attempts < PATIENCE_HELD:
        return Later(told, everywhere=False, after_s=_left_s(answer, now=now))
    owner = (answer.problem or {}).get("owner") if answer.status == 409 else None
    return Never(told, owner=owner if isinstance(owner, str) else None)


def _is_held(answer: Answer, row: Spooled) -> bool:
    """Whether a completion meets another's claim: that may lapse, and the work is done."""
    held = answer.status == 409 and "lease_expires_at" in (answer.problem or {})
    return held and row.document.get("status") == "completed"


def _left_s(answer: Answer, *, now: float) -> float:
    """Seconds until the claim ends; within bounds, for the clocks may differ."""
    try:
        ends = datetime.fromisoformat(str((answer.problem or {})["lease_expires_at"])).timestamp()
    except (ValueError, OverflowError, OSError):
        ends = now
    return min(max(ends - now, LEAST_HELD_S), LONGEST_HELD_S)


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds, at most a minute; a date is not understood."""
    return min(float(text), 60.0) if text and text.isascii() and text.isdigit() and len(text) < 6 else None
