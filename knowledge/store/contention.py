"""The order in which all take what they change, and what is done where two wait in a circle all the same.

The order of locks, kept by every transaction, so that nobody waits in a circle:

1. the idempotency key; of what was kept aside, its replay alone
2. a proposal
3. the workspace (shared by all who record; merging, splitting, undoing and signing again have it alone)
4. a month's partition, then external ids, then new precedents and signatures by fingerprint
5. precedents by workspace and id: all of them at once, for whoever holds one does not ask for another
6. signatures, incidents, resolutions, outcomes, storms of the precedents held: they are changed by nobody else
7. the counts of a workspace's causes, which triggers keep

Of pipeline memory: the run, its step, the sub-task; who writes several sub-tasks has the step alone. Of chats: the
channel, then its notices. What works beside the answers (the index worker, what is counted or forgotten) waits for
nobody while it holds something (`SKIP LOCKED`), or keeps the order above.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from knowledge.errors import StoreContended
from knowledge.store.errors import CONTENDED

T = TypeVar("T")

#: How often work is done where others change the same rows in another order.
MOST_TRIES = 4
#: Seconds before the second try; as many more before each further one.
PAUSE_S = 0.02


async def anew(work: Callable[[], Awaitable[T]]) -> T:
    """The work's answer; done again where PostgreSQL undid it because it and others waited for each other.

    The work is one statement or one whole transaction, and changes nothing but rows. Raises what it raises,
    `StoreContended` at last.
    """
    for nth in range(1, MOST_TRIES):
        with contextlib.suppress(StoreContended, *CONTENDED):
            return await work()
        # The other goes first: who begins at once may take again what that waits for.
        await asyncio.sleep(nth * PAUSE_S)
    return await work()
