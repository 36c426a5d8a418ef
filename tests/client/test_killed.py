"""kill -9 of a pipeline anywhere: the next run goes on at the right sub-task, and makes the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.client import servers
from tests.client.pipeline import POINTS, STEPS

NAMES = [name for plan in STEPS.values() for name in plan]
PIPELINE = Path(__file__).with_name("pipeline.py")


def start(url: str, workspace: str, folder: Path, *kill: str) -> subprocess.Popen[str]:
    """Start the pipeline over a folder that has its input."""
    folder.mkdir(exist_ok=True)
    (folder / "rows.csv").write_text("a,b\n1,2\n")
    command = [sys.executable, str(PIPELINE), url, workspace, str(folder), *kill]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(url: str, workspace: str, folder: Path, *kill: str) -> tuple[int, list[str]]:
    """Run it to its end: its status, and what it has produced."""
    with start(url, workspace, folder, *kill) as process:
        output, _ = process.communicate(timeout=60)
    return process.returncode, output.split()


def artifacts(folder: Path) -> dict[str, bytes]:
    """All that it has made."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith(".bin")}


@pytest.fixture
def workspace() -> str:
    """One of the test's own."""
    return f"killed-{uuid4().hex}"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the pipeline makes when nobody kills it, and no service is there."""
    folder = tmp_path_factory.mktemp("undisturbed")
    url = f"http://127.0.0.1:{servers.free_port()}"
    assert (0, NAMES) == run(url, "w", folder)
    return artifacts(folder)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("sub_task", ["validation", "scaling", "fit", "report"])
def test_next_run_resumes_at_the_right_sub_task(
    service_url: str, workspace: str, tmp_path: Path, undisturbed: dict[str, bytes], point: str, sub_task: str
) -> None:
    """What was kept is not done again, what was not is; and nothing is left lying about."""
    folder = tmp_path / "r-118"
    status, begun = run(service_url, workspace, folder, point, sub_task)
    resumed = run(service_url, workspace, folder)

    assert -signal.SIGKILL == status
    assert NAMES[: NAMES.index(sub_task) + 1] == begun
    assert (0, NAMES[NAMES.index(sub_task) + (point == "kept") :]) == resumed
    assert undisturbed == artifacts(folder)
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace}) as client:
        said = client.get("/runs/r-118").json()
        point_now = client.get("/runs/r-118/resume-point").json()
    assert ["succeeded"] * 3 == [said["status"], *(step["status"] for step in said["steps"])]
    assert NAMES == [each["sub_task"] for step in said["steps"] for each in step["sub_tasks"]]
    assert ("train", "report", []) == (point_now["step"], point_now["sub_task"], point_now["remaining"])


def test_killed_at_any_time_and_again(
    service_url: str, workspace: str, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    """By chance, many times over: it comes to its end, and never does twice what an earlier run has handed on."""
    folder, chance = tmp_path / "r-118", random.Random(118)
    produced: list[str] = []
    for _ in range(20):
        process = start(service_url, workspace, folder)
        time.sleep(chance.uniform(0.05, 0.8))
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=60)
        produced += output.split()
    status, rest = run(service_url, workspace, folder)

    assert 0 == status
    assert undisturbed == artifacts(folder)
    assert sorted(produced + rest, key=NAMES.index) == produced + rest


def test_resumes_with_nothing_but_its_spool(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """The service is away all the while."""
    folder, url = tmp_path / "r-118", f"http://127.0.0.1:{servers.free_port()}"
    run(url, "w", folder, "half", "fit")

    assert (0, ["fit", "report"]) == run(url, "w", folder)
    assert undisturbed == artifacts(folder)
