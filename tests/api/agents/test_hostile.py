"""Hostile text in every place that an agent reads: none of it stands outside the marks, and none hides in them."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult

from tests.api.agents.asking import STDIO, agent, text_of
from tests.hostile import TEXTS

HASH = "0123456789abcdef" * 4
#: A name has at most so many characters, a text in a body so many.
NAME, TEXT = 150, 100_000
#: What any of the texts would leave behind, if a piece of it stood outside the marks.
TRACES = ("seenbefore", "evil", "ignore all", "script", "<!", "<@", "system:", "human:", "=hyperlink", "cmd|", "owned")


def without_data(answer: str, boundary: str) -> str:
    """An answer less all that stands between its marks."""
    rest = answer
    while (start := rest.find(f"<{boundary}>")) >= 0:
        end = rest.index(f"</{boundary}>", start) + len(boundary) + 3
        rest = rest[:start] + rest[end:]
    return rest


def strings(value: Any) -> list[str]:
    """All texts of a document, its keys among them."""
    if isinstance(value, dict):
        return [*value, *(each for child in value.values() for each in strings(child))]
    if isinstance(value, list):
        return [each for child in value for each in strings(child)]
    return [value] if isinstance(value, str) else []


def boundary_of(note: str) -> str:
    """The name of the marks, from the sentence that says it."""
    return note[note.index("<data-") + 1 : note.index(">")]


def outside(result: CallToolResult) -> str:
    """All that stands outside the marks, of both forms of an answer; its note aside."""
    if result.is_error:
        words = text_of(result)
        note = words[words.rindex("Text between <data-") :] if "Text between <data-" in words else ""
        shown = [words.removesuffix(note)]
    else:
        assert json.loads(text_of(result)) == result.structured_content
        document = {name: value for name, value in (result.structured_content or {}).items() if name != "note"}
        note, shown = (result.structured_content or {})["note"], strings(document)
    return "\n".join(without_data(each, boundary_of(note)) if note else each for each in shown)


def hidden(result: CallToolResult) -> set[str]:
    """Characters that show nothing or turn what is shown, anywhere in an answer."""
    everything = "".join([text_of(result), *strings(result.structured_content)])
    return {
        char for char in everything if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co")
    }


def told_everywhere(people: httpx.Client, text: str) -> dict[str, str]:
    """The text as a failure, as its names, as what fixed it, and as the names of a run; the ids to ask by."""
    name = text.replace("\x00", "")[:NAME].strip() or "x"
    body = text[:TEXT]
    failure = {"error": {"type": name, "message": body, "stacktrace": body}, "pipeline": name, "step": name}
    environment = {name: name, "torch": "2.13"}
    said = people.post("/advise", json={**failure, "environment": environment, "external_id": name})
    assert 200 == said.status_code, said.text
    incident = said.json()["incident_id"]
    fix = {"summary": body[:10_000].strip() or "x", "author": name, "fixed_in": {name: name, "torch": "2.13"}}
    assert 200 == people.post(f"/incidents/{incident}/resolution", json=fix).status_code
    people.post("/advise", json={**failure, "environment": environment})  # back where it is fixed: a regression
    return {"incident_id": incident, "precedent_id": said.json()["precedent"]["id"], "name": name}


def run_of(people: httpx.Client, text: str, number: int) -> str:
    """A run of that name, with a checkpoint whose artifact has it too; names with a slash cannot be sent."""
    run = f"{number} {text.replace('/', ' ')[: NAME - 10].strip()}"
    owned = {"owner": run, "pipeline": run}
    base = f"/runs/{quote(run, safe='')}"
    artifacts = {run: {"sha256": HASH, "uri": run}}
    written = [
        people.put(base, json={"pipeline": run, "status": "running"}),
        people.put(f"{base}/steps/s", json={**owned, "status": "running", "plan": [run, "last"]}),
        people.put(
            f"{base}/steps/s/sub-tasks/{base.removeprefix('/runs/')}",
            json={**owned, "status": "completed", "artifacts": artifacts},
        ),
    ]
    assert [201, 201, 201] == [each.status_code for each in written], [each.text for each in written]
    return run


async def everything(client: Client, text: str, ids: dict[str, str], run: str) -> list[CallToolResult]:
    """Every tool asked about the text, and by it; among them calls that are refused."""
    failure = {"error": {"type": ids["name"], "message": text[:TEXT]}, "environment": {"torch": "2.13"}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("advise", {**failure, "run_id": run, "pipeline": run}),
        ("search_precedents", {"query": text[:4_000].strip() or "x", "limit": 20}),
        ("get_precedent", {"precedent_id": ids["precedent_id"]}),
        ("get_resume_point", {"run_id": run}),
        ("get_resume_point", {"run_id": f"none {ids['name']}"}),
        ("report_outcome", {"incident_id": ids["incident_id"], "result": text}),
        ("report_outcome", {"incident_id": ids["incident_id"], "result": "failed", "attempt": 2, ids["name"]: 1}),
        ("propose_resolution", {"incident_id": ids["incident_id"], "summary": text[:10_000], "author": ids["name"]}),
        ("get_precedent", {"precedent_id": ids["name"]}),
    ]
    return [await client.call_tool(tool, arguments) for tool, arguments in calls]


@pytest.mark.parametrize("name", TEXTS)
async def test_no_hostile_text_stands_outside_the_marks(
    writing_url: str, workspace: str, people: httpx.Client, name: str
) -> None:
    """In no answer of any tool, as text or as structured content, and with nothing hidden."""
    text = TEXTS[name]
    ids = told_everywhere(people, text)
    run = run_of(people, text, 1) if sendable(text) else "r-1"
    async with agent("http", writing_url, workspace=workspace) as client:
        results = await everything(client, text, ids, run)

    left = "\n".join(outside(each) for each in results).lower()
    assert [] == [trace for trace in TRACES if trace in left]
    pieces = [line.strip().lower() for line in text.splitlines() if len(line.strip()) > 6]
    assert [] == [piece[:100] for piece in pieces[:100] if piece[:100] in left]
    assert set() == set().union(*(hidden(each) for each in results))
    assert 4 <= sum(not each.is_error for each in results)


async def test_nor_by_standard_output(writing_url: str, workspace: str, people: httpx.Client) -> None:
    """The same answers; here of the orders and characters that are meant for agents."""
    names = [name for name in TEXTS if name in ("ignore what was said", "end of the data", "tags", "escapes")]
    async with agent(STDIO, writing_url, workspace=workspace) as client:
        for number, name in enumerate(names):
            ids = told_everywhere(people, TEXTS[name])
            run = run_of(people, TEXTS[name], number) if sendable(TEXTS[name]) else "r-1"
            results = await everything(client, TEXTS[name], ids, run)

            left = "\n".join(outside(each) for each in results).lower()
            assert [] == [trace for trace in TRACES if trace in left]
            assert set() == set().union(*(hidden(each) for each in results))


def sendable(text: str) -> bool:
    """Whether it can be a part of an address: without control characters."""
    return text[:NAME].isprintable()
