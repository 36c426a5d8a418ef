"""`seenbefore doctor`: says what is wrong and how to mend it, whether or not the service runs."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.admin import running_url
from api.checks import machine
from api.checks.check import Check, Status, fail, ok, warn, worst
from api.checks.model import model
from api.checks.spool import spool as spool_check
from api.settings import Settings
from knowledge.spool import Spool
from tests.api.cli.conftest import Command
from tests.api.conftest import RunningService

NOWHERE = "http://127.0.0.1:1"


def examine(command: Command, *arguments: object) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the checks by name."""
    result = command("doctor", "--json", *arguments)
    return result.exit_code, {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def statuses(checks: dict[str, dict[str, str]]) -> dict[str, str]:
    """Names of the checks that are not well."""
    return {name: check["status"] for name, check in checks.items() if check["status"] != "ok"}


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine, the port is free."""
    monkeypatch.setenv("SEENBEFORE_PORT", "0")


def test_running_service(command: Command, service: RunningService) -> None:
    """All is well, and what only the service knows is asked of it."""
    code, checks = examine(command, "--data", service.data, "--url", service.url)

    assert (0, {}) == (code, statuses(checks)), checks
    assert "running service's" in checks["PostgreSQL"]["detail"]


def test_service_that_does_not_run(
    command: Command, new_data: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL is started, the index opened and compared; that the service is away is a warning.

    However long that takes, it says nothing of the clocks: those of one machine agree to the microsecond.
    """
    monkeypatch.setattr(machine, "LARGEST_SKEW", timedelta(0))
    code, checks = examine(command, "--data", new_data(), "--url", NOWHERE)

    assert (0, {"service": "warn"}) == (code, statuses(checks))
    assert "points agree with PostgreSQL" in checks["index"]["detail"]
    assert "agrees with torch" in checks["model"]["detail"]


def test_nothing_there_yet(command: Command, tmp_path: Path) -> None:
    """Before the first start it is tried whether PostgreSQL would, and nothing is left behind."""
    code, checks = examine(command, "--data", tmp_path / "data", "--url", NOWHERE)

    assert (0, {"service": "warn"}) == (code, statuses(checks))
    assert "tried in a temporary folder" in checks["PostgreSQL"]["detail"]
    assert not (tmp_path / "data").exists()


def test_settings_that_cannot_be_understood(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is named, its value is not."""
    monkeypatch.setenv("SEENBEFORE_PORT", "hunter2")
    result = command("doctor")

    assert (1, True, False) == (result.exit_code, "SEENBEFORE_PORT" in result.stdout, "hunter2" in result.stdout)


def test_postgres_that_is_missing(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, with what to set."""
    monkeypatch.setenv("SEENBEFORE_POSTGRES_BIN", str(tmp_path))
    code, checks = examine(command, "--data", tmp_path / "data", "--url", NOWHERE)

    assert (1, {"service": "warn", "PostgreSQL programs": "fail", "PostgreSQL": "fail"}) == (code, statuses(checks))
    assert "SEENBEFORE_POSTGRES_BIN" in checks["PostgreSQL programs"]["mend"]


def test_database_that_does_not_answer(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its password is not shown."""
    monkeypatch.setenv("SEENBEFORE_DATABASE_URL", "postgresql://app:Xk29fk3x9q@127.0.0.1:1/prod?connect_timeout=2")
    result = command("doctor", "--data", tmp_path, "--url", NOWHERE)

    assert (1, False) == (result.exit_code, "Xk29fk3x9q" in result.output)
    assert "fail PostgreSQL: " in result.stdout


@pytest.mark.parametrize(
    ("statement", "name", "status"),
    [
        ("UPDATE settings SET value = '\"old/0\"' WHERE key = 'starter.version'", "starter precedents", "warn"),
        ("UPDATE signatures SET version = version + 5, index_version = version + 5 WHERE id = (%s)", "index", "warn"),
        ("UPDATE alembic_version SET version_num = '9999'", "schema", "fail"),
        ("UPDATE alembic_version SET version_num = '0001'", "schema", "warn"),
    ],
    ids=["starter", "index", "newer", "older"],
)
def test_data_that_is_not_right(
    command: Command, new_data: Callable[[], Path], statement: str, name: str, status: str
) -> None:
    """Each is found, and it is said what mends it."""
    data = new_data()
    change(data, statement.replace("(%s)", "(SELECT id FROM signatures LIMIT 1)"))

    _, checks = examine(command, "--data", data, "--url", NOWHERE)

    assert status == checks[name]["status"]
    assert checks[name]["mend"]


def test_failures_that_could_not_be_written(command: Command, tmp_path: Path) -> None:
    """They are counted, and it is said where they are."""
    with contextlib.closing(Spool(tmp_path / "spool.sqlite3")) as spool:
        for body in (b"a", b"b"):
            spool.add("team", body)
        spool.refuse(1, reason="occurred_at: cannot be")
    _, checks = examine(command, "--data", tmp_path, "--url", NOWHERE)

    assert ("warn", "1 waiting for PostgreSQL, 1 that could not be written") == (
        checks["spool"]["status"],
        checks["spool"]["detail"],
    )
    assert str(tmp_path / "spool.sqlite3") in checks["spool"]["mend"]


def test_spool_that_is_damaged(tmp_path: Path) -> None:
    """Named, with what to do."""
    (tmp_path / "spool.sqlite3").write_bytes(b"no database" * 1_000)
    check = spool_check(Settings(data=tmp_path))

    assert (Status.FAIL, True) == (check.status, str(tmp_path / "spool.sqlite3") in check.mend)


def change(data: Path, statement: str) -> None:
    """Change the database of a data folder that no service uses."""
    from knowledge.store.embedded import EmbeddedPostgres

    with EmbeddedPostgres(data / "postgres") as server, psycopg.connect(server.url) as connection:
        connection.execute(statement.encode())


def test_model_that_is_not_there(tmp_path: Path) -> None:
    """A folder without one."""
    check = model(Settings(data=tmp_path, model=str(tmp_path)))

    assert (Status.FAIL, True) == (check.status, "SEENBEFORE_MODEL" in check.mend)


def test_copy_of_the_model_that_is_spoilt(models: Path, tmp_path: Path) -> None:
    """The service would answer by torch: a warning, and how to have the copy made anew."""
    for made in models.glob("openvino/*"):
        copy = tmp_path / "models" / "openvino" / made.name
        copy.mkdir(parents=True)
        (copy / "model.xml").write_text("<net/>")

    check = model(Settings(data=tmp_path))

    assert (Status.WARN, True) == (check.status, str(tmp_path / "models" / "openvino") in check.mend)


def test_port_that_is_taken() -> None:
    """By something that is not the service."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(port=listener.getsockname()[1])

        assert Status.FAIL is machine.port(settings, served=None).status
        assert Status.OK is machine.port(settings, served=settings.port).status
        assert Status.WARN is machine.port(settings, served=settings.port + 1).status


def test_port_of_a_service_that_runs_on_another(command: Command, service: RunningService) -> None:
    """What the settings name is free, and it is said where the service is."""
    _, checks = examine(command, "--data", service.data, "--url", service.url)

    assert f"127.0.0.1:0 is free (the running service has {service.url.rpartition(':')[2]})" == checks["port"]["detail"]


def test_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file stands, no folder can; where there is little room, that is said."""
    file = tmp_path / "file"
    file.touch()

    found = [machine.data_folder(Settings(data=tmp_path / "a" / "b")), machine.data_folder(Settings(data=file / "x"))]
    for free in (machine.LEAST_FREE - 1, machine.LITTLE_FREE - 1):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        found.append(machine.data_folder(Settings(data=tmp_path)))

    assert [Status.OK, Status.FAIL, Status.FAIL, Status.WARN] == [check.status for check in found]


@pytest.mark.parametrize(
    ("now", "skew", "status"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), None, Status.FAIL),
        (datetime(2027, 1, 1, tzinfo=UTC), timedelta(minutes=1), Status.WARN),
        (datetime(2027, 1, 1, tzinfo=UTC), timedelta(seconds=1), Status.OK),
    ],
)
def test_clock(now: datetime, skew: timedelta | None, status: Status) -> None:
    """One that was never set, and one that differs from the database's."""
    assert status is machine.clock(now, skew=skew).status


def test_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, with what is needed."""
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (99, 0))

    assert Status.FAIL is machine.python_version().status


def test_worst_of_all() -> None:
    """One failure is one too many."""
    well, so_so, ill = ok("a", ""), warn("b", "", mend="x"), fail("c", "", mend="y")
    cases: list[list[Check]] = [[well], [well, so_so], [so_so, ill, well]]

    assert [Status.OK, Status.WARN, Status.FAIL] == [worst(case) for case in cases]


def test_running_url_names_the_running_server(service: RunningService) -> None:
    """Found from the folder alone."""
    url: Any = running_url(service.data / "postgres")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
