"""`seenbefore backup`: all that PostgreSQL holds, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.offline import data_option, refusing, settings_in_use
from api.cli.output import say

EPILOG = "Exit codes: 0 written, 1 it could not be, 2 wrong usage."


@click.command("backup", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def command(*, file: Path, data: Path | None) -> None:
    """Write all that PostgreSQL holds to FILE, whether or not the service runs.

    That is everything: the index is rebuilt from it, and API keys are in it as hashes. FILE must not exist; nobody
    but you may read it. `seenbefore restore` brings it into a new data folder, or into a PostgreSQL server.
    """
    settings = settings_in_use(data=data)
    if file.exists():
        raise click.UsageError(f"{file} is there already")
    if not file.parent.is_dir():
        raise click.UsageError(f"there is no folder {file.parent}")
    with refusing():
        from api.admin import server_beside  # noqa: PLC0415 - not needed for help
        from knowledge.store.dump import dump  # noqa: PLC0415

        with server_beside(settings) as url:
            dump(url, file, bin_dir=settings.postgres_bin)
    say(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
