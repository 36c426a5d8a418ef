"""`seenbefore mcp`: the tools for agents over standard input and output; a running service answers them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from api.cli.asking import Target, connect, target_options

if TYPE_CHECKING:
    from api.agents.remote import Remote

EPILOG = "An agent's host starts this command by itself: docs/agents.md shows how it is told to."


@click.command("mcp", epilog=EPILOG)
@click.option(
    "--writes",
    is_flag=True,
    envvar="SEENBEFORE_MCP_WRITES",
    help="Let agents record failures, report outcomes and propose resolutions, and not only ask.",
)
@target_options
def command(*, writes: bool, target: Target) -> None:
    """Answer an agent's host (Model Context Protocol) on standard input and output, until its input ends."""
    from api import logs  # noqa: PLC0415 - not needed for help
    from api.agents.remote import Remote  # noqa: PLC0415

    logs.install(level="warning", format=logs.LogFormat.TEXT)  # on standard error: standard output is the protocol's
    with connect(target) as service:
        asyncio.run(_serve(Remote(service), writes=writes))


async def _serve(remote: Remote, *, writes: bool) -> None:
    try:
        from api.agents.stdio import serve  # noqa: PLC0415 - imports the extra
    except ImportError:
        raise click.ClickException("Agents need the extra mcp: pip install 'seenbefore-server[mcp]'") from None
    await serve(remote, writes=writes)
