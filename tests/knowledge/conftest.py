"""The knowledge service on real parts, but for the documented failures: a handful that tests can reason about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.starters import Starters
from knowledge.embedding import LocalEmbedder, load_embedder
from knowledge.index.edge import EdgeIndex
from knowledge.indexer import Indexer
from knowledge.model_folder import DEFAULT_MODEL
from knowledge.service import KnowledgeService
from knowledge.spool import Spool
from knowledge.starter.catalogue import read_catalogue
from knowledge.starter.loading import load_starter
from knowledge.store.database import Database
from tests.api.conftest import kept, models

__all__ = ["kept", "models"]

DOCUMENTED = """
component = "tests"

[[precedent]]
key = "upload-throttled"
title = "The object store sheds load"
verdict = "transient"
cause = "rate_limit"
action = "retry_with_backoff"
resolution = "Back off with jitter, and spread the keys over more prefixes."
sources = ["https://example.org/limits"]
wordings = [
  "ClientError: An error occurred (SlowDown) when calling the PutObject operation: Please reduce your request rate",
  "503 Slow Down: upload of a part failed",
]
look_alikes = ["upload-denied"]

[[precedent]]
key = "upload-denied"
title = "The role may not write to the bucket"
verdict = "genuine"
cause = "permission"
action = "fix_then_rerun"
resolution = "Grant the write permission on the bucket to the role of the job."
sources = ["https://example.org/permissions"]
wordings = [
  "ClientError: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
  "403 Forbidden: the role is not authorized to write this object",
]
"""


@dataclass(frozen=True)
class World:
    """All the parts of a service, and the service."""

    database: Database
    index: EdgeIndex
    embedder: LocalEmbedder
    starters: Starters
    indexer: Indexer
    spool: Spool
    service: KnowledgeService


@pytest.fixture(scope="session")
def embedder(models: Path) -> Iterator[LocalEmbedder]:
    """The model that ships, on its fast path."""
    loaded = load_embedder(DEFAULT_MODEL, cache=models)
    yield loaded
    loaded.close()


@pytest.fixture
async def starters(database: Database, embedder: LocalEmbedder, tmp_path: Path) -> Starters:
    """A handful of documented failures, in the test's own database."""
    folder = tmp_path / "documented"
    folder.mkdir()
    (folder / "tests.toml").write_text(DOCUMENTED)
    return await load_starter(database, read_catalogue(folder), embedder=embedder, vectors=tmp_path)


@pytest.fixture
async def world(
    database: Database, embedder: LocalEmbedder, starters: Starters, tmp_path: Path
) -> AsyncIterator[World]:
    """A service whose index worker runs when a test says so."""
    index = EdgeIndex(tmp_path / "qdrant", collection="precedents-test", dimensions=embedder.dimensions)
    await index.open()
    spool = Spool(tmp_path / "spool.sqlite3")
    indexer = Indexer(database, index=index, embedder=embedder, starters=starters)
    service = KnowledgeService(
        database=database,
        index=index,
        embedder=embedder,
        indexer=indexer,
        spool=spool,
        starters=starters,
        settings=AdvisorSettings(),
    )
    yield World(database, index, embedder, starters, indexer, spool, service)
    spool.close()
    await index.close()
