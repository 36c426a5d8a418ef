"""Migrations: plain SQL files in `versions/`, each with a small script that tells Alembic its place in the line."""

from __future__ import annotations

from importlib import resources


def head() -> str:
    """The newest revision, read from the file names: what a database must be at, without importing Alembic."""
    folder = resources.files(__package__).joinpath("versions")
    return max(entry.name.partition("_")[0] for entry in folder.iterdir() if entry.name.endswith(".sql"))


def run_sql(name: str) -> None:
    """Run one SQL file of `versions/` in the migration's own transaction."""
    from alembic import op  # noqa: PLC0415 (only a migration needs it)

    statements = resources.files(__package__).joinpath("versions", name).read_text(encoding="utf-8")
    # Below SQLAlchemy, which would take every colon and percent sign for a parameter.
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("Alembic runs without a connection")
    connection.execute(statements.encode())
