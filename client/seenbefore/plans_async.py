"""The async driver of plans."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from seenbefore.plans import Ask, Effect, Failed, Local, Pause, Plan, T, result_of

if TYPE_CHECKING:
    from seenbefore.engine import Engine


async def drive_async(plan: Plan[T | Failed], engine: Engine) -> T:
    """Carry a plan out in the running event loop, whichever that is."""
    turn: Callable[[], Effect] = partial(next, plan)
    while True:
        try:
            effect = turn()
        except StopIteration as end:
            return result_of(end)  # type: ignore[no-any-return]
        try:
            value = await _carry_out(effect, engine)
        except BaseException as error:  # noqa: BLE001,RUF100 - the plan decides what it means
            turn = partial(plan.throw, error)
        else:
            turn = partial(plan.send, value)


async def _carry_out(effect: Effect, engine: Engine) -> Any:
    if isinstance(effect, Ask):
        return await engine.ask_async(effect.request, timeout_s=effect.timeout_s)
    if isinstance(effect, Pause):
        return await asyncio.sleep(effect.seconds)
    if isinstance(effect, Local):
        return await in_thread(effect.call, engine)
    try:
        return await _own(effect.call)
    except BaseException as error:  # noqa: BLE001,RUF100 - it is noted, and raised again
        return Failed(error)


async def in_thread(call: Callable[[], T], engine: Engine) -> T:
    """Work of ours in a thread of its own; here, where none can be started."""
    try:
        waiting = asyncio.get_running_loop().run_in_executor(engine.threads, copy_context().run, call)
    except RuntimeError:
        return call()
    return await waiting


async def _own(call: Callable[[], Any]) -> Any:
    """A coroutine function runs in the loop, a plain one in a thread: it may take hours."""
    function = call.func if isinstance(call, partial) else call
    if inspect.iscoroutinefunction(function):
        return await call()
    value = await asyncio.to_thread(call)
    return await value if inspect.isawaitable(value) else value
