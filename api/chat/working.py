"""Work that goes on behind an answer: chats want theirs within seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from api.logs import bare
from knowledge.tasks import end

T = TypeVar("T")

#: Work that was begun when the service ends is waited for so long.
LAST_WORK_S = 5.0

log = logging.getLogger(__name__)


class Working:
    """What was begun and has not ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T], *, otherwise: T) -> asyncio.Task[T]:
        """Let it go on. Where it fails, which nobody foresaw, that is logged, and `otherwise` is what it ends with."""
        task = asyncio.create_task(_caught(work, otherwise=otherwise))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait a moment for what was begun, then end it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORK_S)
        await end(self._tasks)


async def _caught(work: Coroutine[Any, Any, T], *, otherwise: T) -> T:
    try:
        return await work
    except Exception as error:
        # Its text may quote what was asked: asyncio would log it in full where nobody asks how the task has ended.
        log.error("a request from chat failed with %s", type(error).__name__, exc_info=bare(error))
        return otherwise
