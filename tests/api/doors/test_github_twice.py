"""A job of GitHub Actions comes by webhook and by its log: it is one incident, whose outcome the webhook tells."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from api.settings import Settings
from tests.api.cli.conftest import Command
from tests.api.doors.sending import became, send_github
from tests.api.http.asking import listed
from tests.ingest import webhooks
from tests.ingest.test_github_log import TESTS, archive

JOB = "build / test (3.11)"


@pytest.fixture
def run_id() -> int:
    """A run that no other test has; of fewer digits than a card number, which would be masked."""
    return uuid4().int % 10**12


def imported(told: httpx.Client, file: Path, *, run_id: int, attempt: int = 1) -> dict[str, int]:
    """The counts of an import of its log into the workspace of the webhooks."""
    place = ("--url", str(told.base_url), "--workspace", told.headers["X-Workspace"])
    given = ("--run-id", run_id, "--attempt", attempt, "--pipeline", "acme/fraud: Nightly")
    counted: dict[str, int] = Command().json("import", "--github-log", file, *given, *place)
    return counted


@pytest.fixture(params=["printed", "archive"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The log of the job, as gh prints it and as GitHub archives it."""
    file = tmp_path / "log"
    printed = "".join(f"{JOB}\tRun tests\t{line}\n" for line in TESTS.splitlines()).encode()
    name = f"{JOB.replace('/', '')}__2_Run tests"
    file.write_bytes(printed if request.param == "printed" else archive(**{name: TESTS}))
    return file


@pytest.mark.parametrize("first", ["webhook", "log"])
def test_webhook_and_log(outside: httpx.Client, told: httpx.Client, log: Path, run_id: int, first: str) -> None:
    """Whichever comes first, it says what the log says; sent again it changes nothing; another attempt is another."""
    payload = webhooks.github(name=JOB, run_id=run_id, id=run_id)
    if first == "webhook":
        sent = send_github(outside, "workflow_job", payload).json()
        read = imported(told, log, run_id=run_id)
    else:
        read = imported(told, log, run_id=run_id)
        sent = send_github(outside, "workflow_job", payload).json()
    again = [send_github(outside, "workflow_job", payload).json(), imported(told, log, run_id=run_id)]
    other = imported(told, log, run_id=run_id, attempt=2)

    assert (first == "webhook", 1, 0) == (bool(sent["accepted"]), read["accepted"], other["duplicates"])
    assert [(0, 1)] * 2 == [(each["accepted"], each["duplicates"]) for each in again]
    incidents = [each for each in listed(told) if each["run_id"] == str(run_id)]
    assert {f"github:{run_id}:1:build test (3.11)", f"github:{run_id}:2:build test (3.11)"} == {
        each["external_id"] for each in incidents
    }
    assert ["KeyError: 'price'" in each["text"] for each in incidents] == [True, True]
    assert 1 == len({each["precedent_id"] for each in incidents})


def test_webhook_beside_logs(
    outside: httpx.Client, doors_settings: Settings, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves the failures to them, where it is told to."""
    monkeypatch.setitem(doors_settings.__dict__, "github_failures", False)  # it is frozen

    assert became(ignored=1) == send_github(outside, "workflow_job", webhooks.github(run_id=run_id)).json()


def test_re_run_that_passed_is_an_outcome_of_the_log(
    outside: httpx.Client, told: httpx.Client, log: Path, run_id: int
) -> None:
    """The webhook tells of it, whoever has told of the failure."""
    imported(told, log, run_id=run_id)
    passed = webhooks.github(name=JOB, run_id=run_id, id=run_id + 1, run_attempt=2, conclusion="success")

    assert became(outcomes=1) == send_github(outside, "workflow_job", passed).json()
