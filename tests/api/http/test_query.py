"""Query parameters: a misspelt one is refused on every call, before anything is done."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.api.http.asking import fields_of, listed, problem, recorded

ID = "01890000-0000-7000-8000-000000000000"
CALLS = [
    ("POST", "/advise"),
    ("POST", "/incidents"),
    ("GET", "/incidents"),
    ("POST", "/incidents/import"),
    ("GET", f"/incidents/{ID}"),
    ("POST", f"/incidents/{ID}/outcome"),
    ("POST", f"/incidents/{ID}/resolution"),
    ("GET", f"/precedents/{ID}"),
    ("PATCH", f"/precedents/{ID}"),
    ("POST", f"/precedents/{ID}/merge"),
    ("POST", f"/precedents/{ID}/split"),
    ("POST", f"/precedents/{ID}/undo"),
    ("GET", f"/precedents/{ID}/history"),
    ("GET", "/runs"),
    ("GET", f"/runs/{ID}"),
    ("PUT", f"/runs/{ID}"),
    ("GET", f"/runs/{ID}/resume-point"),
    ("GET", f"/runs/{ID}/decisions"),
    ("POST", f"/runs/{ID}/decisions"),
    ("GET", f"/runs/{ID}/steps/{ID}"),
    ("PUT", f"/runs/{ID}/steps/{ID}"),
    ("POST", f"/runs/{ID}/steps/{ID}/hand-over"),
    ("GET", f"/runs/{ID}/steps/{ID}/sub-tasks/{ID}"),
    ("PUT", f"/runs/{ID}/steps/{ID}/sub-tasks/{ID}"),
    ("GET", "/sub-tasks/reusable"),
    ("GET", "/decisions"),
    ("GET", "/schemas"),
    ("GET", f"/schemas/{ID}"),
    ("PUT", f"/schemas/{ID}/versions/{ID}"),
    ("GET", "/storms"),
    ("GET", "/calibration"),
    ("GET", "/search"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
]


@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda part: str(part))
def test_unknown_parameter_is_refused(client: httpx.Client, method: str, path: str) -> None:
    """On every call, by its name."""
    refused = client.request(method, path, params={"colour": "red"}, json={"text": "boom"} if method != "GET" else None)

    assert ["query.colour"] == fields_of(problem(refused, 422))
    assert [] == listed(client)


def test_all_calls_are_tried(client: httpx.Client) -> None:
    """A new call is to be added here."""
    paths = client.get("/openapi.json").json()["paths"]
    described = {(method.upper(), re.sub(r"{.*?}", ID, path)) for path, methods in paths.items() for method in methods}

    assert described | {("GET", "/docs")} == set(CALLS)


def test_misspelt_dry_run_records_nothing(client: httpx.Client) -> None:
    """It is said what the call takes."""
    refused = problem(client.post("/advise", params={"dry_rum": "true"}, json={"text": "boom"}), 422)

    assert "'dry_rum': it takes dry_run." in refused["detail"]
    assert [] == listed(client)


def test_what_is_declared_is_taken(client: httpx.Client) -> None:
    """Also where a dependency declares it."""
    said = recorded(client, pipeline="nightly")

    assert [said["id"]] == [each["id"] for each in listed(client, pipeline="nightly", limit=1)]


def test_name_of_an_unknown_parameter_is_hostile(client: httpx.Client) -> None:
    """A secret in it is not told again, and it may be long."""
    refused = problem(client.get("/search", params={"q": "x", "password=hunter2" + "x" * 9_000: ""}), 422)

    assert "hunter2" not in refused["detail"]
    assert len(refused["detail"]) < 300
