"""Incidents over HTTP: recorded, read, listed in pages; their outcomes and resolutions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.models import IncidentAnswer, IncidentPage, OutcomeAnswer, PrecedentAnswer, ResolutionAnswer
from tests.api.http.asking import SLOW_DOWN, Document, checked, fields_of, listed, problem, recorded

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)


def said_of(client: httpx.Client, incident: Document) -> Document:
    """The precedent of an incident."""
    return checked(client.get(f"/precedents/{incident['precedent_id']}"), PrecedentAnswer)


def test_recorded_incident_is_read_again(client: httpx.Client) -> None:
    """What was stated counts for its precedent; nothing was advised yet."""
    resolution = {"summary": "Raised the quota.", "action": "retry_after_delay"}
    said = recorded(client, verdict="genuine", cause="resource_limit", resolution=resolution, run_id="r-1")
    read = checked(client.get(f"/incidents/{said['id']}"), IncidentAnswer)
    precedent = said_of(client, said)

    assert (None, False, []) == (read.pop("advice"), said.pop("duplicate"), said.pop("degraded"))
    assert said == read
    assert {"transient": 0, "genuine": 1} == precedent["stated"]
    assert [resolution["summary"]] == [each["summary"] for each in precedent["resolutions"]]


def test_unknown_verdict_states_nothing(client: httpx.Client) -> None:
    """It is the same as none."""
    said = recorded(client, text="boom: nobody knows", verdict="unknown")

    assert {"transient": 0, "genuine": 0} == said_of(client, said)["stated"]
    assert "unknown" == said["verdict"]


def test_external_id_twice_is_one_row(client: httpx.Client) -> None:
    """The second report says that it is a duplicate, of the same incident."""
    first, second = (recorded(client, external_id="ticket 1") for _ in range(2))

    assert (False, True) == (first["duplicate"], second["duplicate"])
    assert [first["id"]] == [second["id"]] == [each["id"] for each in listed(client)]


def test_pages_show_every_incident_once(client: httpx.Client) -> None:
    """Newest first, also where many happened at the same moment and others come in between."""
    for number in range(7):
        recorded(client, external_id=str(number), occurred_at=(NOON + timedelta(minutes=number // 3)).isoformat())
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while cursor is not None:
        page = checked(client.get("/incidents", params={"limit": 2, **cursor}), IncidentPage)
        seen += [each["external_id"] for each in page["incidents"]]
        recorded(client)
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert list("0123456") == sorted(seen)
    assert ["6"] == seen[:1]
    assert list("012") == sorted(seen[-3:])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"pipeline": "fraud"}, {"a", "b"}),
        ({"pipeline": "fraud", "step": "train"}, {"b"}),
        ({"run": "r-2"}, {"c"}),
        ({"verdict": "genuine"}, {"b"}),
        ({"verdict": "unknown"}, {"c"}),
        ({"cause": "rate_limit"}, {"a"}),
        ({"since": (NOON + timedelta(hours=1)).isoformat()}, {"b", "c"}),
        ({"until": (NOON + timedelta(hours=1)).isoformat()}, {"a"}),
        ({"pipeline": "nobody"}, set()),
    ],
)
def test_lists_are_filtered(client: httpx.Client, query: dict[str, str], expected: set[str]) -> None:
    """`since` counts in, `until` does not; the verdict is the precedent's."""
    hours = [(NOON + timedelta(hours=hour)).isoformat() for hour in range(3)]
    recorded(
        client,
        text="A one",
        pipeline="fraud",
        verdict="transient",
        cause="rate_limit",
        external_id="a",
        occurred_at=hours[0],
    )
    recorded(
        client, text="B two", pipeline="fraud", step="train", verdict="genuine", external_id="b", occurred_at=hours[1]
    )
    recorded(client, text="C three", run_id="r-2", external_id="c", occurred_at=hours[2])

    assert expected == {each["external_id"] for each in listed(client, **query)}


def test_list_of_a_precedent(client: httpx.Client) -> None:
    """Its incidents and no others."""
    first, _ = recorded(client, text="torn page in the plum index"), recorded(client)

    assert [first["id"]] == [each["id"] for each in listed(client, precedent=first["precedent_id"])]


def test_outcome_counts_for_the_precedent(client: httpx.Client) -> None:
    """An attempt ends one way: the second report of it is no second one."""
    said = recorded(client, text="lease of the plum index lost")
    path = f"/incidents/{said['id']}/outcome"
    first = checked(client.post(path, json={"result": "succeeded", "attempt": 2, "waited_s": 60}), OutcomeAnswer)
    again = checked(client.post(path, json={"result": "succeeded", "attempt": 2, "waited_s": 60}), OutcomeAnswer)
    checked(client.post(path, json={"result": "failed", "attempt": 3}), OutcomeAnswer)

    assert (first["id"], 60.0) == (again["id"], first["waited_s"])
    assert {
        "succeeded": 1,
        "failed": 1,
        "by_wait": [{"from_s": 60.0, "to_s": 240.0, "succeeded": 1, "failed": 0}],
        "by_attempt": [
            {"attempt": 2, "succeeded": 1, "failed": 0},
            {"attempt": 3, "succeeded": 0, "failed": 1},
        ],
    } == said_of(client, said)["retries"]


def test_resolution_gives_verdict_and_words(client: httpx.Client) -> None:
    """What fixed it is found later, by whom it was said."""
    said = recorded(client, text="schema drift in the plum feed")
    body = {"summary": "  Pin the feed.  ", "action": "fix_then_rerun", "verdict": "genuine", "cause": "data_quality"}
    answer = checked(
        client.post(f"/incidents/{said['id']}/resolution", json={**body, "author": "ana"}), ResolutionAnswer
    )
    precedent = said_of(client, said)

    assert ("Pin the feed.", "ana", said["id"]) == (answer["summary"], answer["author"], answer["incident_id"])
    assert [answer] == precedent["resolutions"]
    assert ("genuine", "data_quality") == (precedent["verdict"], precedent["cause"])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("outcome", {"result": "maybe"}, "result"),
        ("outcome", {"result": "failed", "attempt": 0}, "attempt"),
        ("outcome", {"result": "failed", "waited_s": -1}, "waited_s"),
        ("outcome", {"result": "failed", "when": "now"}, "when"),
        ("resolution", {"summary": "  "}, "summary"),
        ("resolution", {"summary": "ok", "action": "pray"}, "action"),
        ("resolution", {"summary": "ok", "verdict": "unknown"}, "verdict"),
        ("resolution", {"summary": "ok", "author": ""}, "author"),
        ("resolution", {}, "summary"),
    ],
)
def test_refusals_name_the_field(client: httpx.Client, path: str, body: dict[str, Any], field: str) -> None:
    """Nothing of such a request is recorded."""
    said = recorded(client)

    assert [field] == fields_of(problem(client.post(f"/incidents/{said['id']}/{path}", json=body), 422))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "/outcome", {"result": "failed"}),
        ("POST", "/resolution", {"summary": "Restarted."}),
    ],
)
def test_incident_that_is_not_there(client: httpx.Client, method: str, path: str, body: object) -> None:
    """404, whatever is asked of it."""
    problem(client.request(method, f"/incidents/{uuid4()}{path}", json=body), 404)


@pytest.mark.parametrize("path", ["/advise", "/incidents"])
def test_clock_that_is_days_ahead(client: httpx.Client, path: str) -> None:
    """Is told so, with the service's own time: sent again without its time, the failure is taken."""
    ahead = datetime.now(UTC) + timedelta(days=3)
    refused = problem(client.post(path, json={"text": SLOW_DOWN, "occurred_at": ahead.isoformat()}), 422)
    told = datetime.fromisoformat(refused["service_time"])

    assert ["occurred_at"] == fields_of(refused)
    assert "more than a day ahead of the service's clock" in refused["detail"]
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
    assert client.post(path, json={"text": SLOW_DOWN}).is_success


def test_times_without_a_zone_are_utc(client: httpx.Client) -> None:
    """And others are turned into it."""
    plain, zoned = (
        recorded(client, text=SLOW_DOWN, occurred_at=given)["occurred_at"]
        for given in ("2020-03-01T10:00:00", "2020-03-01T12:00:00+02:00")
    )

    assert "2020-03-01T10:00:00Z" == plain == zoned
