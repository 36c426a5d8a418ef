"""A running service whose doors are set up, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.settings import Settings
from tests.api.conftest import running_service
from tests.api.doors.sending import GITHUB_SECRET, SENTRY_SECRET


@pytest.fixture(scope="session")
def doors_settings(new_data: Callable[[], Path]) -> Settings:
    """Those of a service that Sentry and GitHub may tell of failures."""
    return Settings(
        data=new_data(), sentry_secret=SENTRY_SECRET, github_secret=GITHUB_SECRET, doors_workspace="webhooks"
    )


@pytest.fixture(scope="session")
def doors_url(doors_settings: Settings) -> Iterator[str]:
    """The address of that service."""
    with running_service(doors_settings) as url:
        yield url


@pytest.fixture
def client(doors_url: str, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """HTTP to it in a workspace of the test's own."""
    headers = {"X-Workspace": f"{request.node.originalname[:30]}-{uuid4().hex[:16]}"}
    with httpx.Client(base_url=doors_url, headers=headers, timeout=60) as opened:
        yield opened


@pytest.fixture
def told(doors_url: str) -> Iterator[httpx.Client]:
    """HTTP to it in the workspace of the signed webhooks."""
    with httpx.Client(base_url=doors_url, headers={"X-Workspace": "webhooks"}, timeout=60) as opened:
        yield opened


@pytest.fixture
def outside(doors_url: str) -> Iterator[httpx.Client]:
    """HTTP as senders elsewhere reach it: by another name than this machine's."""
    with httpx.Client(base_url=doors_url, headers={"Host": "seen.example"}, timeout=60) as opened:
        yield opened
