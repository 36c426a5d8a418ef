"""`seenbefore serve`: build everything, listen, and say how to ask."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from api.cli.offline import ending_in_order


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: 8000]")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder.  [default: data]")
def command(host: str | None, port: int | None, data: Path | None) -> None:
    """Start the service: PostgreSQL and Qdrant in one data folder, or the servers that the settings name."""
    # One thread: the products of a failure with the starter precedents are too small to share, and BLAS threads spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from api import logs  # noqa: PLC0415 - `--help` answers without it
    from api.settings import SettingsError, load_settings  # noqa: PLC0415 - `--help` answers without it

    try:
        settings = load_settings(host=host, port=port, data=data)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    logs.install(level=settings.log_level, format=settings.log_format)

    import uvloop  # noqa: PLC0415

    from api import telemetry  # noqa: PLC0415
    from api.server import ServeError, serve  # noqa: PLC0415
    from knowledge.errors import KnowledgeError  # noqa: PLC0415

    try:
        # While it starts; then the server has its own way.
        with ending_in_order(), telemetry.exporting(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, say=_say))
    except (ServeError, SettingsError, KnowledgeError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{settings.data} cannot be used: {error}") from None
    except KeyboardInterrupt:
        sys.exit(130)


def _say(line: str) -> None:
    click.echo(f"seenbefore: {line}", err=True)
