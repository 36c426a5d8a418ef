"""Precedents over HTTP: read, and corrected, joined and parted by people."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.models import AdviceAnswer, PrecedentAnswer
from tests.api.http.asking import Document, checked, fields_of, listed, problem, recorded


def read(client: httpx.Client, id: str) -> Document:
    """A precedent; its ETag is its version."""
    response = client.get(f"/precedents/{id}")
    document = checked(response, PrecedentAnswer)
    assert f'"{document["version"]}"' == response.headers["etag"]
    return document


def change(
    client: httpx.Client, precedent: Document, verb: str = "", *, method: str = "POST", **body: Any
) -> httpx.Response:
    """A change that builds on what was read."""
    headers = {"If-Match": f'"{precedent["version"]}"'}
    return client.request(method, f"/precedents/{precedent['id']}{verb}", json=body, headers=headers)


def precedent_of(client: httpx.Client, text: str, **incident: Any) -> Document:
    """The precedent of a new incident."""
    return read(client, recorded(client, text=text, **incident)["precedent_id"])


def test_override_outweighs_what_was_counted(client: httpx.Client) -> None:
    """It is the verdict of the next advice, and taking it away brings the counts back."""
    before = precedent_of(client, "lease of the fig queue lost", verdict="transient", cause="contention")
    body = {"verdict": "genuine", "cause": "configuration", "action": "fix_then_rerun", "author": "ana"}
    patched = change(client, before, method="PATCH", **body, reason="misread")
    after = checked(patched, PrecedentAnswer)
    advice = client.post("/advise", json={"text": "lease of the fig queue lost"})
    cleared = checked(change(client, read(client, before["id"]), method="PATCH", verdict=None), PrecedentAnswer)

    assert ("genuine", "configuration", True) == (after["verdict"], after["cause"], after["verdict_overridden"])
    assert (f'"{after["version"]}"', True) == (patched.headers["etag"], after["version"] > before["version"])
    assert "genuine" == checked(advice, AdviceAnswer)["verdict"]
    assert ("transient", "configuration", False) == (
        cleared["verdict"],
        cleared["cause"],
        cleared["verdict_overridden"],
    )


def test_override_outlives_recurrence(client: httpx.Client) -> None:
    """However often the opposite is stated afterwards."""
    before = precedent_of(client, "fig queue drained too early")
    change(client, before, method="PATCH", verdict="genuine")
    for _ in range(3):
        recorded(client, text="fig queue drained too early", verdict="transient")

    assert ("genuine", 4) == (read(client, before["id"])["verdict"], read(client, before["id"])["occurrences"])


def test_resolution_of_the_precedent_as_a_whole(client: httpx.Client) -> None:
    """It belongs to no single incident."""
    said = {"summary": "Move the fig queue to the new broker.", "action": "fix_then_rerun"}
    before = precedent_of(client, "fig queue unreachable")
    after = checked(change(client, before, method="PATCH", resolution=said, author="ana"), PrecedentAnswer)

    assert [(said["summary"], "ana", None)] == [
        (each["summary"], each["author"], each["incident_id"]) for each in after["resolutions"]
    ]


def test_merged_precedents_are_one(client: httpx.Client) -> None:
    """Incidents, counts and addresses follow, and what recurs of either belongs to it."""
    into = precedent_of(client, "Fig broker: heartbeat missed")
    other = precedent_of(client, "Fig broker: session gone")
    merged = checked(change(client, into, "/merge", precedents=[other["id"]], author="ana"), PrecedentAnswer)
    again = recorded(client, text="Fig broker: session gone")

    assert (2, 2) == (len(merged["signatures"]), merged["occurrences"])
    assert into["id"] == again["precedent_id"] == read(client, other["id"])["id"]
    assert {into["id"]} == {each["precedent_id"] for each in listed(client)}


def test_split_precedents_stay_apart(client: httpx.Client) -> None:
    """The parted signature takes its incidents along, and recurs apart."""
    into = precedent_of(client, "Fig broker: quota spent")
    other = precedent_of(client, "Fig broker: clock skew")
    merged = checked(change(client, into, "/merge", precedents=[other["id"]]), PrecedentAnswer)
    parted = checked(
        change(client, merged, "/split", fingerprints=[other["signatures"][0]["fingerprint"]]), PrecedentAnswer
    )
    again = recorded(client, text="Fig broker: clock skew")

    assert other["signatures"] == parted["signatures"]
    assert (parted["id"], 1) == (again["precedent_id"], read(client, into["id"])["occurrences"])
    assert 2 == read(client, parted["id"])["occurrences"]


@pytest.mark.parametrize(
    ("method", "verb", "body"),
    [
        ("PATCH", "", {"verdict": "genuine"}),
        ("POST", "/merge", {"precedents": ["01890000-0000-7000-8000-000000000000"]}),
        ("POST", "/split", {"fingerprints": ["f" * 32]}),
    ],
)
def test_changes_build_on_what_was_read(client: httpx.Client, method: str, verb: str, body: dict[str, Any]) -> None:
    """428 without If-Match, 412 with a version that has passed, was never, or cannot be one."""
    before = precedent_of(client, "fig broker out of file handles")
    if "precedents" in body:
        body = {"precedents": [precedent_of(client, "fig broker out of memory")["id"]]}
    path = f"/precedents/{before['id']}{verb}"

    assert ["If-Match"] == fields_of(problem(client.request(method, path, json=body), 428))
    for given in ('"999"', "*", "7", '"x"', ""):
        problem(client.request(method, path, json=body, headers={"If-Match": given}), 412)
    star = client.request(method, path, json=body, headers={"If-Match": "*"})
    assert "send the ETag of the row that you have read" in problem(star, 412)["detail"]
    assert before == read(client, before["id"])


def test_second_change_on_the_same_reading_is_refused(client: httpx.Client) -> None:
    """Nobody's correction is overwritten unseen."""
    before = precedent_of(client, "fig broker certificate expired")
    first, second = (change(client, before, method="PATCH", verdict=said) for said in ("genuine", "transient"))

    checked(first, PrecedentAnswer)
    problem(second, 412)
    assert "genuine" == read(client, before["id"])["verdict"]


def test_changes_that_contradict_what_is_stored(client: httpx.Client) -> None:
    """Into itself, of what is not there, of the last signature: refused, and nothing has changed."""
    before = precedent_of(client, "fig broker lost its leader")
    own = before["signatures"][0]["fingerprint"]

    assert ["precedents"] == fields_of(problem(change(client, before, "/merge", precedents=[before["id"]]), 422))
    problem(change(client, before, "/merge", precedents=[str(uuid4())]), 404)
    problem(change(client, before, "/split", fingerprints=["f" * 32]), 404, 409, 422)
    problem(change(client, before, "/split", fingerprints=[own]), 409, 422)
    assert before == read(client, before["id"])


@pytest.mark.parametrize(
    ("method", "verb", "body", "field"),
    [
        ("PATCH", "", {"verdict": "perhaps"}, "verdict"),
        ("PATCH", "", {"verdikt": "genuine"}, "verdikt"),
        ("PATCH", "", {"resolution": {"summary": ""}}, "resolution.summary"),
        ("POST", "/merge", {"precedents": []}, "precedents"),
        ("POST", "/merge", {"precedents": ["7"]}, "precedents.0"),
        ("POST", "/split", {"fingerprints": [""]}, "fingerprints.0"),
        ("POST", "/split", {}, "fingerprints"),
    ],
)
def test_refusals_name_the_field(
    client: httpx.Client, method: str, verb: str, body: dict[str, Any], field: str
) -> None:
    """Before anything is looked up."""
    nobody = {"id": str(uuid4()), "version": 1}

    assert [field] == fields_of(problem(change(client, nobody, verb, method=method, **body), 422))
