"""Commands as people call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from api.cli import main

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has set says nothing here."""
    for name in ("URL", "WORKSPACE", "API_KEY", "DATA", "DATABASE_URL", "PORT", "HOST"):
        monkeypatch.delenv(f"SEENBEFORE_{name}", raising=False)


@pytest.fixture
def call() -> Iterator[Call]:
    """Call a command in this process: `call("advise", "--json", input="…")`."""

    def run(*arguments: object, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments], input=input)

    yield run
