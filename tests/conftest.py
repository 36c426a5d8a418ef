"""For all tests: a real PostgreSQL (one server a session, one database a test) and a log that is as it was."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from _pytest.nodeid import coerce_node_id
from psycopg import sql

from knowledge.store.database import Connection, Database
from knowledge.store.embedded import EmbeddedPostgres
from knowledge.store.migrate import migrate

# Small, and without waiting for the disk: a test's database need not outlive the machine.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
TEMPLATE = "template_seenbefore"
#: They run in environments of their own: `make test-adapters`.
collect_ignore = ["adapters"]
#: Where two workers begin (`--no-loadscope-reorder`): one fills the data folder that all tests of the service copy,
#: meanwhile the other tests what needs none. What takes long follows, small files come last: both end together.
FIRST = ("tests/api/agents/test_door.py", "tests/knowledge/store/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole suite run on another PostgreSQL than the one that ships."""
    parser.addoption("--postgres-bin", type=Path, help="folder with another PostgreSQL's programs (15 or newer)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in their order, but for those that begin; each test by a name of its own, as workers are told of it."""
    for item in items:
        if item.parent is not None and "[" in item.name and "[" not in item.nodeid:  # those of schemathesis
            item._id = coerce_node_id(f"{item.parent.nodeid}::{item.name}")
    items.sort(key=lambda item: next((rank for rank, at in enumerate(FIRST) if item.nodeid.startswith(at)), len(FIRST)))
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("Two tests have one name: of those a worker runs one alone.")


@pytest.fixture(scope="session", autouse=True)
def trusting_nobody() -> Iterator[None]:
    """No test speaks TLS: no client needs to read whom the machine trusts, which takes 20 ms each time."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SSL_CERT_FILE", raising=False)
        environment.setenv("SSL_CERT_DIR", str(Path(__file__).parent))
        yield


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server for this session."""
    folder = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(folder, bin_dir=request.config.getoption("--postgres-bin"), settings=FAST) as server:
        yield server.url


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    """A number for each database of the session."""
    return count(1)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """A migrated database that nobody is connected to."""
    _administer(postgres_server, "CREATE DATABASE {}", TEMPLATE)
    migrate(_named(postgres_server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres_server: str, database_numbers: Iterator[int]) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    name = f"test_{next(database_numbers)}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    yield _named(postgres_server, name)
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str, database_numbers: Iterator[int]) -> Iterator[str]:
    """The URL of a migrated database of the test's own."""
    name = f"test_{next(database_numbers)}"
    # A copy of its files takes a quarter of the time of a copy through the write-ahead log.
    _administer(postgres_server, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, migrated_template)
    yield _named(postgres_server, name)
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open pool over the test's own database."""
    async with Database(database_url) as opened:
        yield opened


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """One connection to the test's own database; each statement is its own transaction."""
    async with database.connection() as taken:
        yield taken


def _administer(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _named(url: str, name: str) -> str:
    return url.replace("@/seenbefore?", f"@/{name}?")


@pytest.fixture(autouse=True)
def loud() -> None:
    """What keeps a process quiet (`benchmarks.quiet`, in a test or a fixture of many) keeps no later test quiet."""
    logging.disable(logging.NOTSET)
