"""Proposed resolutions over HTTP: they count nowhere until a person has accepted them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.models import AdviceAnswer
from api.models_proposals import ProposalAnswer, ProposalPage
from tests.api.http.asking import Document, checked, fields_of, indexed, problem, recorded

SUMMARY = "Pin the quokka driver to 7.3 and restart the feature store"
BOOM = "QuokkaError: feature store handshake failed in phase seven"
ACCEPT, REJECT = {"author": "ana", "reason": "it held for a week"}, {"author": "ana"}


@pytest.fixture
def incident(client: httpx.Client) -> Document:
    """An incident of the workspace."""
    return recorded(client, text=BOOM, environment={"driver": "7.2"})


def propose(client: httpx.Client, incident: Document, **given: Any) -> httpx.Response:
    """A proposal for it."""
    body = {"summary": SUMMARY, "action": "fix_then_rerun", "verdict": "genuine", "cause": "dependency"}
    return client.post("/resolutions", json={**body, "incident_id": incident["id"], "author": "an agent", **given})


def proposed(client: httpx.Client, incident: Document, **given: Any) -> Document:
    """The same, taken."""
    return checked(propose(client, incident, **given), ProposalAnswer, status=201)


def listed(client: httpx.Client, **query: Any) -> list[Document]:
    """Proposals as they are listed."""
    found: list[Document] = checked(client.get("/resolutions", params=query), ProposalPage)["resolutions"]
    return found


def known(client: httpx.Client, incident: Document) -> Document:
    """All that is told of the incident's precedent, wherever it is told, once the index has all of it."""
    indexed(client)
    advice = checked(client.post("/advise", params={"dry_run": True}, json={"text": BOOM}), AdviceAnswer)
    other = checked(client.post("/advise", params={"dry_run": True}, json={"text": f"again: {BOOM} (7)"}), AdviceAnswer)
    precedent = client.get(f"/precedents/{incident['precedent_id']}").json()
    found = client.get("/search", params={"q": SUMMARY}).json()["results"]
    return {
        "advice": {name: advice[name] for name in ("verdict", "confidence", "cause", "decision", "strategy")},
        "neighbour": {name: other[name] for name in ("verdict", "confidence", "cause")},
        "evidence": [each["resolution"] for each in advice["evidence"] + other["evidence"]],
        "precedent": precedent,
        "incident": client.get(f"/incidents/{incident['id']}").json(),
        "found": [each["resolution"] for each in found if each["source"] == "incident"],
        "resolved": client.get("/search", params={"q": BOOM, "resolved": True, "pipeline": "x"}).json(),
        "judged": client.get("/calibration").json(),
    }


def test_a_proposal_counts_nowhere(client: httpx.Client, incident: Document) -> None:
    """Not in evidence, advice, search, the precedent, the incident, calibration or the index."""
    before = known(client, incident)
    proposal = proposed(client, incident, fixed_in={"driver": "7.3"})
    after = known(client, incident)

    assert before == after
    assert ("proposed", "an agent", None, None) == tuple(
        proposal[name] for name in ("state", "proposed_by", "decided_by", "decided_at")
    )
    assert incident["precedent_id"] == proposal["precedent_id"]


def test_an_accepted_one_counts_as_if_it_had_been_said_then(client: httpx.Client, incident: Document) -> None:
    """Under its own id, by who proposed it; the history says who accepted it and why."""
    proposal = proposed(client, incident, fixed_in={"driver": "7.3"})
    accepted = checked(client.post(f"/resolutions/{proposal['id']}/accept", json=ACCEPT), ProposalAnswer)
    after = known(client, incident)

    assert ("accepted", "ana", "it held for a week") == tuple(
        accepted[name] for name in ("state", "decided_by", "reason")
    )
    assert [(proposal["id"], SUMMARY, "an agent", {"driver": "7.3"})] == [
        (each["id"], each["summary"], each["author"], each["fixed_in"]) for each in after["precedent"]["resolutions"]
    ]
    assert ("genuine", "dependency") == (after["advice"]["verdict"], after["advice"]["cause"])
    assert "genuine" == after["incident"]["verdict"]
    assert SUMMARY in after["evidence"] and [SUMMARY] == after["found"]
    changes = client.get(f"/precedents/{incident['precedent_id']}/history").json()["changes"]
    assert [("resolution.accepted", "ana", "it held for a week", False)] == [
        (each["action"], each["author"], each["reason"], each["undoable"]) for each in changes
    ]


def test_a_rejected_one_never_counts(client: httpx.Client, incident: Document) -> None:
    """It is kept with who rejected it, and cannot be accepted afterwards, nor proposed anew in the same words."""
    before = known(client, incident)
    proposal = proposed(client, incident)
    rejected = checked(client.post(f"/resolutions/{proposal['id']}/reject", json=REJECT), ProposalAnswer)
    late = client.post(f"/resolutions/{proposal['id']}/accept", json=ACCEPT)
    again = proposed(client, incident, action="retry_now")

    assert ("rejected", "ana") == (rejected["state"], rejected["decided_by"])
    assert "It was rejected already." == problem(late, 409)["detail"]
    assert rejected == again
    assert before == known(client, incident)


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_deciding_twice_is_deciding_once(client: httpx.Client, incident: Document, decision: str) -> None:
    """A click that is repeated changes nothing, whoever repeats it."""
    path = f"/resolutions/{proposed(client, incident)['id']}/{decision}"
    first, second = (client.post(path, json={"author": name}).json() for name in ("ana", "ben"))

    assert first == second
    assert 1 == len(client.get(f"/precedents/{incident['precedent_id']}/history").json()["changes"])


@pytest.mark.parametrize("author", [None, " ", "an agent"])
def test_another_person_accepts(client: httpx.Client, incident: Document, author: str | None) -> None:
    """Somebody has to say who they are, and it is not who proposed it."""
    proposal = proposed(client, incident)
    refused = client.post(f"/resolutions/{proposal['id']}/accept", json={"author": author})

    assert ["author"] == fields_of(problem(refused, 409 if author == "an agent" else 422))
    assert ["proposed"] == [each["state"] for each in listed(client)]


def test_who_proposed_it_may_take_it_back(client: httpx.Client, incident: Document) -> None:
    """By rejecting it."""
    proposal = proposed(client, incident)

    assert 200 == client.post(f"/resolutions/{proposal['id']}/reject", json={"author": "an agent"}).status_code


def test_the_same_proposal_is_one(client: httpx.Client, incident: Document) -> None:
    """Agents repeat themselves."""
    first, second = proposed(client, incident), proposed(client, incident)
    other = proposed(client, incident, summary="Something else")

    assert first == second
    assert [other["id"], first["id"]] == [each["id"] for each in listed(client)]


def test_lists_by_state_and_precedent_in_pages(client: httpx.Client, incident: Document) -> None:
    """Newest first; the cursor leads through all of them once."""
    elsewhere = recorded(client, text="KeyError: 'an altogether different failure'")
    made = [proposed(client, incident, summary=f"Try {number}")["id"] for number in range(5)]
    made.append(proposed(client, elsewhere)["id"])
    client.post(f"/resolutions/{made[0]}/accept", json=ACCEPT).raise_for_status()
    client.post(f"/resolutions/{made[1]}/reject", json=REJECT).raise_for_status()
    pages, query = [], {"limit": 2}
    while True:
        page = checked(client.get("/resolutions", params=query), ProposalPage)
        pages.append([each["id"] for each in page["resolutions"]])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert [[made[5], made[4]], [made[3], made[2]]] == pages
    assert [made[0]] == [each["id"] for each in listed(client, state="accepted")]
    assert [made[1]] == [each["id"] for each in listed(client, state="rejected")]
    assert [made[5]] == [each["id"] for each in listed(client, precedent=elsewhere["precedent_id"])]


def test_proposals_follow_their_incident_through_a_merge(client: httpx.Client, incident: Document) -> None:
    """Accepted afterwards, one is a resolution of the precedent that lives."""
    elsewhere = recorded(client, text="KeyError: 'an altogether different failure'")
    proposal = proposed(client, elsewhere)
    read = client.get(f"/precedents/{incident['precedent_id']}")
    joined = client.post(
        f"/precedents/{incident['precedent_id']}/merge",
        json={"precedents": [elsewhere["precedent_id"]]},
        headers={"If-Match": read.headers["etag"]},
    )
    accepted = checked(client.post(f"/resolutions/{proposal['id']}/accept", json=ACCEPT), ProposalAnswer)
    resolutions = client.get(f"/precedents/{incident['precedent_id']}").json()["resolutions"]

    assert 200 == joined.status_code
    assert incident["precedent_id"] == accepted["precedent_id"]
    assert [SUMMARY] == [each["summary"] for each in resolutions]


def test_secrets_are_scrubbed_from_proposals(client: httpx.Client, incident: Document) -> None:
    """Of all that is said: agents paste what worked, keys included."""
    secret = f"AKIA{uuid4().hex[:16].upper()}"
    proposal = proposed(client, incident, summary=f"export AWS_ACCESS_KEY_ID={secret}", author=f"key {secret}")
    decided = client.post(f"/resolutions/{proposal['id']}/reject", json={"author": "ana", "reason": f"holds {secret}"})

    assert secret not in str(proposal) + decided.text + client.get("/resolutions?state=rejected").text


def test_what_cannot_be_decided_is_refused(client: httpx.Client, incident: Document) -> None:
    """Nobody's incident, nobody's proposal, another workspace's, and a state that there is not."""
    proposal, nobody = proposed(client, incident), uuid4()

    problem(propose(client, {"id": str(nobody)}), 404)
    problem(client.post(f"/resolutions/{nobody}/accept", json=ACCEPT), 404)
    other = {"X-Workspace": f"other-{uuid4().hex[:16]}"}
    problem(client.post(f"/resolutions/{proposal['id']}/accept", json=ACCEPT, headers=other), 404)
    assert [] == client.get("/resolutions", headers=other).json()["resolutions"]
    assert ["query.state"] == fields_of(problem(client.get("/resolutions?state=maybe"), 422))
    assert ["sumary"] == fields_of(problem(propose(client, incident, sumary="x"), 422))


def test_idempotency_keys_hold_for_decisions(client: httpx.Client, incident: Document) -> None:
    """As for every other write."""
    path, key = f"/resolutions/{proposed(client, incident)['id']}/accept", {"Idempotency-Key": "k-1"}
    first = client.post(path, json=ACCEPT, headers=key)

    assert first.json() == client.post(path, json=ACCEPT, headers=key).json()
    problem(client.post(path, json={"author": "ben"}, headers=key), 409)
