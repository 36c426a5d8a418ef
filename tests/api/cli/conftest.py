"""Commands as people call them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli import main


@dataclass(frozen=True)
class Command:
    """Call a command in this process: `command("advise", "--json", input="...")`."""

    def __call__(self, *arguments: object, input: str | bytes | None = None) -> Result:
        """The result, with its exit code and both streams."""
        return CliRunner().invoke(main, [str(each) for each in arguments], input=input)

    def json(self, *arguments: object, input: str | bytes | None = None) -> Any:
        """The document of a command that ends well."""
        result = self(*arguments, "--json", input=input)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has set says nothing here."""
    for name in ("URL", "WORKSPACE", "API_KEY", "DATA", "DATABASE_URL", "QDRANT_URL", "PORT", "HOST"):
        monkeypatch.delenv(f"SEENBEFORE_{name}", raising=False)


@pytest.fixture
def command() -> Command:
    """The command line."""
    return Command()


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person saw what is printed."""
    for module in ("output", "doctor"):
        monkeypatch.setattr(f"api.cli.{module}.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
