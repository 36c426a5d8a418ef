"""The index: whether it opens, and shows what PostgreSQL has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from api.checks.check import Check, fail, ok, warn
from api.checks.model import has_copy
from api.composition import make_index
from api.settings import Settings
from knowledge.embedding import load_embedder
from knowledge.errors import DataFolderInUse, KnowledgeError
from knowledge.index.port import Index
from knowledge.store import index_queue
from knowledge.store.database import Database

#: Asks the running service how it is (`GET /health/ready`); None when it does not answer.
Ask = Callable[[], Mapping[str, Any] | None]

NAME = "index"
#: A service that writes between the two questions is asked again; its worker pauses for 2 s after trouble.
ROUNDS, PAUSE_S = 4, 1.0
REBUILD = "rebuild it from PostgreSQL: seenbefore reindex"


async def of_service(database: Database, ask: Ask) -> Check:
    """What the running service says of its index, beside what PostgreSQL holds."""
    points = shown = before = None
    for _ in range(ROUNDS):
        health = await asyncio.to_thread(ask) or {}
        said = str(health.get("parts", {}).get("index"))
        if said != "ok":
            return fail(NAME, f"the service cannot use it ({said})", mend=REBUILD)
        points = health.get("precedents_indexed")
        async with database.connection() as connection:
            shown = sum([1 async for _, version in index_queue.versions(connection) if version])
            pending = await index_queue.pending_count(connection)
        if (points == shown and not pending) or (before is not None and pending < before):
            return ok(NAME, f"{points} points, {pending} pending")
        before = pending
        await asyncio.sleep(PAUSE_S)
    if before:
        detail = f"{before} signatures wait, and none was indexed in {ROUNDS * PAUSE_S:.0f} s"
        return warn(NAME, detail, mend=f"see the service's log; if it cannot write, stop it and {REBUILD}")
    return fail(NAME, f"{points} points, but PostgreSQL knows of {shown}", mend=f"stop the service and {REBUILD}")


async def of_settings(database: Database, settings: Settings) -> Check:
    """Open the index that the settings name, and compare it point by point."""
    if settings.qdrant_url is None and not (settings.data / "qdrant").exists():
        return ok(NAME, "not made yet: the first start makes it")
    cache = settings.models
    try:
        embedder = await asyncio.to_thread(
            load_embedder,
            settings.model,
            cache=cache,
            fast=settings.fast_embedding and has_copy(cache),
            taught=settings.model_adapter,
        )
    except Exception:  # whatever a model's files may hold: the model's own check tells
        return warn(NAME, "not looked at, for it is the model's", mend="mend the model first")
    embedder.close()
    index = make_index(settings, embedder=embedder)
    try:
        await index.open()
        return await _compared(index, database)
    except DataFolderInUse:
        return warn(NAME, "a service has it open that does not answer at --url", mend="name its address: --url")
    except KnowledgeError as error:
        return fail(NAME, str(error), mend=REBUILD)
    finally:
        await index.close()


async def _compared(index: Index, database: Database) -> Check:
    points = {identifier: version async for identifier, version in index.versions()}
    number, wrong = len(points), 0
    async with database.connection() as connection:
        async for identifier, version in index_queue.versions(connection):
            found = points.pop(identifier, 0)
            wrong += found != version
        pending = await index_queue.pending_count(connection)
    if wrong or points:
        detail = f"{wrong} of {number} points differ from PostgreSQL, {len(points)} are unknown to it"
        return warn(NAME, detail, mend=f"start the service, which puts it right, or {REBUILD}")
    return ok(NAME, f"{number} points agree with PostgreSQL, {pending} pending")
