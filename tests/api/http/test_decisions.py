"""Decision records over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.models import IncidentAnswer
from api.models_decisions import DecisionAnswer, DecisionPage, FoundDecisions
from tests.api.http.asking import checked, fields_of, problem
from tests.api.http.conftest import MakeClient

DECISION = {
    "agent": "tuner",
    "kind": "hyperparameters",
    "choice": {"learning_rate": [0.0001, 0.003]},
    "rationale": "Step sizes above 3e-3 diverge within two epochs.",
    "step": "hpo",
}
REASON = {"metric": "precision@90recall", "observed": 0.83, "comparison": "below", "threshold": 0.85}
REFUSED = DECISION | {"kind": "release", "choice": {"released": False}, "reasons": [REASON]}


@pytest.fixture
def run(client: httpx.Client) -> str:
    """The address of a run's decisions."""
    client.put("/runs/r", json={"pipeline": "fraud-training", "status": "running"}).raise_for_status()
    return "/runs/r/decisions"


def test_recording_and_reading(client: httpx.Client, run: str) -> None:
    """What was answered is what is read."""
    made = checked(client.post(run, json=DECISION), DecisionAnswer, status=201)
    page = checked(client.get(run), DecisionPage)

    assert {"decisions": [made], "next": None} == page
    assert DECISION == {name: made[name] for name in DECISION}
    assert ("r", "fraud-training", [], None) == (
        made["run_id"],
        made["pipeline"],
        made["reasons"],
        made["incident_id"],
    )


def test_pages(client: httpx.Client, run: str) -> None:
    """Oldest first, each once."""
    made = [client.post(run, json=DECISION | {"kind": f"k{number}"}).json()["id"] for number in range(5)]
    read, cursor = [], None
    while True:
        page = client.get(run, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        read += [each["id"] for each in page["decisions"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert made == read


def test_search(client: httpx.Client, client_of: MakeClient, run: str) -> None:
    """By meaning; by filters; in this workspace."""
    client.post(run, json=DECISION)
    choice = {"dropped": ["country"]}
    features = {"agent": "curator", "kind": "features", "choice": choice, "rationale": "The country leaks the label."}
    client.post(run, json=DECISION | features)
    asked = {"q": "has this learning-rate region been explored?"}
    found = checked(client.get("/decisions", params=asked), FoundDecisions)["results"]
    kept = client.get("/decisions", params=asked | {"agent": "curator"}).json()["results"]

    assert ["hyperparameters", "features"] == [each["kind"] for each in found]
    assert found[0]["similarity"] > found[1]["similarity"]
    assert ["features"] == [each["kind"] for each in kept]
    assert ["features", "hyperparameters"] == [each["kind"] for each in client.get("/decisions").json()["results"]]
    assert [] == client.get("/decisions", params=asked | {"pipeline": "other"}).json()["results"]
    assert [] == client_of("others").get("/decisions", params=asked).json()["results"]


def test_refused_release(client: httpx.Client, run: str) -> None:
    """Is an incident that can be read."""
    made = checked(client.post(run, json=REFUSED), DecisionAnswer, status=201)
    incident = checked(client.get(f"/incidents/{made['incident_id']}"), IncidentAnswer)

    assert [REASON | {"holds": True}] == made["reasons"]
    assert ("genuine", "model_quality", "r") == (incident["verdict"], incident["cause"], incident["run_id"])
    assert "Release refused: precision@90recall 0.83 is below 0.85" == incident["text"]


def test_refused_for_what_does_not_hold(client: httpx.Client, run: str) -> None:
    """Is kept and marked, and is no incident."""
    reason = REASON | {"observed": 0.93}
    made = checked(client.post(run, json=REFUSED | {"reasons": [reason]}), DecisionAnswer, status=201)

    assert ([reason | {"holds": False}], None) == (made["reasons"], made["incident_id"])
    assert [] == client.get("/incidents").json()["incidents"]


def test_idempotency_key(client: httpx.Client, run: str) -> None:
    """One decision, one incident."""
    answers = [client.post(run, json=REFUSED, headers={"Idempotency-Key": "k"}) for _ in range(3)]

    assert [201] * 3 == [each.status_code for each in answers]
    assert [answers[0].json()] * 3 == [each.json() for each in answers]
    assert (1, 1) == (len(client.get(run).json()["decisions"]), len(client.get("/incidents").json()["incidents"]))
    problem(client.post(run, json=DECISION, headers={"Idempotency-Key": "k"}), 409)


def test_unknown_run(client: httpx.Client) -> None:
    """Is named."""
    for answer in (client.post("/runs/r-404/decisions", json=DECISION), client.get("/runs/r-404/decisions")):
        assert "r-404" in problem(answer, 404)["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rationale": "  "}, "rationale"),
        ({"rationale": "x" * 20_001}, "rationale"),
        ({"agent": ""}, "agent"),
        ({"kind": "x" * 501}, "kind"),
        ({"choice": []}, "choice"),
        ({"choice": {"a": "x" * 16_000}}, "choice"),
        ({"choice": {"a": 2**70}}, "choice"),
        ({"choice": {"a": list(range(1_001))}}, "choice"),
        ({"reasons": [REASON | {"comparison": "under"}]}, "reasons.0.comparison"),
        ({"reasons": [REASON | {"observed": "high"}]}, "reasons.0.observed"),
        ({"reasons": [REASON] * 51}, "reasons"),
        ({"reason": REASON}, "reason"),
    ],
)
def test_bad_decisions(client: httpx.Client, run: str, change: dict[str, Any], field: str) -> None:
    """The field says what is wrong; nothing is kept."""
    refused = problem(client.post(run, json=DECISION | change), 422)

    assert [field] == fields_of(refused)
    assert [] == client.get(run).json()["decisions"]


def test_bad_questions(client: httpx.Client) -> None:
    """Neither empty nor endless; what is not known is refused."""
    for query in ({"q": ""}, {"q": "x" * 2_001}, {"limit": 0}, {"run": "r"}):
        problem(client.get("/decisions", params=query), 422)


def test_hostile_texts_are_kept_as_they_are(client: httpx.Client, run: str) -> None:
    """But for secrets."""
    text = "'; DROP TABLE runs; -- <script>alert(1)</script> \u202e ünïcödé 🔥 %s {0}"
    secret = "AKIA" + "Z7" * 8
    made = client.post(run, json=DECISION | {"rationale": f"{text} {secret}", "choice": {"'": text}}).json()

    assert text.replace("\u202e ", "") in made["rationale"].replace("\u202e ", "")
    assert secret not in client.get("/decisions", params={"q": text}).text
