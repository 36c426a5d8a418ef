"""Imports run one way, each outside system has one door, and every module says what it is."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("knowledge", "ingest", "api")
CLIENT = ROOT / "client" / "seenbefore"
#: Who may know of whom.
MAY_IMPORT = {
    "knowledge": {"knowledge"},
    "ingest": {"ingest", "knowledge"},
    "api": {"api", "ingest", "knowledge"},
}
#: The one place that knows of an outside system.
DOORS = {
    "psycopg": ("knowledge/store/",),
    "psycopg_pool": ("knowledge/store/",),
    "alembic": ("knowledge/store/",),
    "sqlalchemy": ("knowledge/store/",),
    "qdrant_edge": ("knowledge/index/",),
    "qdrant_client": ("knowledge/index/server.py", "api/composition.py"),
    "sentence_transformers": ("knowledge/embedding.py", "knowledge/model_folder.py"),
    "torch": ("knowledge/embedding.py", "knowledge/openvino_copy.py"),
    "openvino": ("knowledge/embedding.py", "knowledge/openvino_copy.py"),
    "fastapi": ("api/",),
    "starlette": ("api/",),
    "uvicorn": ("api/",),
    "click": ("api/cli/", "api/reference.py"),
    "mcp": ("api/agents/",),
    "defusedxml": ("ingest/junit.py",),
    "kubernetes": ("ingest/kubernetes/cluster.py",),
    "slack_bolt": ("api/chat/",),
    "slack_sdk": ("api/chat/",),
    "aiohttp": ("api/chat/",),
    "rich": ("api/cli/",),
    "matplotlib": ("api/cli/",),
    "jinja2": ("api/web/",),
    "re2": ("knowledge/signature/",),
    "jsonschema": ("knowledge/state/json_schemas.py",),
}
#: Python's `re` is not linear in its text. These look at a header of bounded length, at data that ships, at a program's
#: version line, and at single characters of a bounded template.
MAY_USE_RE = {
    "api/observing.py",
    "api/context.py",
    "knowledge/advisor/evidence.py",
    "knowledge/starter/catalogue.py",
    "knowledge/store/binaries.py",
}


def modules() -> list[Path]:
    """All modules of the product."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def client_modules() -> list[Path]:
    """All modules of the client."""
    return sorted(CLIENT.rglob("*.py"))


def name_of(path: Path) -> str:
    """A module's path below the root."""
    return path.relative_to(ROOT).as_posix()


@cache
def read(path: Path) -> tuple[str | None, frozenset[str]]:
    """What a module says that it is, and what it imports; parsed once for all who ask."""
    tree = ast.parse(path.read_text())
    return ast.get_docstring(tree), frozenset(imports(tree, path))


def imports(tree: ast.Module, path: Path) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports by place"
            yield node.module or ""


def imported(path: Path) -> set[str]:
    """The packages that a module imports."""
    return {name.partition(".")[0] for name in read(path)[1]}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    """api knows ingest and knowledge, ingest knows knowledge, knowledge knows neither; nobody imports tests."""
    known = MAY_IMPORT[name_of(path).partition("/")[0]]

    assert set() == imported(path) & {*PACKAGES, "client", "seenbefore", "benchmarks", "tests", "notebooks"} - known


@pytest.mark.parametrize("path", client_modules(), ids=name_of)
def test_client_stands_alone(path: Path) -> None:
    """It runs in other people's pipelines: the standard library and httpx, and of a host its adapter alone."""
    host = {path.stem} if path.parent.name == "adapters" else set()
    used = {name for name in imported(path) if name not in sys.stdlib_module_names}

    assert set() == used - {"seenbefore", "httpx"} - host


def test_client_loads_httpx_in_one_place() -> None:
    """And there not when it is imported."""
    users = [name_of(path) for path in client_modules() if "httpx" in imported(path)]

    assert ["client/seenbefore/engine.py"] == users


@pytest.mark.parametrize("package", DOORS)
def test_outside_systems_have_one_door(package: str) -> None:
    """Only the modules behind it import their library."""
    users = {name_of(path) for path in modules() if package in imported(path)}

    assert users
    assert set() == {user for user in users if not user.startswith(DOORS[package])}


def test_advisor_is_pure() -> None:
    """No store, index adapter or event loop in it: values in, values out."""
    forbidden = {"asyncio", "threading", "socket", "psycopg", "qdrant_edge", "os", "pathlib"}
    used = {name: imported(ROOT / name) & forbidden for name in map(name_of, modules()) if "/advisor/" in name}

    assert {} == {name: found for name, found in used.items() if found}


def test_patterns_over_user_text_run_on_re2() -> None:
    """Python's own is used only where the text is short, or ours."""
    assert MAY_USE_RE == {name_of(path) for path in modules() if "re" in imported(path)}


@pytest.mark.parametrize("path", modules() + client_modules(), ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    """In its first line."""
    assert read(path)[0]
