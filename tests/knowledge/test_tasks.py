"""Ending what runs beside the answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from knowledge.tasks import end, wholly


async def test_cancellation_that_was_swallowed_is_said_again() -> None:
    """As `asyncio.wait_for` may do on Python 3.11."""
    heard: list[int] = []

    async def deaf_once() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        heard.append(1)
        await asyncio.sleep(60)

    tasks = [asyncio.create_task(deaf_once()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks)

    assert [1] == heard
    assert all(task.cancelled() for task in tasks)


async def test_what_has_failed_is_no_trouble() -> None:
    """It ended; nothing to end is none either."""

    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await end([task])
    await end([])

    assert isinstance(task.exception(), ValueError)


async def test_cancellation_comes_after_work_in_a_thread() -> None:
    """What was begun is whole when the caller cleans up."""
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        may_end.wait(10)
        done.append(1)

    task = asyncio.create_task(wholly(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0.01)
    still = task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (False, [1]) == (still, done)
