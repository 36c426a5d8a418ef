"""Services on one database, each with connections of its own, and a clock for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from knowledge.advisor.advising import AdvisorSettings
from knowledge.service import KnowledgeService
from knowledge.store.database import Database
from tests.knowledge.conftest import World
from tests.knowledge.storms.asking import Clock, MakeService


@pytest.fixture
def clock() -> Clock:
    """The time of all services of a test."""
    return Clock()


@pytest.fixture
async def replica(world: World, database_url: str, clock: Clock) -> AsyncIterator[MakeService]:
    """Make a service with connections of its own."""
    async with AsyncExitStack() as stack:

        async def make(settings: AdvisorSettings | None = None) -> KnowledgeService:
            database = await stack.enter_async_context(Database(database_url))
            return KnowledgeService(
                database=database,
                index=world.index,
                embedder=world.embedder,
                indexer=world.indexer,
                spool=world.spool,
                starters=world.starters,
                settings=settings or AdvisorSettings(),
                clock=clock,
            )

        yield make


@pytest.fixture
async def service(replica: MakeService) -> KnowledgeService:
    """A service on the test's clock."""
    return await replica()
