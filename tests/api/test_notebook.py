"""The notebooks run from top to bottom against the real service, and show what they say they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.protocol import Kind

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "first_hour.ipynb"
HOW_GOOD = ROOT / "notebooks" / "how_good.ipynb"


def run(notebook: Path) -> dict[str, Any]:
    """Execute all code cells in one namespace."""
    names: dict[str, Any] = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names


def test_the_first_hour_teaches_and_resumes(service_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taught in the middle is in the answer; the second attempt does what is left, and no more."""
    monkeypatch.setenv("SEENBEFORE_URL", service_url)

    names = run(NOTEBOOK)
    names["service"].close()

    assert names["one"].fingerprint == names["two"].fingerprint
    assert True is names["second"]["seen_before"]
    assert ("transient", "contention") == (names["second"]["verdict"], names["second"]["cause"])
    assert "nightly rebalance" in names["second"]["evidence"][0]["resolution"]
    assert ("transient", "retry", "scaling") == (
        names["advice"].verdict,
        names["advice"].decision.action,
        names["advice"].resume["sub_task"],
    )
    assert {"scaling": 2, "total": 2} == names["calls"]
    assert "succeeded" == names["shown"]["status"]
    assert "release-agent" == names["found"][0]["agent"]
    assert names["found"][0]["incident_id"]
    assert "default" == names["careful"].decision.action
    assert names["again"].exists()


def test_how_good_measures_what_was_asked(service_url: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every failure has its truth, and every part is off once."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SEENBEFORE_URL", service_url)
    monkeypatch.setenv("MODELS", str(models))

    names = run(HOW_GOOD)
    names["service"].close()

    assert len(names["rows"]) == names["calibration"]["judged"] == names["calibration"]["by_people"]
    assert {"all parts", "without words (BM25)", "always answered"} < set(names["ablation"])
    assert all(found[Kind.WARM].retrieval for found in names["ablation"].values())
