"""What is done, apart from how: a plan is a generator of effects, and a driver carries them out.

Every plan is written once. The sync driver carries its effects out where it is called; the async one awaits answers,
and lets whatever blocks run in a thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seenbefore.wire import Request

if TYPE_CHECKING:
    from seenbefore.engine import Engine

T = TypeVar("T")
log = logging.getLogger("seenbefore")


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the service; gives the `Answer`, or None when there is none in time (seconds)."""

    request: Request
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """Work of ours that may block: hashing, files, the spool."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Own:
    """The pipeline's own code; gives what it gives, or `Failed`."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """What the pipeline's own code has raised. A plan that gives it has it raised again, outside of the plan."""

    error: BaseException


def quietly(call: Callable[..., Any], *given: Any, **named: Any) -> Local:
    """Work of ours whose failure is nobody's but ours: it gives None then."""

    def work() -> Any:
        try:
            return call(*given, **named)
        except Exception:  # noqa: BLE001,RUF100 - a pipeline must not fail of its memory
            log.warning("Seen Before: something of its own went wrong; the pipeline goes on", exc_info=True)
            return None

    return Local(work)


Effect = Ask | Local | Own | Pause
Plan = Generator[Effect, Any, T]


def briefly(plan: Plan[T]) -> Plan[T]:
    """The same plan, each of its questions with the timeout of any call: a pipeline waits for it."""
    turn: Callable[[], Effect] = partial(next, plan)
    while True:
        try:
            effect = turn()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            value = yield Ask(effect.request) if isinstance(effect, Ask) else effect
        except BaseException as error:  # noqa: BLE001,RUF100 - the plan decides what it means
            turn = partial(plan.throw, error)
        else:
            turn = partial(plan.send, value)


def drive(plan: Plan[T | Failed], engine: Engine) -> T:
    """Carry a plan out here and now."""
    turn: Callable[[], Effect] = partial(next, plan)
    while True:
        try:
            effect = turn()
        except StopIteration as end:
            return result_of(end)  # type: ignore[no-any-return]
        try:
            value = _carry_out(effect, engine)
        except BaseException as error:  # noqa: BLE001,RUF100 - the plan decides what it means
            turn = partial(plan.throw, error)
        else:
            turn = partial(plan.send, value)


def result_of(end: StopIteration) -> Any:
    """What a plan gives; raises what the pipeline's own code has raised."""
    if isinstance(end.value, Failed):
        raise end.value.error from end.value.error.__cause__
    return end.value


def _carry_out(effect: Effect, engine: Engine) -> Any:
    if isinstance(effect, Ask):
        return engine.ask(effect.request, timeout_s=effect.timeout_s)
    if isinstance(effect, Pause):
        return time.sleep(effect.seconds)
    if isinstance(effect, Local):
        return effect.call()
    try:
        return effect.call()
    except BaseException as error:  # noqa: BLE001,RUF100 - it is noted, and raised again
        return Failed(error)
