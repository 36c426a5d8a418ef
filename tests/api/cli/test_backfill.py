"""`seenbefore backfill`: from servers with a small history on loopback to incidents of the real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.cli.conftest import Command
from tests.api.cli.test_import import incidents, where
from tests.ingest.backfill import fake_servers
from tests.ingest.backfill.fake_servers import FakeServer

__all__ = ["where"]
SPAN = ("--since", "2026-11-18", "--until", "2026-11-21", "--per-second", "100")
FAKES = {"airflow": fake_servers.airflow, "prefect": fake_servers.prefect, "mlflow": fake_servers.mlflow}


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder for the marks, and nobody's accounts."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("AIRFLOW_CLI_TOKEN", "AIRFLOW_CLI_USERNAME", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def airflow() -> Iterator[FakeServer]:
    """An Airflow with some history."""
    with fake_servers.airflow().running() as running:
        yield running


def told(document: Any) -> tuple[int, int, int]:
    """Accepted, duplicates, outcomes."""
    return document["accepted"], document["duplicates"], document["outcomes"]


@pytest.mark.parametrize(("kind", "expected"), [("airflow", (3, 0, 2)), ("prefect", (3, 0, 1)), ("mlflow", (1, 0, 0))])
def test_histories(
    command: Command, where: tuple[str, ...], kind: str, expected: tuple[int, int, int], service_url: str
) -> None:
    """Read once, the mark tells how far; read again, all is known."""
    place = ("--url", service_url, "--workspace", f"backfill-{kind}")
    with FAKES[kind]().running() as server:
        address = f"{server.url}/api" if kind == "prefect" else server.url
        first = command.json("backfill", kind, address, *SPAN, *place)
        asked = len(server.asked)
        second = command.json("backfill", kind, address, *SPAN, *place)
        third = command.json("backfill", kind, address, *SPAN, "--restart", *place)

    accepted, _, outcomes = expected
    assert [expected, (0, 0, 0), (0, accepted, outcomes)] == [told(each) for each in (first, second, third)]
    assert 2 * asked == len(server.asked)
    assert accepted == len(incidents(place))


def test_outcomes_are_known(command: Command, airflow: FakeServer, where: tuple[str, ...]) -> None:
    """What the second try became is what the precedent knows of retries."""
    command.json("backfill", "airflow", airflow.url, *SPAN, *where)
    [precedent] = {each["precedent_id"] for each in incidents(where)}
    retries = httpx.get(f"{where[1]}/precedents/{precedent}", headers={"X-Workspace": where[3]}).json()["retries"]

    assert (1, 1) == (retries["succeeded"], retries["failed"])


def test_dry_run(command: Command, airflow: FakeServer, where: tuple[str, ...]) -> None:
    """Counts, and records nothing; no service is needed."""
    counted = command.json("backfill", "airflow", airflow.url, *SPAN, "--dry-run", "--url", "http://127.0.0.1:9")

    assert 3 == counted["runs"]
    assert [] == incidents(where)


def test_goes_on_where_it_broke_off(command: Command, airflow: FakeServer, where: tuple[str, ...]) -> None:
    """What was taken is marked day by day."""
    airflow.troubles = []
    original = airflow.handle

    def breaks(path: str, query: dict[str, list[str]], body: Any) -> Any:
        return (
            b"no json" if query.get("end_date_gte", [""])[0].startswith("2026-11-20") else original(path, query, body)
        )

    airflow.handle = breaks
    broken = command("backfill", "airflow", airflow.url, *SPAN, *where)
    airflow.handle = original
    whole = command("backfill", "airflow", airflow.url, *SPAN, "--json", *where)

    assert (3, True) == (broken.exit_code, "The same command goes on" in broken.stderr)
    assert "answers no JSON" in broken.stderr
    assert (3, 0, 2) == told(json.loads(whole.stdout))
    assert "Read up to 2026-11-20 00:00 before" in whole.stderr


def test_who_asks(
    command: Command, airflow: FakeServer, where: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of the environment, or one for a name and a password; never on the command line."""
    monkeypatch.setenv("AIRFLOW_CLI_USERNAME", "ada")
    monkeypatch.setenv("AIRFLOW_CLI_PASSWORD", "secret")
    command.json("backfill", "airflow", airflow.url, *SPAN, "--dry-run", *where)

    assert {"Bearer t0ken"} == {
        headers.get("Authorization") for path, headers in airflow.asked if path != "/auth/token"
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("airflow", "ftp://x"), "ADDRESS"),
        (("airflow", "http://["), "ADDRESS"),
        (("prefect",), "ADDRESS"),
        (("mlflow", "http://127.0.0.1:9", "--since", "yesterday"), "--since and --until"),
        (("mlflow", "http://127.0.0.1:9", "--since", "2026-11-20", "--until", "2026-11-19"), "--since has to be"),
    ],
)
def test_wrong_usage(command: Command, arguments: tuple[str, ...], problem: str) -> None:
    """Told before anything is asked."""
    result = command("backfill", *arguments)

    assert (2, True) == (result.exit_code, problem in result.stderr)
