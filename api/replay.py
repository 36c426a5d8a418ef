"""A replay on parts of its own: PostgreSQL, the index and the starter precedents in a folder that is removed after."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from api.composition import Parts, build
from api.settings import Settings
from knowledge.advisor.replay_report import Replayed
from knowledge.replaying import MovingClock, Past, Replay, Untaken

Say = Callable[[str], None]
#: Failures after which the index is put in order, so that long histories stay quick.
OPTIMIZE_EVERY = 2_000

log = logging.getLogger(__name__)


async def replay(
    history: Sequence[Past], *, settings: Settings, delay: timedelta, say: Say, advance: Callable[[int], None]
) -> list[Replayed | Untaken]:
    """What is told to each failure, in time order.

    The model, the bound on wrong `fail` and what else bears on answers are those of `settings`; their data folder and
    servers are not touched. `advance` is called with how many failures were asked since.
    """
    with tempfile.TemporaryDirectory(prefix="seenbefore-replay-", ignore_cleanup_errors=True) as folder:
        await asyncio.to_thread(borrow_models, settings.data, Path(folder))
        private = {"data": Path(folder), "database_url": None, "qdrant_url": None, "qdrant_api_key": None}
        clock = MovingClock(min(past.occurred_at for past in history))
        async with build(settings.model_copy(update=private), say=say, clock=clock) as parts:
            return await _replay(history, parts=parts, clock=clock, delay=delay, advance=advance)


async def _replay(
    history: Sequence[Past], *, parts: Parts, clock: MovingClock, delay: timedelta, advance: Callable[[int], None]
) -> list[Replayed | Untaken]:
    told: list[Replayed | Untaken] = []
    await parts.indexer.drain()
    replaying = Replay(parts.service, clock=clock, settle=parts.indexer.drain)
    async for each in replaying.run(history, delay=delay):
        told.append(each)
        advance(1)
        if len(told) % OPTIMIZE_EVERY == 0:
            await parts.index.optimize()
    return told


def borrow_models(data: Path, folder: Path) -> None:
    """A copy of what the service has converted and embedded, where there is any: making it anew takes half a minute."""
    try:
        if (data / "models").is_dir():
            shutil.copytree(data / "models", folder / "models", ignore=shutil.ignore_patterns("*.draft"))
    except OSError as error:  # another's folder, or what is written into it just now
        log.info("the service's model cannot be borrowed: %s", type(error).__name__)
        shutil.rmtree(folder / "models", ignore_errors=True)
