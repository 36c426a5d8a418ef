"""Whatever an agent sends, the tool answers: with what was asked, or in words that it can act on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, types

from api.agents.reading import DEEPEST, PROBLEM, readable, unfit
from api.agents.respondent import Refused, Respondent
from api.agents.server import call, make_server
from api.agents.tools import offered
from tests.api.agents.asking import WAYS, agent, refused, text_of

OURS = "The service met an error of its own"
ID = "00000000-0000-4000-8000-000000000000"
#: What each tool takes, all fields of it; each is spoilt in turn.
SOUND: dict[str, dict[str, Any]] = {
    "advise": {
        "error": {"type": "KeyError", "message": "boom", "stacktrace": "at x"},
        "pipeline": "fraud",
        "step": "hpo",
        "run_id": "r-1",
        "attempt": 1,
        "max_attempts": 4,
        "occurred_at": "2026-11-20T08:15:00Z",
        "environment": {"torch": "2.13"},
        "spent": {"gpu_hours": 360},
        "external_id": "e-1",
        "dry_run": True,
    },
    "search_precedents": {
        "query": "slow down",
        "verdict": "transient",
        "cause": "network",
        "pipeline": "fraud",
        "since": "2026-11-20T08:15:00Z",
        "resolved": True,
        "limit": 5,
    },
    "get_precedent": {"precedent_id": ID},
    "get_resume_point": {"run_id": "r-1"},
    "report_outcome": {"incident_id": ID, "result": "failed", "attempt": 2, "waited_s": 1.5},
    "propose_resolution": {
        "incident_id": ID,
        "summary": "Pin it.",
        "action": "fix_then_rerun",
        "verdict": "genuine",
        "cause": "dependency",
        "fixed_in": {"exporter": "1.8"},
        "author": "agent",
    },
}
DEEP: list[Any] = []
for _ in range(DEEPEST + 20):
    DEEP = [DEEP]
HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**63, 10**400, float("nan"), float("inf"), "", " ", "evil", "x" * 300_000, "\x1b[2J"),
    *("nul \0", "\ud800", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", [], ["evil"], {}, {"evil": "evil"}),
    *({"\0": 1}, {"a": "\0"}, {"evil": [{"\udfff": 1}]}, DEEP),
)
#: Of those what no argument may have; the tool says in which field it stands.
UNFIT = HOSTILE[-4:]


class Nobody:
    """A respondent that knows of nothing: what is asked has passed by then."""

    def __getattr__(self, name: str) -> Any:
        async def answer(*_: Any, **__: Any) -> Any:
            raise Refused(404, "evil: there is none")

        return answer


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """A loop."""
    with asyncio.Runner() as opened:
        yield opened


async def answers(calls: list[tuple[str, dict[str, Any]]]) -> list[types.CallToolResult]:
    """What the tools answer to each."""
    tools = {tool.name: tool for tool in offered(writes=True)}
    return [await call(tools[name], arguments, respondent=cast(Respondent, Nobody())) for name, arguments in calls]


def bare(result: types.CallToolResult) -> str:
    """All that is said outside the marks."""
    words = text_of(result)
    while "<data-" in words:
        start = words.index("<data-")
        closing = words.find(f"</{words[start + 1 : words.index('>', start)]}>", start)
        end = closing + len("</data-000000000000>") if closing >= 0 else start + 1
        words = words[:start] + words[end:]
    return words


def test_every_field_of_every_tool_is_named() -> None:
    """A field that is added is spoilt here as well."""
    fields = {tool.name: set(tool.takes.model_fields) - {"text"} for tool in offered(writes=True)}

    assert fields == {name: set(each) for name, each in SOUND.items()}


@pytest.mark.parametrize("tool", SOUND)
def test_each_field_with_each_hostile_value(runner: asyncio.Runner, tool: str) -> None:
    """A refusal in words of ours, never a fault; what was sent stands between marks."""
    fields = [*SOUND[tool], "evil", "nul\0", "\ud800"]
    spoilt = [(tool, {**SOUND[tool], field: value}) for field in fields for value in HOSTILE]
    results = runner.run(answers([*spoilt, (tool, {})]))
    said = [bare(each) for each in results]

    assert all(each.is_error for each in results)
    assert [] == [words for words in said if OURS in words or "evil" in words.lower() or len(words) > 2_000]


@pytest.mark.parametrize("tool", SOUND)
def test_what_no_text_may_have_is_named(runner: asyncio.Runner, tool: str) -> None:
    """The field, what is wrong, and what to do."""
    calls = [(tool, {**SOUND[tool], field: value}) for field in SOUND[tool] for value in UNFIT]
    results = runner.run(answers(calls))

    assert [] == [
        arguments
        for (_, arguments), result in zip(calls, results, strict=True)
        if not any(f"`{field}`" in bare(result) for field in SOUND[tool]) or PROBLEM not in bare(result)
    ]


async def test_a_tool_that_there_is_not() -> None:
    """Its name is not quoted; what there is, is said."""
    async with Client(make_server(lambda _: cast(Respondent, Nobody()), writes=True)) as client:
        words = await refused(client, "evil\0")

    assert "There is no such tool here. There are: advise, " in words
    assert "evil" not in words


@pytest.mark.parametrize("way", WAYS)
async def test_a_log_with_what_cannot_be_stored_is_refused_by_its_field(
    writing_url: str, workspace: str, way: str
) -> None:
    """Over each transport the agent itself is told; the session goes on."""
    async with agent(way, writing_url, workspace=workspace) as client:
        nul = await refused(client, "advise", text="boom \0 at x")
        deep = await refused(client, "advise", text="boom", environment={"a": DEEP})
        good = await client.call_tool("advise", {"text": "boom", "dry_run": True})

    assert "`text` holds what no text may have: a NUL character" in nul
    assert "`environment`, at <data-" in deep
    assert not good.is_error


WIRE = ('"half \\ud800"', "NaN", '"\\u0000"', "[" * 80 + "]" * 80)


@pytest.mark.parametrize("mended", WIRE, ids=["half a pair", "not a number", "NUL", "deep"])
async def test_what_the_sdk_cannot_read_is_refused_by_the_tool(writing_url: str, workspace: str, mended: str) -> None:
    """Whatever a host writes on the wire, the answer is that of the tool."""
    params = f'{{"name": "get_resume_point", "arguments": {{"run_id": {mended}}}}}'
    body = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}'
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers | {"X-Workspace": workspace}) as client:
        answer = await client.post(f"{writing_url}/mcp", content=body)

    assert 200 == answer.status_code
    assert answer.json()["result"]["isError"]
    assert "run_id" in answer.json()["result"]["content"][0]["text"]


NO_MESSAGE = ("{}", "[]", "evil", '{"jsonrpc": "2.0", "id": 1, "method": {"evil": 1}}', "[" * 5_000)


@pytest.mark.parametrize("body", NO_MESSAGE, ids=["nothing in it", "a list", "a word", "no method", "without end"])
async def test_what_is_no_message_is_not_quoted(writing_url: str, body: str) -> None:
    """The SDK would say what was sent."""
    async with httpx.AsyncClient(headers={"Content-Type": "application/json"}) as client:
        answer = await client.post(f"{writing_url}/mcp", content=body)

    assert 400 == answer.status_code
    assert "evil" not in answer.text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(value=values)
def test_what_is_made_readable_is_read(value: Any) -> None:
    """And is the same where it could be read before; else its refused part is found."""
    message = json.loads(readable(json.dumps(value).encode()))

    if unfit(value) is None:
        assert json.dumps(value) == json.dumps(message)
    else:
        assert unfit(message) is not None
