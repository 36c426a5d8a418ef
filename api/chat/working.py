"""Work that goes on behind an answer: chats want theirs within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from knowledge.tasks import end

T = TypeVar("T")

#: Work that was begun when the service ends is waited for so long.
LAST_WORK_S = 5.0


class Working:
    """What was begun and has not ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let it go on."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait a moment for what was begun, then end it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORK_S)
        await end(self._tasks)
