"""The tools, asked by the SDK's own client: over HTTP by both of its protocols, and over standard input and output."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.api.agents.asking import HTTP, SLOW_DOWN, STDIO, WAYS, agent, bare, refused, text_of, told

READING = ["advise", "search_precedents", "get_precedent", "get_resume_point"]
HASH = "0123456789abcdef" * 4
NOBODYS = "00000000-0000-4000-8000-000000000000"
REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("advise", {}, "the arguments: give an `error` or a `text` that says what went wrong"),
    ("advise", {"text": "boom", "attempt": "many"}, "attempt: Input should be a valid integer"),
    ("advise", {"text": "boom", "atempt": 1}, "there is no such field; there are error, text,"),
    ("advise", {"text": "boom", "environment": {"n": 2**70}}, "environment: <data-"),
    ("search_precedents", {"query": " "}, "query: String should have at least 1 character"),
    ("search_precedents", {"query": "x", "verdict": "maybe"}, "verdict: Input should be 'transient'"),
    ("get_precedent", {"precedent_id": "x"}, "precedent_id: <data-"),
    ("get_precedent", {"precedent_id": NOBODYS}, "There is no such thing: <data-"),
    ("get_resume_point", {"run_id": "nobody's"}, "There is no such thing: <data-"),
    ("report_outcome", {"result": "succeeded"}, "incident_id: Field required"),
    ("report_outcome", {"incident_id": NOBODYS, "result": "succeeded"}, "There is no such thing: <data-"),
    ("propose_resolution", {"incident_id": NOBODYS, "summary": "x"}, "There is no such thing: <data-"),
]


@pytest.mark.parametrize("way", WAYS)
async def test_agents_only_ask_until_they_are_allowed_more(service_url: str, workspace: str, way: str) -> None:
    """What writes is not listed and cannot be called, and advice records nothing."""
    async with agent(way, service_url, workspace=workspace, writes=False) as client:
        tools = (await client.list_tools()).tools
        advice = await told(client, "advise", text=SLOW_DOWN)
        no_tool = await refused(client, "report_outcome", incident_id=str(advice["incident_id"]), result="succeeded")
        no_field = await refused(client, "advise", text=SLOW_DOWN, dry_run=False)

    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace}) as people:
        assert [] == people.get("/incidents").json()["incidents"]
    assert READING == [tool.name for tool in tools]
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert (None, None) == (advice["incident_id"], advice["advice_id"])
    assert "There is no such tool here" in no_tool
    assert "dry_run</data-" in no_field and "there is no such field" in no_field


@pytest.mark.parametrize("way", WAYS)
async def test_allowed_tools_say_that_they_write(writing_url: str, workspace: str, way: str) -> None:
    """To hosts by their annotations, to agents by their descriptions; none of them destroys anything."""
    async with agent(way, writing_url, workspace=workspace) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    hints = {name: tool.annotations.read_only_hint for name, tool in tools.items() if tool.annotations}
    assert {name: name in READING[1:] for name in [*READING, "report_outcome", "propose_resolution"]} == hints
    assert not any(tool.annotations.destructive_hint for tool in tools.values() if tool.annotations)
    assert "recorded unless `dry_run`" in (tools["advise"].description or "")
    assert "until then it counts nowhere" in (tools["propose_resolution"].description or "")


async def test_schemas_describe_what_is_asked_and_answered(writing_url: str) -> None:
    """Every tool says in its description when to ask it, and has both schemas."""
    async with agent(HTTP, writing_url) as client:
        tools = (await client.list_tools()).tools

    for tool in tools:
        assert tool.description and tool.title and tool.output_schema
        described = [name for name, each in tool.input_schema["properties"].items() if "description" in each]
        assert {"error", "environment", "spent", "fixed_in", "action", "verdict", "cause", "result"} >= (
            tool.input_schema["properties"].keys() - set(described)
        )
        assert "note" in tool.output_schema["required"]


@pytest.mark.parametrize("way", WAYS)
async def test_an_agent_asks_and_tells_how_it_went(
    writing_url: str, workspace: str, people: httpx.Client, way: str
) -> None:
    """From a failure over its retry to what fixed it."""
    async with agent(way, writing_url, workspace=workspace) as client:
        advice = await told(client, "advise", text=SLOW_DOWN, pipeline="fraud", attempt=1, max_attempts=4)
        incident = advice["incident_id"]
        outcome = await told(client, "report_outcome", incident_id=incident, result="succeeded", attempt=2, waited_s=30)
        again = await told(client, "report_outcome", incident_id=incident, result="succeeded", attempt=2, waited_s=30)
        proposal = await told(
            client,
            "propose_resolution",
            incident_id=incident,
            summary="Spread the keys over 16 prefixes",
            action="retry_with_backoff",
            fixed_in={"exporter": "1.8"},
            author="export agent",
        )
        precedent = await told(client, "get_precedent", precedent_id=advice["precedent"]["id"])

    assert ("transient", "rate_limit", "retry") == (advice["verdict"], advice["cause"], advice["decision"]["action"])
    assert advice["decision"]["retry_delay_s"] > 0
    assert SLOW_DOWN == bare(advice["precedent"]["template"])
    assert (outcome["id"], "succeeded") == (again["id"], outcome["result"])
    assert ("proposed", "Spread the keys over 16 prefixes") == (proposal["state"], bare(proposal["summary"]))
    assert ("exporter", "1.8") == (bare(proposal["fixed_in"][0]["name"]), bare(proposal["fixed_in"][0]["value"]))
    assert (1, 1, []) == (precedent["occurrences"], precedent["retries"]["succeeded"], precedent["resolutions"])
    assert "export agent" == people.get("/resolutions").json()["resolutions"][0]["proposed_by"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_dry_run_records_nothing(writing_url: str, workspace: str, people: httpx.Client, way: str) -> None:
    """A log of last year is asked about without being counted as of today."""
    async with agent(way, writing_url, workspace=workspace) as client:
        advice = await told(client, "advise", text=SLOW_DOWN, dry_run=True)

    assert None is advice["incident_id"]
    assert [] == people.get("/incidents").json()["incidents"]


@pytest.mark.parametrize("way", WAYS)
async def test_search_finds_and_filters(writing_url: str, workspace: str, way: str) -> None:
    """Documented precedents too; at most as many as were asked for."""
    async with agent(way, writing_url, workspace=workspace) as client:
        found = await told(client, "search_precedents", query="S3 slow down", verdict="transient", limit=2)
        nothing = await told(client, "search_precedents", query="S3 slow down", pipeline="fraud", resolved=True)

    assert ["transient", "transient"] == [each["verdict"] for each in found["results"]]
    assert "S3" in (bare(found["results"][0]["title"]) or "")
    assert [] == nothing["results"]


@pytest.mark.parametrize("way", WAYS)
async def test_resume_point_is_told(writing_url: str, workspace: str, people: httpx.Client, way: str) -> None:
    """By its tool, and with the advice for a failure of that run."""
    step = "/runs/r 1:a/steps/prepare"
    owned = {"owner": "ana", "pipeline": "fraud"}
    for path, body in (
        ("/runs/r 1:a", {"pipeline": "fraud", "status": "running"}),
        (step, {**owned, "status": "running", "plan": ["impute", "scale"]}),
        (f"{step}/sub-tasks/impute", {**owned, "status": "completed", "artifacts": {"filled": {"sha256": HASH}}}),
    ):
        assert 201 == people.put(path, json=body).status_code
    async with agent(way, writing_url, workspace=workspace) as client:
        point = await told(client, "get_resume_point", run_id="r 1:a")
        advice = await told(client, "advise", text=SLOW_DOWN, pipeline="fraud", run_id="r 1:a", step="prepare")

    assert ("prepare", "impute", ["scale"]) == (
        bare(point["step"]),
        bare(point["sub_task"]),
        [bare(each) for each in point["remaining"]],
    )
    assert [("filled", HASH)] == [(bare(each["name"]), bare(each["sha256"])) for each in point["artifacts"]]
    resume = advice["strategy"]["resume"]
    assert ("r 1:a", "impute") == (bare(resume["run_id"]), bare(resume["sub_task"]))
    assert [("filled", f"sha256:{HASH}")] == [(bare(each["name"]), bare(each["value"])) for each in resume["artifacts"]]


@pytest.mark.parametrize("way", WAYS)
async def test_refusals_name_the_field_in_plain_words(writing_url: str, workspace: str, way: str) -> None:
    """They are answers of the tool, so that the agent reads them and can do better."""
    async with agent(way, writing_url, workspace=workspace) as client:
        said = [(words, await refused(client, tool, **arguments)) for tool, arguments, words in REFUSED]

    assert [] == [(words, refusal) for words, refusal in said if words not in refusal]


async def test_the_text_of_an_answer_is_its_structured_content(writing_url: str) -> None:
    """Hosts show an agent the one or the other."""
    async with agent(HTTP, writing_url) as client:
        result = await client.call_tool("search_precedents", {"query": "out of memory"})

    assert result.structured_content == json.loads(text_of(result))


async def test_without_a_service_the_command_says_so() -> None:
    """The agent is told what a person would do, and the session goes on."""
    async with agent(STDIO, "http://127.0.0.1:9") as client:
        words = await refused(client, "advise", text="boom")
        tools = await client.list_tools()

    assert "This cannot be done now" in words
    assert "No service answers at http://127.0.0.1:9" in words
    assert tools.tools
