"""Clients with a spool of their own; the real service where a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

import seenbefore
from tests.api.conftest import filled, kept, models, new_data, service, service_url
from tests.client.go_between import GoBetween, standing_between
from tests.client.making import Memory, workspace_of

__all__ = ["filled", "kept", "models", "new_data", "service", "service_url"]  # the real service, as tests/api has it

MakeMemory = Callable[..., seenbefore.Client]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the test's writes wait."""
    return tmp_path / "spool" / "spool.sqlite3"


@pytest.fixture
def memory_of(spool: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeMemory]:
    """Make a client of a service, over the test's spool."""
    for name in ("URL", "API_KEY", "WORKSPACE", "SPOOL"):
        monkeypatch.delenv(f"SEENBEFORE_{name}", raising=False)
    with ExitStack() as stack:

        def make(url: str, **given: Any) -> seenbefore.Client:
            timeout_s = given.get("timeout_s", 0.5)
            usual = {"spool": spool, "timeout_s": timeout_s, "resume_timeout_s": timeout_s}
            return stack.enter_context(seenbefore.Client(url, **usual | given))

        yield make


@pytest.fixture
def memory(memory_of: MakeMemory, service_url: str, request: pytest.FixtureRequest) -> Memory:
    """A client of the real service in a workspace of the test's own."""
    return memory_of(service_url, workspace=workspace_of(request), timeout_s=10.0)


@pytest.fixture
def between(service_url: str) -> Iterator[GoBetween]:
    """What stands before the real service."""
    with standing_between(service_url) as found:
        yield found


@pytest.fixture
def asked(service_url: str, request: pytest.FixtureRequest) -> Any:
    """Reads of the real service in the same workspace."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace_of(request)}, timeout=30) as client:
        yield lambda path: client.get(path).json()
