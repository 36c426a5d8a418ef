"""What is forgotten after a time: idempotency keys with their answers, and runs. Incidents are kept for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from knowledge.store import idempotency, runs
from knowledge.store.database import Connection, Database


async def forget(database: Database, *, runs_kept: timedelta | None) -> tuple[int, int]:
    """Forget all that is too old: how many keys, and how many runs. Cheap where there is nothing.

    `runs_kept`: from the last write of a run, or of anything below it; None keeps them for ever. In bounded batches,
    each a transaction of its own, so that nobody waits for long. Raises `StoreUnavailable`, `StoreBusy`.
    """
    keys = await _all_of(idempotency.purge, database)
    return keys, 0 if runs_kept is None else await _all_of(partial(runs.forget, untouched_for=runs_kept), database)


async def _all_of(batch: Callable[[Connection], Awaitable[int]], database: Database) -> int:
    """Batches until one finds nothing; between two of them others get the connection."""
    forgotten = 0
    while True:
        async with database.connection() as connection:
            found = await batch(connection)
        if not found:
            return forgotten
        forgotten += found
