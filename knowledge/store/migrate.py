"""Bring a database's schema up to date; safe when several processes start at once."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from knowledge.errors import StoreUnavailable
from knowledge.store.errors import translated
from knowledge.store.migrations import head

LOCK = 7_300_000_001
CONNECT_TIMEOUT_S = 10


def migrate(url: str) -> str:
    """Run what is missing and return the revision (blocking); a database that is up to date costs one query.

    Raises `StoreUnavailable` when the database cannot be reached or is newer than this program.
    """
    with translated(), _connect(url) as connection:
        if (found := _read_revision(connection)) == head():
            return found
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        if (found := _read_revision(connection)) is not None and found > head():
            raise StoreUnavailable(f"The database is at revision {found}, this program knows {head()}: upgrade it.")
        if found != head():
            _upgrade(url)
    return head()


def current_revision(url: str) -> str | None:
    """The revision a database is at; nothing when it was never migrated."""
    with translated(), _connect(url) as connection:
        return _read_revision(connection)


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)


def _read_revision(connection: psycopg.Connection[Any]) -> str | None:
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM alembic_version")).fetchone()
    return str(row[0]) if row else None


def _upgrade(url: str) -> None:
    # Seconds to import: only where there is something to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S),
        poolclass=NullPool,
    )
    with resources.as_file(resources.files("knowledge.store.migrations")) as folder, engine.connect() as connection:
        command.upgrade(_config(Config(), folder, connection), "head")
        connection.commit()
    engine.dispose()


def _config(config: Any, folder: Path, connection: Any) -> Any:
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
