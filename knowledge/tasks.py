"""Ending what runs beside the answers, and what must not be left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

#: A cancellation that was not heard is said again.
AGAIN_S = 0.5


async def wholly(work: Callable[[], T], *, threads: Executor | None = None) -> T:
    """Work in a thread. It cannot be ended there: a cancellation waits for it, and comes after it.

    Raises `RuntimeError` when `threads` take nothing any more.
    """
    working = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with.

    Once is not always enough: on Python 3.11 `asyncio.wait_for`, which psycopg's pool waits with, swallows a
    cancellation that comes together with what was waited for, and the task would go on for ever.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_S)
