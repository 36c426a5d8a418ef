"""The client's adapters, each tested in its real host, in an environment of its own: hosts disagree about dependencies.

`make test-adapters` runs it from the development environment, whose interpreter starts the service that they talk to.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

import nox

ADAPTERS = Path("tests/adapters")
TOOLS = ("pytest", "pytest-timeout")
#: What a host's tests need beyond the extra of the adapter. All versions are in tests/adapters/constraints, one file a
#: host, as `pip freeze` shows them.
HOSTS: dict[str, tuple[str, ...]] = {
    "tenacity": ("cloudpickle",),  # what sends policies to other processes
    "elastic": (),
    "prefect": (),
    "airflow": ("apache-airflow-core",),
    "dagster": (),
    "mlflow": ("mlflow",),
}

nox.options.reuse_existing_virtualenvs = True


def add(host: str, *more: str) -> None:
    """A session for one adapter."""

    @nox.session(name=host)
    def test(session: nox.Session) -> None:
        constraints = ADAPTERS / "constraints" / f"{host}.txt"
        session.install("--quiet", "--constraint", str(constraints), f"./client[{host}]", *TOOLS, *more)
        environment = {"SEENBEFORE_SERVER_PYTHON": sys.executable, "SEENBEFORE_TEST_DATA": str(data_folder())}
        session.run("python", "-m", "pytest", str(ADAPTERS / f"test_{host}.py"), *session.posargs, env=environment)


_made: list[Path] = []


def data_folder() -> Path:
    """One data folder for the services of all sessions: filling it takes a minute. Gone when nox ends."""
    if not _made:
        _made.append(Path(tempfile.mkdtemp(prefix="seenbefore-adapters-")))
        atexit.register(shutil.rmtree, _made[0], ignore_errors=True)
    return _made[0]


for name, needed in HOSTS.items():
    add(name, *needed)
