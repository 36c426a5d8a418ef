"""`seenbefore restore`: what a backup holds, into an empty store."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.offline import data_option, read_settings, refusing
from api.cli.output import say

EPILOG = "Exit codes: 0 restored, 1 it could not be (nothing is changed), 2 wrong usage."


@click.command("restore", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
def command(*, file: Path, data: Path | None) -> None:
    """Bring the backup FILE into a new data folder, or into the empty database of SEENBEFORE_DATABASE_URL.

    It may come from an older version of Seen Before, and from another PostgreSQL. The service that is started there
    makes the index anew, and answers meanwhile.
    """
    settings = read_settings(data=data)
    with refusing():
        from api.admin import server_beside  # noqa: PLC0415 - not needed for help
        from knowledge.store.dump import restore  # noqa: PLC0415
        from knowledge.store.migrate import current_revision, migrate  # noqa: PLC0415

        with server_beside(settings) as url:
            if current_revision(url) is not None:
                where = "The database" if settings.database_url else str(settings.data)
                raise click.ClickException(f"{where} holds a memory already; restore into a new one.")
            restore(url, file, bin_dir=settings.postgres_bin)
            migrate(url)
    say(f"restored from {file}; start the service: seenbefore serve" + (f" --data {data}" if data else ""))
