"""Pipeline memory on the test's own database."""

from __future__ import annotations

import pytest

from knowledge.state.memory import PipelineMemory
from knowledge.state.schemas import read_shipped
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces


@pytest.fixture
def memory(database: Database) -> PipelineMemory:
    """The facade, with the schemas that ship."""
    return PipelineMemory(database, schemas=read_shipped(), workspaces=Workspaces(database))
