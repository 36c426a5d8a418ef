"""The tools as a server of the Model Context Protocol, by the official SDK.

The SDK's low-level server rather than its `MCPServer`: that one quotes in its refusals and in its log what was sent,
and what was sent is error text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import orjson
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from pydantic import ValidationError

from api.agents import answers
from api.agents.marking import Marks
from api.agents.reading import PROBLEM, unfit
from api.agents.respondent import Refused, Respondent
from api.agents.tools import INSTRUCTIONS, Tool, offered
from api.problems import LONGEST_FIELD, TITLES
from ingest.records import problem_in_words

DISTRIBUTION = "seenbefore-server"
MOST_PROBLEMS = 10
#: Kinds of misfits whose words may quote what was sent.
QUOTING = frozenset({"value_error", "uuid_parsing"})

log = logging.getLogger(__name__)
Context = ServerRequestContext[Any, Any]
#: Who answers a request: over HTTP the workspace of whoever asks decides.
RespondentOf = Callable[[Context], Respondent]


def make_server(respondent_of: RespondentOf, *, writes: bool) -> Server[Any]:
    """A server with the tools that are allowed."""
    tools = {tool.name: tool for tool in offered(writes=writes)}
    listed = [_listed(tool) for tool in tools.values()]

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Context, called: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(called.name)
        if tool is None:
            return _refusal(f"There is no such tool here. There are: {', '.join(tools)}.")
        return await call(tool, called.arguments or {}, respondent=respondent_of(context))

    return Server(
        "seen-before",
        title="Seen Before",
        version=version(DISTRIBUTION),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _listed(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.takes.model_json_schema(),
        output_schema=tool.told.model_json_schema(mode="serialization"),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.reads,
            destructive_hint=False,
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


async def call(tool: Tool, arguments: dict[str, Any], *, respondent: Respondent) -> types.CallToolResult:
    """What a tool answers; a refusal says by field, in plain words, what cannot be taken. Raises nothing."""
    place = await asyncio.to_thread(unfit, arguments)  # it looks at each value
    if place is not None:
        return _refusal(_unfit(place, tool=tool))
    try:
        asked = tool.takes.model_validate(arguments)
    except ValidationError as error:
        return _refusal(_misfits(error, tool=tool))
    try:
        shown = answers.told(tool.told, await tool.answer(respondent, asked))
    except Refused as refused:
        return _refusal(_refused(refused))
    except Exception as error:
        # The error's own text may quote the failure that was sent: only its class is logged.
        log.error("the tool %s failed with %s", tool.name, type(error).__name__)
        return _refusal("The service met an error of its own. The log tells where.")
    # The same as text: not every client shows an agent the structured content.
    text = types.TextContent(type="text", text=orjson.dumps(shown).decode())
    return types.CallToolResult(content=[text], structured_content=shown)


def _refusal(words: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=words)], is_error=True)


def _unfit(place: str, *, tool: Tool) -> str:
    marks = Marks()
    return "\n".join([f"The call cannot be taken. {_place(place, tool=tool, marks=marks)} {PROBLEM}", "", marks.note])


def _place(place: str, *, tool: Tool, marks: Marks) -> str:
    """A field by its name, and what is not ours in it as data."""
    field, _, within = place.partition(".")
    if field not in tool.takes.model_fields:
        return marks.wrap(place[:LONGEST_FIELD]) if place else "The arguments"
    return f"`{field}`, at {marks.wrap(within[:LONGEST_FIELD])}," if within else f"`{field}`"


def _misfits(error: ValidationError, *, tool: Tool) -> str:
    """Each field and what is wrong with it; what the caller made up is quoted as data."""
    marks = Marks()
    found = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    lines = [_misfit(each, tool=tool, marks=marks) for each in found]
    return "\n".join(["The call cannot be taken. By field:", *lines, "", marks.note])


def _misfit(found: Any, *, tool: Tool, marks: Marks) -> str:
    fields, words = tool.takes.model_fields, problem_in_words(found)
    place = ".".join(str(part) for part in found["loc"])[:LONGEST_FIELD]
    if found["type"] == "extra_forbidden":
        return f"- {marks.wrap(place)}: there is no such field; there are {', '.join(fields)}."
    if not place:
        return f"- the arguments: {words}"
    shown = place if place in fields else marks.wrap(place)
    return f"- {shown}: {marks.wrap(words) if found['type'] in QUOTING else words}"


def _refused(refused: Refused) -> str:
    marks = Marks()
    title = TITLES.get(refused.status, "This cannot be done now" if refused.status >= 500 else "This is refused")
    lines = [f"{title}: {marks.wrap(refused.detail)}"]
    if refused.fields:
        lines.append(f"Fields: {', '.join(marks.wrap(field) for field in refused.fields[:MOST_PROBLEMS])}")
    return "\n".join([*lines, "", marks.note])
