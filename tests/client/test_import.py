"""An import loads what is needed for a name, and not before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import seenbefore


def loaded_by(code: str) -> set[str]:
    """The modules that a process has after some code."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


@pytest.mark.parametrize("code", ["import seenbefore", "from seenbefore import Client, Advice, Held"])
def test_httpx_is_not_loaded_by_an_import(code: str) -> None:
    """It takes a tenth of a second; a thread of the client's own loads it."""
    assert set() == loaded_by(code) & {"httpx", "httpcore", "anyio"}


def test_package_by_itself_loads_no_machinery() -> None:
    """Neither an event loop nor a database."""
    assert set() == loaded_by("import seenbefore") & {"asyncio", "sqlite3", "ssl", "logging", "seenbefore.client"}


@pytest.mark.parametrize("name", seenbefore.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """As it is written in `__all__`, with a docstring."""
    assert getattr(seenbefore, name).__doc__


def test_other_names_are_not() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Klient'"):
        _ = seenbefore.Klient
