"""Clients with a spool of their own; the real service where a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from tests.api.conftest import filled, kept, models, new_data, service, service_url

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
            return stack.enter_context(seenbefore.Client(url, **{"spool": spool, "timeout_s": 0.5} | given))

        yield make
