"""The tools over standard input and output."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
from mcp.server.stdio import stdio_server

from api.agents.reading import readable
from api.agents.respondent import Respondent
from api.agents.server import make_server
from ingest.strict_json import TooMany


async def serve(respondent: Respondent, *, writes: bool) -> None:
    """Answer until the input ends."""
    server = make_server(lambda _: respondent, writes=writes)
    async with stdio_server(stdin=cast(Any, _Lines())) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


class _Lines:
    """Standard input, each line as the SDK can read it: it answers nothing to one that it cannot."""

    def __init__(self) -> None:
        self._lines = anyio.wrap_file(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace"))

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._lines:
            yield _readable(line)


def _readable(line: str) -> str:
    """One of very many values stays as it is: nobody but its sender waits for this process."""
    try:
        return readable(line.encode("utf-8", "replace")).decode()
    except TooMany:
        return line
