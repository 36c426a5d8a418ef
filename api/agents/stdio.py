"""The tools over standard input and output."""

from __future__ import annotations

from mcp.server.stdio import stdio_server

from api.agents.respondent import Respondent
from api.agents.server import make_server


async def serve(respondent: Respondent, *, writes: bool) -> None:
    """Answer until the input ends."""
    server = make_server(lambda _: respondent, writes=writes)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
