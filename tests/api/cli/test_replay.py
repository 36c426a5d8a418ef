"""`seenbefore replay`: a small history on the real parts, from the command line."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from api.cli.replay import bar
from api.replay import borrow_models
from tests.api.cli.conftest import Command

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
KINDS = (
    ("SchemaDrift: column price of table orders is missing in the contract", "genuine", "data_quality"),
    (
        "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation",
        "transient",
        None,
    ),
    ("PearError: the ledger of warehouse seven is torn", "genuine", "code_defect"),
)


def history() -> list[str]:
    """Thirty failures of three kinds within thirty hours, newest first, and two lines that say nothing."""
    lines = [json.dumps(failure(number)) for number in reversed(range(30))]
    return [*lines[:5], "{", *lines[5:], json.dumps({"text": "without a time"})]


def failure(number: int) -> dict[str, Any]:
    """One of them; what is genuine was retried twice, at two hours each."""
    text, verdict, cause = KINDS[number % len(KINDS)]
    given = {"text": text, "occurred_at": (START + timedelta(hours=number)).isoformat(), "run_id": f"r-{number}"}
    if verdict == "transient":
        return given | {"outcome": {"result": "succeeded", "attempt": 2, "waited_s": 30}, "retries": 1}
    said = {"summary": f"Mended by hand, case {number}.", "action": "fix_then_rerun"}
    return given | {"verdict": verdict, "cause": cause, "resolution": said, "retries": 2, "spent": {"gpu_hours": 2}}


@pytest.fixture
def data(models: Path, tmp_path: Path) -> Path:
    """A service's data folder, of which only the model is lent."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(models)
    return folder


def test_replay_of_a_small_history(
    command: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures, the rejected lines and the plot; no server that is set is used, and the data stay as they were."""
    monkeypatch.setenv("SEENBEFORE_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")
    monkeypatch.setenv("SEENBEFORE_QDRANT_URL", "http://127.0.0.1:1")
    plot = tmp_path / "replay.svg"
    done = command("replay", "-", "--data", data, "--plot", plot, "--json", input="\n".join(history()))
    found = json.loads(done.stdout)

    assert 1 == done.exit_code
    assert [6, 32] == [each["line"] for each in found["rejected"]]
    assert (30, 30, 20, 20, 10) == tuple(
        found[name] for name in ("failures", "judged", "by_people", "genuine", "transient")
    )
    assert 0 == found["wrongly_stopped"]
    assert found["stopped"] >= 10
    assert (2 * found["stopped"], 4.0 * found["stopped"]) == (found["retries_skipped"], found["hours_saved"])
    assert (40, 80.0) == (found["genuine_retries"], found["genuine_hours"])
    assert found["second_half"]["answered"] >= found["first_half"]["answered"]
    assert 1.0 == found["second_half"]["right"]
    assert "svg" in ElementTree.parse(plot).getroot().tag
    assert ["models"] == [path.name for path in data.iterdir()]


def test_what_a_service_has_made_is_borrowed(data: Path, tmp_path: Path) -> None:
    """Its copy of the model and its vectors, but nothing that it is just writing."""
    lender, borrower = tmp_path / "lender", tmp_path / "borrower"
    shutil.copytree(data, lender)
    (lender / "models" / "half.draft").touch()
    borrower.mkdir()
    borrow_models(lender, borrower)
    lent = {path.relative_to(data) for path in (data / "models").rglob("*")}

    assert lent == {path.relative_to(borrower) for path in borrower.rglob("*")} - {Path("models")}
    assert {"model.bin", "model.xml"} <= {path.name for path in lent}


@pytest.mark.parametrize("lender", ["nobody", "somebody else"])
def test_what_cannot_be_borrowed_is_done_without(tmp_path: Path, lender: str) -> None:
    """No half of it is left."""
    models, borrower = tmp_path / "somebody else" / "models", tmp_path / "borrower"
    models.mkdir(parents=True)
    (models / "whole").touch()
    (models / "out of reach").symlink_to(tmp_path / "nowhere")
    borrower.mkdir()
    borrow_models(tmp_path / lender, borrower)

    assert [] == list(borrower.iterdir())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--plot", "replay.txt"], ".svg"),
        (["--plot", "nowhere/replay.svg"], "nowhere"),
        (["--delay", "-1"], "--delay"),
        ([], "no failure"),
    ],
)
def test_refusals_come_at_once(command: Command, arguments: list[str], problem: str) -> None:
    """Before anything is started."""
    done = command("replay", "-", *arguments, input="{}\n")

    assert 2 == done.exit_code
    assert problem in done.stderr


def test_without_the_extra(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plot that cannot be drawn is refused before minutes of work, with the command that mends it."""
    monkeypatch.setattr("importlib.util.find_spec", _missing)
    done = command("replay", "-", "--plot", "replay.svg", input="{}\n")

    assert 2 == done.exit_code
    assert "seenbefore-server[plot]" in done.stderr


def _missing(name: str) -> None:
    return None


@pytest.mark.parametrize(("share", "full"), [(0.0, 0), (0.5, 10), (1.0, 20), (None, 0)])
def test_bar(share: float | None, full: int) -> None:
    """Twenty characters, as many of them full as the share says."""
    assert (20, full) == (len(bar(share)), bar(share).count("█"))
