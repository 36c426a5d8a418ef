"""Clients of the session's service, each in a workspace of its test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest

from tests.api.http.asking import LIMIT_S
from tests.api.http.pipelines import put_run, put_step

MakeClient = Callable[[str], httpx.Client]


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    """The name of a workspace that no other test uses."""
    return f"{request.node.originalname[:30]}-{uuid4().hex[:16]}"


@pytest.fixture
def client_of(service_url: str) -> Iterator[MakeClient]:
    """Make a client of a workspace."""
    with ExitStack() as stack:

        def make(name: str) -> httpx.Client:
            client = httpx.Client(base_url=service_url, headers={"X-Workspace": name}, timeout=LIMIT_S)
            return stack.enter_context(client)

        yield make


@pytest.fixture
def client(client_of: MakeClient, workspace: str) -> httpx.Client:
    """A client in the test's own workspace."""
    return client_of(workspace)


@pytest.fixture
async def crowd(service_url: str, workspace: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that asks many things at once."""
    limits = httpx.Limits(max_connections=50)
    headers = {"X-Workspace": workspace}
    async with httpx.AsyncClient(base_url=service_url, headers=headers, timeout=30.0, limits=limits) as opened:
        yield opened


@pytest.fixture
def begun(client: httpx.Client) -> httpx.Client:
    """A client whose workspace has a run with a step."""
    assert [201, 201] == [put_run(client).status_code, put_step(client).status_code]
    return client
