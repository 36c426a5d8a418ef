"""`seenbefore restore`: what a backup holds, into an empty store."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.offline import data_option, read_settings, refusing
from api.cli.output import say
from api.untrusted import one_line

EPILOG = "Exit codes: 0 restored, 1 it could not be (nothing is changed, or what is there is said), 2 wrong usage."


@click.command("restore", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
def command(*, file: Path, data: Path | None) -> None:
    """Bring the backup FILE into a new data folder, or into the empty database of SEENBEFORE_DATABASE_URL.

    It may come from an older version of Seen Before, and from another PostgreSQL. The service that is started there
    makes the index anew, and answers meanwhile.
    """
    settings = read_settings(data=data)
    serve = "seenbefore serve" + (f" --data {data}" if data else "")
    with refusing():
        from api.admin import server_beside  # noqa: PLC0415 - not needed for help
        from knowledge.store.dump import restore  # noqa: PLC0415
        from knowledge.store.migrate import current_revision  # noqa: PLC0415

        _check(file, bin_dir=settings.postgres_bin)
        with server_beside(settings) as url:
            if current_revision(url) is not None:
                where = "The database" if settings.database_url else str(settings.data)
                raise click.ClickException(f"{where} holds a memory already; restore into a new one.")
            restore(url, file, bin_dir=settings.postgres_bin)
            _bring_up_to_date(url, serve=serve)
    say(f"restored from {file}; start the service: {serve}")


def _check(file: Path, *, bin_dir: Path | None) -> None:
    """Refuse what this program cannot go on with, before anything is written."""
    from knowledge.store.dump import revision_in  # noqa: PLC0415 - not needed for help
    from knowledge.store.migrations import head  # noqa: PLC0415

    if (found := revision_in(file, bin_dir=bin_dir)) > head():
        raise click.ClickException(
            f"{file} comes from a newer version: it is at revision {found}, this program knows {head()}. "
            "Nothing is changed; install the newer version and restore with it."
        )


def _bring_up_to_date(url: str, *, serve: str) -> None:
    """Migrate what is restored; a failure of that leaves what was restored, whole, and is said so."""
    from knowledge.errors import KnowledgeError  # noqa: PLC0415 - not needed for help
    from knowledge.store.migrate import migrate  # noqa: PLC0415

    try:
        migrate(url)
    except Exception as error:
        said = str(error) if isinstance(error, KnowledgeError) else type(error).__name__
        raise click.ClickException(
            f"Everything of the backup is there, but its schema could not be brought up to date: {one_line(said)} "
            f"Do not restore again: {serve} goes on with that."
        ) from error
