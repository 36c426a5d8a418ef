"""Query parameters: a misspelt one is refused on every call, before anything is done."""

from __future__ import annotations

import re

import httpx
import pytest

from api.reference import openapi
from tests.api.http.asking import fields_of, listed, problem, recorded

ID = "01890000-0000-7000-8000-000000000000"
#: Every call that is described, and the page that describes them.
CALLS = [
    *(
        (method.upper(), re.sub(r"{.*?}", ID, path))
        for path, methods in openapi()["paths"].items()
        for method in methods
    ),
    ("GET", "/docs"),
]


@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda part: str(part))
def test_unknown_parameter_is_refused(client: httpx.Client, method: str, path: str) -> None:
    """On every call, by its name."""
    refused = client.request(method, path, params={"colour": "red"}, json={"text": "boom"} if method != "GET" else None)

    assert ["query.colour"] == fields_of(problem(refused, 422))
    assert [] == listed(client)


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
