"""Ending what runs beside the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

#: A cancellation that was not heard is said again.
AGAIN_S = 0.5


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
