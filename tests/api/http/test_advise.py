"""`POST /advise` over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.models import AdviceAnswer, IncidentAnswer, PrecedentAnswer
from tests.api.http.asking import SLOW_DOWN, Document, checked, fields_of, indexed, listed, problem, recorded
from tests.api.http.conftest import MakeClient

MOST_EVIDENCE = 10


def advise(client: httpx.Client, *, dry_run: bool = False, **failure: Any) -> Document:
    """The advice for a failure."""
    return checked(client.post("/advise", params={"dry_run": dry_run}, json=failure), AdviceAnswer)


def test_starter_precedents_answer_in_a_new_workspace(client: httpx.Client) -> None:
    """A throttled upload is documented: retry with backoff, for the reason that is written down."""
    answer = advise(client, text=SLOW_DOWN, pipeline="fraud", step="upload", attempt=1, max_attempts=4)

    assert ("transient", "rate_limit", "retry") == (answer["verdict"], answer["cause"], answer["decision"]["action"])
    assert "retry_with_backoff" == answer["strategy"]["action"]
    assert (False, None, []) == (answer["seen_before"], answer["storm"], answer["degraded"])
    assert {"starter"} == {each["source"] for each in answer["evidence"]}
    assert "SlowDown" in answer["evidence"][0]["same_because"]


def test_every_part_of_a_request_is_taken_and_kept(client: httpx.Client) -> None:
    """The request of the contract, in full."""
    moment = (datetime.now(UTC) - timedelta(hours=2)).replace(microsecond=0)
    request = {
        "error": {"type": "KeyError", "message": "'price'", "stacktrace": "Traceback\n  KeyError: 'price'"},
        "text": "step features failed",
        "pipeline": "fraud-training",
        "step": "features",
        "run_id": "r-118",
        "attempt": 2,
        "max_attempts": 4,
        "occurred_at": moment.isoformat(),
        "environment": {"image": "trainer:7", "python": {"version": "3.12", "free_threaded": False}},
        "spent": {"gpu_hours": 360.5},
        "external_id": "ticket 7",
    }
    answer = advise(client, **request)
    incident = checked(client.get(f"/incidents/{answer['incident_id']}"), IncidentAnswer)

    plain = request.keys() - {"occurred_at"}
    assert {name: request[name] for name in plain} == {name: incident[name] for name in plain}
    assert moment == datetime.fromisoformat(incident["occurred_at"])
    assert answer["precedent"]["id"] == incident["precedent_id"]
    assert answer == incident["advice"]


def test_second_time_it_was_seen_before(client: httpx.Client) -> None:
    """The precedent counts, and the first incident is evidence."""
    first, second = (advise(client, text=f"ValueError: cannot place shard {n} of 9") for n in (3, 4))

    assert (False, True) == (first["seen_before"], second["seen_before"])
    assert (1, 2) == (first["precedent"]["occurrences"], second["precedent"]["occurrences"])
    assert first["precedent"]["id"] == second["precedent"]["id"] == second["evidence"][0]["precedent_id"]
    assert first["incident_id"] == second["evidence"][0]["incident_id"]


def test_what_the_workspace_said_decides(client: httpx.Client) -> None:
    """A person's word on the same failure is the verdict, and its resolution is shown."""
    resolution = {"summary": "Restart the feature proxy, then run the step again.", "action": "retry_after_delay"}
    recorded(client, text="boom: feature proxy wedged", verdict="transient", cause="contention", resolution=resolution)
    answer = advise(client, text="boom: feature proxy wedged")

    assert ("transient", "contention", "retry_after_delay") == (
        answer["verdict"],
        answer["cause"],
        answer["strategy"]["action"],
    )
    assert resolution["summary"] == answer["evidence"][0]["resolution"]


def test_evidence_is_best_first_one_a_precedent_and_bounded(client: httpx.Client) -> None:
    """Many near precedents: at most ten are shown, none twice, the most similar of the workspace first.

    The others follow by what they add, so that near twins stand apart.
    """
    for service in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda"):
        recorded(client, text=f"TimeoutError: {service} did not answer the ranking call")
    indexed(client)
    answer = advise(client, text="TimeoutError: omega did not answer the ranking call")
    evidence = answer["evidence"]
    own = [each["similarity"] for each in evidence if each["source"] == "incident"]

    assert MOST_EVIDENCE == len(evidence) == len({each["precedent_id"] for each in evidence})
    assert max(own) == own[0]
    assert all(0.0 <= each["similarity"] <= 1.0 for each in evidence)


def test_dry_run_records_nothing(client: httpx.Client) -> None:
    """The same advice, and no trace of it."""
    answer = advise(client, text=SLOW_DOWN, dry_run=True)

    assert (None, None, "transient") == (answer["advice_id"], answer["incident_id"], answer["verdict"])
    assert [] == listed(client)
    assert not advise(client, text=SLOW_DOWN, dry_run=True)["seen_before"]


def test_workspaces_do_not_see_each_other(client_of: MakeClient, workspace: str) -> None:
    """What one recorded is neither read, listed, found nor weighed in another."""
    mine, theirs = client_of(f"{workspace}-a"), client_of(f"{workspace}-b")
    said = recorded(mine, text="quorum of the pear cluster lost", verdict="genuine", cause="hardware")
    indexed(mine)
    answer = advise(theirs, text="quorum of the pear cluster lost", dry_run=True)
    found = theirs.get("/search", params={"q": "quorum of the pear cluster lost"}).json()["results"]

    problem(theirs.get(f"/incidents/{said['id']}"), 404)
    problem(theirs.get(f"/precedents/{said['precedent_id']}"), 404)
    assert [] == listed(theirs)
    assert {"starter"} == {each["source"] for each in (*found, *answer["evidence"])}


def test_starter_precedents_are_read_in_every_workspace(client: httpx.Client) -> None:
    """With the sources that say so; they are changed by nobody."""
    nearest = advise(client, text=SLOW_DOWN, dry_run=True)["evidence"][0]
    precedent = checked(client.get(f"/precedents/{nearest['precedent_id']}"), PrecedentAnswer)
    change = client.patch(
        f"/precedents/{precedent['id']}", json={"verdict": "genuine"}, headers={"If-Match": f'"{precedent["version"]}"'}
    )

    assert ("starter", nearest["title"]) == (precedent["source"], precedent["title"])
    assert precedent["sources"]
    problem(change, 404, 409)


def test_external_id_twice_is_one_incident(client: httpx.Client) -> None:
    """The second answer is the first one."""
    first, second = (advise(client, text=SLOW_DOWN, external_id="ticket 8") for _ in range(2))

    assert first == second
    assert [first["incident_id"]] == [each["id"] for each in listed(client)]


def test_advice_for_what_was_imported(client: httpx.Client) -> None:
    """The incident is there already: the advice is its first, and it is not counted twice."""
    recorded(client, external_id="ticket 9")
    answer = advise(client, text=SLOW_DOWN, external_id="ticket 9")

    assert [answer["incident_id"]] == [each["id"] for each in listed(client)]
    assert answer["advice_id"]


async def test_fifty_at_once_are_one_precedent(crowd: httpx.AsyncClient) -> None:
    """All are answered, every one is an incident, nothing is counted twice or lost."""

    async def report(number: int) -> Document:
        failure = {"text": f"ValueError: shard {number} of the plum index is torn", "run_id": f"r-{number}"}
        return checked(await crowd.post("/advise", json=failure), AdviceAnswer)

    answers = await asyncio.gather(*(report(number) for number in range(50)))
    page = (await crowd.get("/incidents", params={"limit": 200})).json()["incidents"]
    precedent = (await crowd.get(f"/precedents/{answers[0]['precedent']['id']}")).json()

    assert 1 == len({each["precedent"]["id"] for each in answers})
    assert {each["incident_id"] for each in answers} == {each["id"] for each in page}
    assert (50, 50) == (len(page), precedent["occurrences"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "boom", "colour": "red"}, "colour"),
        ({"error": {"type": "E", "messsage": "typo"}}, "error.messsage"),
        ({"text": "boom", "attempt": 0}, "attempt"),
        ({"text": "boom", "spent": {"gpu_hours": -1}}, "spent.gpu_hours"),
        ({"text": "boom", "occurred_at": "yesterday"}, "occurred_at"),
        ({"text": "boom", "verdict": "transient"}, "verdict"),
        ({"text": "boom", "pipeline": ""}, "pipeline"),
        ({"text": 7}, "text"),
        ({}, "body"),
        ([], "body"),
    ],
)
def test_refusals_name_the_field(client: httpx.Client, body: object, field: str) -> None:
    """A misspelt field is not lost in silence."""
    refused = problem(client.post("/advise", json=body), 422)

    assert field in fields_of(refused)
    assert refused["errors"][0]["problem"] in refused["detail"]


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 65, "ümlaut", "a/b", "$starter"])
def test_names_that_no_workspace_can_have(service_url: str, name: str) -> None:
    """Refused with the header's name; an empty header is the default workspace."""
    headers = {"X-Workspace": name.encode()}
    response = httpx.post(f"{service_url}/advise?dry_run=true", json={"text": "boom"}, headers=headers)

    if not name:
        checked(response, AdviceAnswer)
        return
    assert ["X-Workspace"] == fields_of(problem(response, 422))
