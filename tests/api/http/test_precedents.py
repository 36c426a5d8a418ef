"""Precedents over HTTP: read, and corrected, joined and parted by people."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.models import AdviceAnswer, PrecedentAnswer, ResolutionAnswer
from api.models_corrections import HistoryPage
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
        ("POST", "/undo", {"change": "01890000-0000-7000-8000-000000000000"}),
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
        ("POST", "/undo", {}, "change"),
        ("POST", "/undo", {"change": "latest"}, "change"),
        ("PATCH", "", {"resolution": {"summary": "s", "fixed_in": {"torch": 2.1}}}, "resolution.fixed_in.torch"),
        ("PATCH", "", {"resolution": {"summary": "s", "fixed_in": {"k": "v" * 501}}}, "resolution.fixed_in.k"),
        (
            "PATCH",
            "",
            {"resolution": {"summary": "s", "fixed_in": {str(n): "1" for n in range(21)}}},
            "resolution.fixed_in",
        ),
    ],
)
def test_refusals_name_the_field(
    client: httpx.Client, method: str, verb: str, body: dict[str, Any], field: str
) -> None:
    """Before anything is looked up."""
    nobody = {"id": str(uuid4()), "version": 1}

    assert [field] == fields_of(problem(change(client, nobody, verb, method=method, **body), 422))


def history(client: httpx.Client, id: str, **query: Any) -> Document:
    """A page of what was done to a precedent."""
    return checked(client.get(f"/precedents/{id}/history", params=query), HistoryPage)


def test_history_tells_who_when_why_and_what(client: httpx.Client) -> None:
    """Newest first, by pages."""
    before = precedent_of(client, "fig press jammed")
    change(client, before, method="PATCH", verdict="genuine", author="ana", reason="the press is worn")
    change(client, read(client, before["id"]), method="PATCH", cause="hardware", author="bob")
    first = history(client, before["id"], limit=1)
    second = history(client, before["id"], limit=1, cursor=first["next"])
    (entry,) = second["changes"]

    assert (["bob"], None) == ([each["author"] for each in first["changes"]], second["next"])
    assert ("precedent.patch", "ana", "the press is worn", [before["id"]], True) == (
        entry["action"],
        entry["author"],
        entry["reason"],
        entry["precedents"],
        entry["undoable"],
    )
    assert (None, "genuine") == (entry["before"]["verdict"], entry["after"]["verdict"])
    problem(client.get(f"/precedents/{uuid4()}/history"), 404)
    problem(client.get(f"/precedents/{before['id']}/history", params={"cursor": "x"}), 422)


def test_history_is_of_one_workspace(client: httpx.Client, client_of: Any) -> None:
    """Others are told that there is no such precedent, and can take nothing back."""
    before = precedent_of(client, "fig press unplugged")
    after = change(client, before, method="PATCH", verdict="genuine").json()
    entry = history(client, before["id"])["changes"][0]["id"]
    stranger = client_of("somebody-else")

    problem(stranger.get(f"/precedents/{before['id']}/history"), 404)
    problem(change(stranger, after, "/undo", change=entry), 404)
    assert "genuine" == read(client, before["id"])["verdict"]


def test_corrections_are_taken_back(client: httpx.Client) -> None:
    """A merge, its undo, and a change that stands in the way."""
    into, other = (precedent_of(client, text) for text in ("fig cart lost a wheel", "fig cart upside down"))
    merged = checked(change(client, into, "/merge", precedents=[other["id"]]), PrecedentAnswer)
    merge = history(client, other["id"])["changes"][0]
    parted = change(client, merged, "/undo", change=merge["id"], author="ana", reason="two carts")
    undo = history(client, into["id"])["changes"][0]
    again = checked(change(client, parted.json(), "/undo", change=undo["id"]), PrecedentAnswer)
    patched = checked(change(client, again, method="PATCH", verdict="genuine"), PrecedentAnswer)
    refused = change(client, patched, "/undo", change=history(client, into["id"])["changes"][1]["id"])

    assert [2, 1, 2] == [each["occurrences"] for each in (merged, checked(parted, PrecedentAnswer), again)]
    assert f'"{parted.json()["version"]}"' == parted.headers["etag"]
    assert ("precedent.undo", "ana", "two carts", merge["id"]) == (
        undo["action"],
        undo["author"],
        undo["reason"],
        undo["after"]["undone"],
    )
    assert "stands in the way" in problem(refused, 409)["detail"]
    problem(change(client, patched, "/undo", change=str(uuid4())), 404)


def test_undo_is_done_once(client: httpx.Client) -> None:
    """The same key again gets the same answer; without it the second finds that it was undone."""
    before = precedent_of(client, "fig barrel leaks")
    changed = checked(change(client, before, method="PATCH", verdict="genuine"), PrecedentAnswer)
    body = {"change": history(client, before["id"])["changes"][0]["id"]}
    headers = {"If-Match": f'"{changed["version"]}"', "Idempotency-Key": str(uuid4())}
    first, second = (client.post(f"/precedents/{before['id']}/undo", json=body, headers=headers) for _ in range(2))

    assert checked(first, PrecedentAnswer) == checked(second, PrecedentAnswer)
    problem(change(client, read(client, before["id"]), "/undo", **body), 409)


def test_regression_is_told(client: httpx.Client) -> None:
    """In the advice, at the precedent and in its history."""
    text, fixed_in = "fig scale off by a gram", {"image": "repo/scale:1.8"}
    incident = recorded(client, text=text)
    said = {"summary": "Calibrated the scale.", "verdict": "genuine", "fixed_in": fixed_in}
    told = checked(client.post(f"/incidents/{incident['id']}/resolution", json=said), ResolutionAnswer)
    older, newer = (
        checked(client.post("/advise", json={"text": text, "environment": {"image": image}}), AdviceAnswer)
        for image in ("repo/scale:1.7", "repo/scale:1.8")
    )
    after = read(client, incident["precedent_id"])

    assert (fixed_in, fixed_in) == (told["fixed_in"], after["fixed_in"])
    assert (None, {"fixed_in": fixed_in, "seen_in": fixed_in, "resolved_at": told["created_at"]}) == (
        older["regression"],
        newer["regression"],
    )
    assert "It was fixed in image repo/scale:1.8; you run repo/scale:1.7." in older["decision"]["reason"]
    assert after["regressed_at"] is not None
    assert "precedent.regressed" == history(client, after["id"])["changes"][0]["action"]


def test_imported_resolution_says_where_its_fix_is(client: httpx.Client) -> None:
    """On the line of its incident."""
    line = b'{"text": "fig label unreadable", "resolution": {"summary": "New printer.", "fixed_in": {"printer": "3"}}}'
    client.post("/incidents/import", content=line).raise_for_status()
    (incident,) = listed(client)

    assert {"printer": "3"} == read(client, incident["precedent_id"])["fixed_in"]
