"""Schemas over HTTP: those that ship, one that a user registers, and runs that keep to them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.models_schemas import DomainAnswer, DomainList, SchemaAnswer
from tests.api.http.asking import checked, fields_of, problem
from tests.api.http.conftest import MakeClient

FIRST = {
    "run": {"type": "object", "properties": {"lr": {"type": "number"}}, "additionalProperties": False},
    "step": {"required": ["rows"]},
}
SECOND = {
    "run": {"type": "object", "properties": {"rate": {"type": "number"}}, "additionalProperties": False},
    "upcast": [
        {"op": "rename", "from": "lr", "to": "rate"},
        {"op": "default", "path": "unit", "value": None, "part": "step"},
        {"op": "remove", "path": "rows"},
    ],
}


def registered(client: httpx.Client, *documents: dict[str, Any], domain: str = "own") -> None:
    """Versions of a domain, in order."""
    for version, document in enumerate(documents, start=1):
        checked(client.put(f"/schemas/{domain}/versions/{version}", json=document), SchemaAnswer, status=201)


def test_domains_that_ship(client: httpx.Client) -> None:
    """With all that one needs to write attributes."""
    listed = checked(client.get("/schemas"), DomainList)["schemas"]
    found = checked(client.get("/schemas/ml-pipeline"), DomainAnswer)

    assert ["customer-support", "data-engineering", "ml-pipeline"] == [each["domain"] for each in listed]
    assert (True, 2, [1, 2]) == (found["shipped"], found["latest"], [each["version"] for each in found["versions"]])
    assert "model" in found["versions"][0]["run"]["properties"]
    assert {"op": "rename", "from": "model", "to": "model.name", "part": "run"} in found["versions"][1]["upcast"]


def test_registering_a_domain(client: httpx.Client, client_of: MakeClient) -> None:
    """Version by version, in this workspace; the same again is answered as before."""
    registered(client, FIRST, SECOND)
    again = checked(client.put("/schemas/own/versions/2", json=SECOND), SchemaAnswer)
    found = checked(client.get("/schemas/own"), DomainAnswer)

    assert ("own", 2, SECOND["upcast"], None) == (again["domain"], again["version"], again["upcast"], again["step"])
    assert [FIRST["run"], SECOND["run"]] == [each["run"] for each in found["versions"]]
    assert False is found["shipped"]
    problem(client_of("others").get("/schemas/own"), 404)


def test_versions_are_never_changed(client: httpx.Client) -> None:
    """Nor skipped; nor added to what ships."""
    registered(client, FIRST)

    problem(client.put("/schemas/own/versions/1", json=SECOND | {"upcast": []}), 409)
    problem(client.put("/schemas/own/versions/3", json=SECOND), 409)
    problem(client.put("/schemas/ml-pipeline/versions/3", json=SECOND), 409)


def test_idempotency_key(client: httpx.Client) -> None:
    """The first answer again; another body under it is refused."""
    headers = {"Idempotency-Key": "k"}
    answers = [client.put("/schemas/own/versions/1", json=FIRST, headers=headers) for _ in range(2)]

    assert [201, 201] == [each.status_code for each in answers]
    assert answers[0].json() == answers[1].json()
    problem(client.put("/schemas/own/versions/1", json=SECOND, headers=headers), 409)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("own/versions/1", {"run": {"type": "nothing"}}, "run.type"),
        ("own/versions/1", {"run": {"propertis": {}}}, "run"),
        ("own/versions/1", {"run": {"$ref": "https://example.org"}}, "run.$ref"),
        ("own/versions/1", {"run": {}, "step": {"pattern": "(?!a)"}}, "step.pattern"),
        ("own/versions/1", {"run": {"type": []}}, "run.type"),
        ("own/versions/1", {"run": {"type": "string"}}, "run"),
        ("own/versions/1", {"run": {}, "step": {"allOf": [{"$ref": "#"}]}}, "step.allOf.0.$ref"),
        ("own/versions/1", {"run": {"required": ["a"], "additionalProperties": False}}, "run.required"),
        ("own/versions/1", {"run": {}, "upcast": [{"op": "remove", "path": "a"}]}, "upcast"),
        ("own/versions/1", {"run": {}, "upcast": [{"op": "rename", "from": "a", "to": "a"}]}, "upcast.0.to"),
        ("own/versions/1", {"run": {}, "upcast": [{"op": "drop", "path": "a"}]}, "upcast.0"),
        ("own/versions/1", {"run": {}, "upcast": [{"op": "default", "path": "a"}]}, "upcast.0.default.value"),
        ("own/versions/1", {"run": {}, "steps": {}}, "steps"),
        ("own/versions/1", {"run": True}, "run"),
        ("own/versions/1", {"step": {}}, "run"),
        ("own/versions/0", {"run": {}}, "path.version"),
        ("own/versions/101", {"run": {}}, "path.version"),
        ("Own/versions/1", {"run": {}}, "path.domain"),
    ],
)
def test_bad_schemas(client: httpx.Client, path: str, body: dict[str, Any], field: str) -> None:
    """The field says what is wrong."""
    assert [field] == fields_of(problem(client.put(f"/schemas/{path}", json=body), 422))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (SECOND | {"upcast": [{"op": "rename", "from": "rl", "to": "rate"}]}, "upcast.0.from"),
        (SECOND | {"upcast": [{"op": "remove", "path": "row", "part": "run"}]}, "upcast.0.path"),
        (SECOND | {"run": {"required": ["rate"]}}, "run.required"),
        (SECOND | {"step": {"required": ["rows"]}}, "step.required"),
    ],
)
def test_versions_that_do_not_follow(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    """What is brought up would not fit, or an operation would do nothing; the domain stays as it is."""
    registered(client, FIRST)

    assert [field] == fields_of(problem(client.put("/schemas/own/versions/2", json=body), 422))
    assert [1] == [each["version"] for each in client.get("/schemas/own").json()["versions"]]


def test_runs_of_a_domain_keep_to_its_schema(client: httpx.Client) -> None:
    """What does not is refused, with the field; nothing of it is kept."""
    registered(client, FIRST, SECOND)
    run = {"pipeline": "p", "status": "running", "domain": "own"}
    refused = problem(client.put("/runs/r", json=run | {"attributes": {"lr": 0.1}}), 422)
    wrong = problem(client.put("/runs/r", json=run | {"attributes": {"rate": "much"}}), 422)
    version = problem(client.put("/runs/r", json=run | {"attributes": {}, "schema_version": 3}), 422)
    unknown = problem(client.put("/runs/r", json=run | {"domain": "owm", "attributes": {}}), 422)

    assert ["attributes", "attributes.rate"] == [*fields_of(refused), *fields_of(wrong)]
    assert ["schema_version", "domain"] == [*fields_of(version), *fields_of(unknown)]
    assert "customer-support, data-engineering, ml-pipeline, own" in unknown["detail"]
    problem(client.get("/runs/r"), 404)


def test_writing_with_version_1_and_reading_with_version_2(client: httpx.Client) -> None:
    """Both agents live: each says its version, and neither waits for the other to be brought up to date."""
    registered(client, FIRST)
    run = {"pipeline": "p", "status": "running", "domain": "own", "schema_version": 1, "attributes": {"lr": 0.1}}
    step = {"owner": "a", "status": "running", "schema_version": 1, "attributes": {"rows": 5}}
    client.put("/runs/r", json=run).raise_for_status()
    client.put("/runs/r/steps/s", json=step).raise_for_status()
    client.put("/schemas/own/versions/2", json=SECOND).raise_for_status()
    old = client.get("/runs/r", params={"schema_version": 1}).json()
    new = client.get("/runs/r", params={"schema_version": 2}).json()
    late = client.put("/runs/late", json=run)
    client.put(
        "/runs/r", json=run | {"schema_version": 2, "attributes": {"rate": 0.2}}, headers={"If-Match": '"1"'}
    ).raise_for_status()
    refused = problem(client.get("/runs/r", params={"schema_version": 1}), 409)

    assert ({"lr": 0.1}, {"rate": 0.1}) == (old["attributes"], new["attributes"])
    assert ({"rows": 5}, {"unit": None}) == (old["steps"][0]["attributes"], new["steps"][0]["attributes"])
    assert 201 == late.status_code
    assert "written with version 2 of own and cannot be read as version 1" in refused["detail"]
