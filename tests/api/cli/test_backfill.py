"""`seenbefore backfill`: from servers with a small history on loopback to incidents of the real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from seenbefore import Client
from seenbefore.adapters.ids import id_of
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


@pytest.mark.parametrize("live", ["first", "later"])
def test_what_the_adapter_records_live(
    command: Command, airflow: FakeServer, service_url: str, live: str, tmp_path: Path
) -> None:
    """Is the same incident as the history's, whichever comes first; the outcome that the history knows is its own."""
    place, run = ("--url", service_url, "--workspace", f"live-{live}"), "scheduled__2026-11-20T00:00:00+00:00"
    with Client(service_url, workspace=f"live-{live}", timeout_s=30.0, spool=tmp_path / "spool") as memory:
        ids = [id_of("airflow", "nightly", run, "load", -1, number) for number in (1, 2)]
        if live == "first":
            advised = [memory.advise(ConnectionResetError(104, "reset"), external_id=id) for id in ids]
            read = command.json("backfill", "airflow", airflow.url, *SPAN, *place)
        else:
            read = command.json("backfill", "airflow", airflow.url, *SPAN, *place)
            advised = [memory.advise(ConnectionResetError(104, "reset"), external_id=id) for id in ids]

    assert ((1, 2, 2) if live == "first" else (3, 0, 2)) == told(read)
    assert {each.incident_id for each in advised} == {
        each["id"] for each in incidents(place) if each["external_id"] in ids
    }
    assert 3 == len(incidents(place))


def test_empty_history(command: Command, airflow: FakeServer, where: tuple[str, ...]) -> None:
    """Is said so, and no trouble."""
    long_ago = ("--since", "2026-01-01", "--until", "2026-01-02")
    result = command("backfill", "airflow", airflow.url, *long_ago, *where)

    assert (0, True) == (result.exit_code, "Nothing failed there from 2026-01-01 00:00 to" in result.stderr)


@pytest.mark.parametrize("kind", FAKES)
@pytest.mark.parametrize("counting", [(), ("--dry-run",)], ids=["read", "count"])
@pytest.mark.parametrize("answer", [None, {"detail": "Not Found"}, b"<!doctype html>", []], ids=str)
def test_server_that_is_another(
    command: Command, where: tuple[str, ...], kind: str, counting: tuple[str, ...], answer: Any
) -> None:
    """Is never taken for one of which nothing failed."""
    with FakeServer(lambda *_: answer).running() as server:
        result = command("backfill", kind, server.url, *SPAN, *counting, *where)

    if kind == "prefect" and answer == [] and not counting:  # an empty list of runs is what such a server has
        assert 0 == result.exit_code
    else:
        assert (3, True) == (result.exit_code, "is th" in result.stderr)


def test_nobody_there(command: Command, where: tuple[str, ...]) -> None:
    """Told at once, with the address."""
    result = command("backfill", "mlflow", "http://127.0.0.1:9", *SPAN, *where)

    assert (3, True) == (result.exit_code, "127.0.0.1 cannot be reached" in result.stderr)


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
