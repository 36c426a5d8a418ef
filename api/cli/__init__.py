"""The command line: `seenbefore`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from api.cli.main import main

__all__ = ["main"]
