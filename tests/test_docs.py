"""The documentation names what there is, and nothing that is not there; the site can be made of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from api import reference
from api.cli.main import COMMANDS
from api.settings import Settings
from tests.routes import routes

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WRITTEN = [ROOT / "README.md", *(page for page in PAGES if page.parent.name != "reference")]
#: Settings that the command line, the client and the tests read by themselves.
OF_OTHERS = {"URL", "WORKSPACE", "API_KEY", "SPOOL", "TEST_QDRANT_URL"}


def name_of(page: Path) -> str:
    """A page as one calls it."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", reference.pages())
def test_reference_is_what_there_is(name: str) -> None:
    """Every call, command and setting, as they are now; else run `python -m api.reference`."""
    assert reference.pages()[name] == (reference.FOLDER / name).read_text(encoding="utf-8")


def test_reference_tells_what_everything_means() -> None:
    """No setting without its meaning, no call without a sentence."""
    calls = [
        f"{method} {path}"
        for path, methods in reference.openapi()["paths"].items()
        for method, operation in methods.items()
        if not operation.get("description")
    ]

    assert [] == calls
    assert [] == [name for name, field in Settings.model_fields.items() if not field.description]


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_pages_name_nothing_that_is_not_there(page: Path) -> None:
    """Nobody types a command or a setting in vain. (`python -m seenbefore run` is the client's.)"""
    text = page.read_text(encoding="utf-8")
    settings = set(re.findall(r"SEENBEFORE_([A-Z_]+)", text)) - {name.upper() for name in Settings.model_fields}

    assert set() == settings - OF_OTHERS
    assert set() == set(re.findall(r"(?<!-m )`seenbefore ([a-z]+)", text)) - COMMANDS.keys()
    assert {"run"} >= set(re.findall(r"-m seenbefore ([a-z]+)", text))


def test_every_address_is_told_of() -> None:
    """Also those that the API's own document leaves out: pages, chat and what agents call."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    paths = {path.rstrip("/") or "/" for _, path in routes()}

    assert [] == sorted(
        path for path in paths if not re.search(rf"(?<![\w/}}]){re.escape(path)}(?![\w{{]|[./]\w)", text)
    )


def test_every_page_has_its_place() -> None:
    """In the site's table of contents, but for what is shown elsewhere in it."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    assert {page.relative_to(ROOT / "docs").as_posix() for page in PAGES} == set(_files(nav))


def _files(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav if isinstance(nav, list) else list(nav.values()) if isinstance(nav, dict) else []
    return [file for part in parts for file in _files(part)]


def test_site_is_made_without_a_warning(tmp_path: Path) -> None:
    """Every link leads somewhere, and nothing is loaded from elsewhere."""
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    pages = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")]
    loaded = {
        address
        for page in pages
        for address in re.findall(r'<(?:script|img|link rel="stylesheet")[^>]* (?:src|href)="(https?:[^"]+)"', page)
    }

    assert (0, "") == (made.returncode, made.stderr.strip())
    assert len(pages) > len(PAGES)
    assert set() == loaded
