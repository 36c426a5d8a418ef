"""The table of commands, and what a command may import before it works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from api.cli.main import COMMANDS, main

HEAVY = (
    "alembic",
    "fastapi",
    "httpx",
    "matplotlib",
    "numpy",
    "openvino",
    "psycopg",
    "pydantic",
    "qdrant_edge",
    "re2",
    "rich",
    "torch",
)


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS), ["keys", "create", "-h"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help answers at once because of what it does not import; time itself would be a shaky test."""
    script = (
        "import sys\nfrom api.cli import main\n"
        f"try: main({arguments!r}, standalone_mode=True)\nexcept SystemExit as end: assert not end.code\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_table_names_its_commands(name: str) -> None:
    """A command is called what the table calls it, and its help says what it does."""
    found = main.get_command(None, name)  # type: ignore[arg-type]

    assert found is not None
    assert (name, True) == (found.name, bool(found.help))


def test_unknown_command_is_refused() -> None:
    """A misspelt command is no command."""
    assert main.get_command(None, "advice") is None  # type: ignore[arg-type]
