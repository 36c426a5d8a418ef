"""What all adapters share. Whatever our side does wrong, the host goes on exactly as without us."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from seenbefore.advice import Advice, Decision, default_advice

if TYPE_CHECKING:
    from seenbefore import AsyncClient, Client

T = TypeVar("T")
log = logging.getLogger("seenbefore")
_DOUBT = default_advice("Seen Before could not be asked.")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far advice is followed: a longer wait (seconds) is none of ours, and no advice grants more attempts.

    The client takes waits of days, for there are services whose limits last so long. Inside a running program such an
    answer is more likely a fault, and the host's own policy is the better one.
    """

    longest_wait_s: float = 3_600.0
    most_attempts: int = 10

    def applied(self, advice: Advice) -> Advice:
        """The advice; its decision is `default` where it goes too far."""
        decision = advice.decision
        if decision.action == "retry" and (decision.retry_delay_s or 0.0) > self.longest_wait_s:
            reason = f"The advised wait is longer than the bound of {self.longest_wait_s:.0f} s."
            return replace(advice, decision=Decision(reason=reason))
        return advice

    def exhausted(self, advice: Advice, *, attempt: int) -> bool:
        """Whether a retry is advised no more after this attempt, the first being 1."""
        return attempt >= min(advice.decision.max_attempts or self.most_attempts, self.most_attempts)


def harmless(call: Callable[[], T], *, otherwise: T) -> T:
    """What our side gives; `otherwise` when it fails."""
    try:
        return call()
    except Exception:  # noqa: BLE001,RUF100 - a fault of ours is never the host's
        log.warning("A fault of Seen Before's client; the host goes on without it.", exc_info=True)
        return otherwise


async def harmless_async(call: Callable[[], Awaitable[T]], *, otherwise: T) -> T:
    """The same, awaited."""
    try:
        return await call()
    except Exception:  # noqa: BLE001,RUF100 - a fault of ours is never the host's
        log.warning("A fault of Seen Before's client; the host goes on without it.", exc_info=True)
        return otherwise


def ask(memory: Client, error: object, *, bounds: Bounds, about: Callable[[], Mapping[str, Any]]) -> Advice:
    """Advice within the bounds, for a failure and what `about` tells of it; `default` on any doubt."""
    return harmless(lambda: bounds.applied(memory.advise(error, **about())), otherwise=_DOUBT)


async def ask_async(
    memory: AsyncClient, error: object, *, bounds: Bounds, about: Callable[[], Mapping[str, Any]]
) -> Advice:
    """The same, awaited."""

    async def asked() -> Advice:
        return bounds.applied(await memory.advise(error, **about()))

    return await harmless_async(asked, otherwise=_DOUBT)
