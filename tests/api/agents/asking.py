"""Asking as agents' hosts do: with the SDK's own client, over HTTP and over standard input and output."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

Document: TypeAlias = dict[str, Any]

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
HTTP, OLD_HTTP, STDIO = "http", "http before 2026", "stdio"
WAYS = (HTTP, OLD_HTTP, STDIO)


@asynccontextmanager
async def agent(
    way: str, url: str, *, workspace: str = "default", path: str = "/mcp", writes: bool = True, **headers: str
) -> AsyncIterator[Client]:
    """A client in a workspace. `writes` is for the command alone; of a service its settings decide."""
    if way == STDIO:
        async with Client(command(url, workspace=workspace, writes=writes)) as client:
            yield client
        return
    async with httpx2.AsyncClient(headers={"X-Workspace": workspace, **headers}, timeout=60.0) as http:
        transport = streamable_http_client(f"{url}{path}", http_client=http)
        async with Client(transport, mode="legacy" if way == OLD_HTTP else "auto") as client:
            yield client


def command(url: str, *, workspace: str, writes: bool) -> StdioServerParameters:
    """How a host starts `seenbefore mcp`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
    given = {"SEENBEFORE_URL": url, "SEENBEFORE_WORKSPACE": workspace, "SEENBEFORE_MCP_WRITES": str(writes).lower()}
    return StdioServerParameters(command=sys.executable, args=["-m", "api", "mcp"], env=clean | given)


async def told(client: Client, tool: str, **arguments: Any) -> Document:
    """What a tool answers, which the SDK has checked against its output schema."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The words of a refusal."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    """All that is shown as text."""
    return "\n".join(getattr(block, "text", "") for block in result.content)


def bare(text: str | None) -> str | None:
    """A text without its marks."""
    if text is None:
        return None
    assert text.startswith("<data-") and text.endswith(">"), text
    opening, closing = text.index(">") + 1, text.rindex("</data-")
    return text[opening:closing]
