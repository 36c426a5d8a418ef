"""Bringing one write of the spool to the service, and what its answers mean. No I/O here."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

from seenbefore.plain import spread
from seenbefore.plans import Ask, Pause, Plan
from seenbefore.spool import Spooled
from seenbefore.wire import Answer

#: Nobody waits for a delivery but the writes behind it.
TIMEOUT_S = 10.0
#: How often a row that changes under our hands is read again, and the longest pause before it, in seconds.
ROUNDS, LONGEST_PAUSE_S = 20, 0.5
#: An incident that the service itself has yet to write is not there for a while; a row that makes the service stumble
#: so often is set apart.
PATIENCE_NOT_FOUND, PATIENCE_STUMBLE = 6, 20
#: Refusals that say nothing of the row: the key is wrong, the limit is reached, the host is not ours.
OF_THE_SENDER = frozenset({401, 403, 408, 421, 425, 429})


@dataclass(frozen=True, slots=True)
class Written:
    """The service has it."""


@dataclass(frozen=True, slots=True)
class Never:
    """The service will never take it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. `everywhere`: nor will it take anything else. `after_s`: when it says that it will."""

    trouble: str
    everywhere: bool = True
    after_s: float | None = None


Delivery = Written | Never | Later


def deliver(row: Spooled, *, etags: MutableMapping[str, str | None]) -> Plan[Delivery]:
    """Send a row. Where it changes what is there already, it builds on the version that is there: the latest wins."""
    request = row.request.matching(etags.get(row.path))
    for turn in range(ROUNDS):
        answer: Answer | None = yield Ask(request, TIMEOUT_S)
        if answer is not None and answer.ok:
            etags[row.path] = answer.etag
            return Written()
        if row.method != "PUT" or not is_stale(answer):
            return meaning(answer, row)
        if turn:
            yield Pause(jittered(turn))
        there: Answer | None = yield Ask(request.reading(), TIMEOUT_S)
        if there is None or not (there.ok or (there.status == 404 and there.problem)):
            return meaning(there, row)
        request = request.matching(there.etag if there.ok else None)
    return Later("The row keeps changing.", everywhere=False)


def is_stale(answer: Answer | None) -> bool:
    """Whether the version that was named has passed, or one has to be named."""
    return answer is not None and answer.status in (412, 428) and answer.problem is not None


def jittered(turn: int) -> float:
    """Seconds to wait before the next attempt: any up to a bound that doubles."""
    return spread(0.0, min(LONGEST_PAUSE_S, 0.01 * 2**turn))


def meaning(answer: Answer | None, row: Spooled) -> Delivery:
    """What an answer that is neither done nor stale says of the row."""
    if answer is None:
        return Later("The service does not answer.")
    told = f"{answer.status}: {answer.detail}"
    if answer.status == 500:
        return Never(told) if row.attempts >= PATIENCE_STUMBLE else Later(told, everywhere=False)
    if answer.problem is None or answer.status in OF_THE_SENDER:
        return Later(told, after_s=_seconds(answer.retry_after))
    if answer.status == 404 and row.kind == "outcome" and row.attempts < PATIENCE_NOT_FOUND:
        return Later(told, everywhere=False)
    return Never(told)


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds, at most a minute; a date is not understood."""
    return min(float(text), 60.0) if text and text.isascii() and text.isdigit() and len(text) < 6 else None
