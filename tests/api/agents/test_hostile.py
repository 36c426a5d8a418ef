"""Hostile text in every place that an agent reads: none of it stands outside the marks, and none hides in them.

Every text of the corpus stands in every field of every tool's answer and in every refusal, by the way that the server
takes; some of each kind go all the way, from a failure that is told to the answers over the wire.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult
from pydantic import BaseModel

from api.agents.respondent import Refused, Respondent
from api.agents.server import call
from api.agents.tools import offered
from tests.api.agents.asking import STDIO, agent, text_of
from tests.api.agents.test_marking import full
from tests.api.agents.test_reading import SOUND
from tests.hostile import ORDERS, TEXTS

HASH = "0123456789abcdef" * 4
#: A name has at most so many characters, a text in a body so many.
NAME, TEXT = 150, 100_000
#: Of every kind some go all the way.
ALL_THE_WAY = ("script", "somebody", *ORDERS, "equals", *("escapes", "controls", "tags", "right to left"), "many lines")
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


def filled(annotation: Any, text: str) -> Any:
    """What the service could answer for a field of that type, the text wherever one may stand."""
    origin, arguments, metadata = get_origin(annotation), get_args(annotation), getattr(annotation, "__metadata__", ())
    made_by = {getattr(getattr(each, "func", None), "__name__", "") for each in metadata}
    if made_by & FILLED.keys():
        return FILLED[(made_by & FILLED.keys()).pop()](text)
    if metadata:
        return HEX if annotation.__origin__ is str else filled(annotation.__origin__, text)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: filled(full(field), text) for name, field in annotation.model_fields.items()}
    if origin is list:
        return [filled(arguments[0], text)]
    if origin in (Union, UnionType):
        return filled(arguments[0], text)
    if origin is Literal:
        return arguments[0]
    if issubclass(annotation, Enum):
        return next(iter(annotation)).value
    return VALUES[annotation]


#: How a field that takes foreign text is told it, by the function that marks it.
FILLED: dict[str, Callable[[str], Any]] = {
    "_wrapped": lambda text: text,
    "_listed": lambda text: {text: text},
    "_artifacts": lambda text: {text: {"sha256": text, "uri": text}},
}
#: Letters that are hexadecimal and a word as well.
HEX = "abcdefab"
VALUES: dict[type, Any] = {
    UUID: HASH[:32],
    datetime: "2026-11-20T08:15:00Z",
    bool: True,
    int: 1,
    float: 0.5,
    str: "",  # the note, which every answer makes anew
}


class Saying:
    """A respondent with one thing to say, or to refuse."""

    def __init__(self, said: Any) -> None:
        self._said = said

    def __getattr__(self, name: str) -> Any:
        async def answer(*_: Any, **__: Any) -> Any:
            if isinstance(self._said, Exception):
                raise self._said
            return self._said

        return answer


async def everywhere(text: str) -> list[CallToolResult]:
    """All answers and refusals of all tools, with the text in every place that may have one."""
    results = []
    for tool in offered(writes=True):
        document, sound = filled(tool.told, text), SOUND[tool.name]
        said: tuple[Any, ...] = (document, Refused(409, text, fields=[text, text]))
        results += [await call(tool, sound, respondent=cast(Respondent, Saying(each))) for each in said]
        assert [False, True] == [each.is_error for each in results[-2:]]
        wrong = [{**sound, field: [text]} for field in sound] + [{**sound, text: 1}, {**sound, "run_id": {text: text}}]
        results += [await call(tool, each, respondent=cast(Respondent, Saying(document))) for each in wrong]
    return results


@pytest.mark.parametrize("name", TEXTS)
async def test_no_field_and_no_refusal_lets_a_text_out(name: str) -> None:
    """As text or as structured content, with nothing hidden."""
    text = TEXTS[name][:TEXT]
    results = await everywhere(text)

    left = "\n".join(outside(each) for each in results).lower()
    assert 100 < sum(text_of(each).count("</data-") for each in results)
    assert [] == [trace for trace in TRACES if trace in left]
    assert [] == [piece for piece in pieces_of(text) if piece in left]
    assert set() == set().union(*(hidden(each) for each in results))


def pieces_of(text: str) -> list[str]:
    """The telling lines of a text."""
    pieces = [line.strip().lower() for line in text.splitlines() if len(line.strip()) > 6]
    return [piece[:100] for piece in pieces[:100]]


@pytest.mark.parametrize("name", ALL_THE_WAY)
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
    assert [] == [piece for piece in pieces_of(text) if piece in left]
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
