"""A service whose agents may write, and workspaces of tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.settings import Settings
from tests.api.conftest import running_service


@pytest.fixture(scope="session")
def writing_url(new_data: Callable[[], Path]) -> Iterator[str]:
    """The address of a service whose agents may write."""
    with running_service(Settings(data=new_data(), mcp_writes=True)) as url:
        yield url


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    """The name of a workspace that no other test uses."""
    return f"{request.node.originalname[:30]}-{uuid4().hex[:16]}"


@pytest.fixture
def people(writing_url: str, workspace: str) -> Iterator[httpx.Client]:
    """The same workspace, by the HTTP API."""
    with httpx.Client(base_url=writing_url, headers={"X-Workspace": workspace}, timeout=30.0) as client:
        yield client
