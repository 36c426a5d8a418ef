"""A database as one file: what comes back is what went in, all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from knowledge.errors import StoreUnavailable
from knowledge.store.dump import dump, restore, revision_in
from knowledge.store.migrate import current_revision, migrate


@pytest.fixture
def bin_dir(request: pytest.FixtureRequest) -> Path | None:
    """The programs of the session's server."""
    found: Path | None = request.config.getoption("--postgres-bin")
    return found


@pytest.fixture
def written(database_url: str) -> str:
    """A database with texts that a script of SQL could trip over."""
    with psycopg.connect(database_url) as connection:
        for name in ("fraud", "naïve \u202e\\. \\restrict", "SET transaction_timeout = 0;\nCOMMIT;"):
            connection.execute("INSERT INTO workspaces (name) VALUES (%s)", [name])
    return database_url


def rows(url: str) -> dict[str, list[str]]:
    """All rows of all tables, as texts."""
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        return {
            name: sorted(
                row for (row,) in connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            )
            for (name,) in names
        }


def test_what_comes_back_is_what_went_in(
    written: str, empty_database_url: str, tmp_path: Path, bin_dir: Path | None
) -> None:
    """Every row; the schema needs nothing more, and the file is nobody else's."""
    file = tmp_path / "a.dump"
    dump(written, file, bin_dir=bin_dir)
    restore(empty_database_url, file, bin_dir=bin_dir)

    assert rows(written) == rows(empty_database_url)
    assert migrate(written) == current_revision(empty_database_url)
    assert 0o600 == file.stat().st_mode & 0o777


def test_the_revision_of_a_backup(written: str, empty_database_url: str, tmp_path: Path, bin_dir: Path | None) -> None:
    """Is read from the file alone; an archive of something else is told from one."""
    ours, other, letter = (tmp_path / name for name in ("a.dump", "b.dump", "letter"))
    letter.write_text("a letter")
    for url, file in ((written, ours), (empty_database_url, other)):
        dump(url, file, bin_dir=bin_dir)

    assert current_revision(written) == revision_in(ours, bin_dir=bin_dir)
    with pytest.raises(StoreUnavailable, match="no backup of Seen Before"):
        revision_in(other, bin_dir=bin_dir)
    with pytest.raises(StoreUnavailable, match="archive"):
        revision_in(letter, bin_dir=bin_dir)


def test_a_damaged_file_changes_nothing(
    written: str, empty_database_url: str, tmp_path: Path, bin_dir: Path | None
) -> None:
    """Wherever it ends."""
    whole, damaged = tmp_path / "a.dump", tmp_path / "b.dump"
    dump(written, whole, bin_dir=bin_dir)
    content = whole.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 100):
        damaged.write_bytes(content[:length])
        with pytest.raises(StoreUnavailable):
            restore(empty_database_url, damaged, bin_dir=bin_dir)

        assert {} == rows(empty_database_url)


def test_what_is_there_is_kept(written: str, tmp_path: Path, bin_dir: Path | None) -> None:
    """A file is not written over, and no database is mixed with another."""
    file = tmp_path / "a.dump"
    dump(written, file, bin_dir=bin_dir)
    before = rows(written)

    with pytest.raises(FileExistsError):
        dump(written, file, bin_dir=bin_dir)
    with pytest.raises(StoreUnavailable, match="already exists"):
        restore(written, file, bin_dir=bin_dir)
    assert before == rows(written)


def test_a_server_that_is_away(tmp_path: Path) -> None:
    """Is said, without the password; no half file stays."""
    with pytest.raises(StoreUnavailable, match="refused") as told:
        dump("postgresql://someone:plinth@127.0.0.1:1/nothing", tmp_path / "a.dump")

    assert "plinth" not in str(told.value)
    assert [] == list(tmp_path.iterdir())
