"""The notebook runs from top to bottom against the real service, and shows what it says it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "first_look.ipynb"


def run(notebook: Path) -> dict[str, Any]:
    """Execute all code cells in one namespace."""
    names: dict[str, Any] = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names


def test_the_first_look_teaches_the_service(service_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taught in the middle is in the answer at the end."""
    monkeypatch.setenv("SEENBEFORE_URL", service_url)

    names = run(NOTEBOOK)
    names["service"].close()

    assert names["one"].fingerprint == names["two"].fingerprint
    assert True is names["second"]["seen_before"]
    assert ("transient", "contention") == (names["second"]["verdict"], names["second"]["cause"])
    assert "nightly rebalance" in names["second"]["evidence"][0]["resolution"]
