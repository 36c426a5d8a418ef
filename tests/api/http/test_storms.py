"""Storms over HTTP: told in the advice, listed in pages."""

from __future__ import annotations

import httpx
import pytest

from api.models import AdviceAnswer, IncidentAnswer, IncidentPage
from api.models_storms import StormPage
from tests.api.http.asking import Document, checked, fields_of, problem


def storm(client: httpx.Client, text: str) -> Document:
    """Three runs are hit by the same; what the last of them is told."""
    for run in range(3):
        body = {"text": text, "run_id": f"r-{run}", "attempt": 1}
        answer = checked(client.post("/advise", json=body), AdviceAnswer)
    return answer


def test_storm_is_told_and_listed(client: httpx.Client) -> None:
    """With its canary, and after its outcome as recovered."""
    answer = storm(client, "PlumError: the lease is lost")
    active = checked(client.get("/storms", params={"active": True}), StormPage)["storms"]
    incident = checked(client.get(f"/incidents/{answer['incident_id']}"), IncidentAnswer)
    client.post(
        f"/incidents/{answer['incident_id']}/outcome", json={"result": "succeeded", "attempt": 2}
    ).raise_for_status()
    [over] = checked(client.get("/storms"), StormPage)["storms"]

    assert ("active", "canary", 3, 3) == tuple(answer["storm"][name] for name in ("state", "role", "runs", "incidents"))
    assert [answer["storm"]["id"]] == [each["id"] for each in active] == [incident["storm_id"]]
    assert {"incident_id": answer["incident_id"], "pipeline": None, "run_id": "r-2"} == active[0]["canary"]
    assert ("recovered", True, None) == (over["state"], over["ended_at"] is not None, over["next_try_at"])
    assert [] == checked(client.get("/storms", params={"active": True}), StormPage)["storms"]


def test_pages_show_every_storm_once(client: httpx.Client) -> None:
    """The latest first."""
    texts = [f"{fruit}Error: nothing left" for fruit in ("Plum", "Pear", "Kiwi", "Fig", "Quince")]
    made = [storm(client, text)["storm"]["id"] for text in texts]
    seen: list[str] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = checked(client.get("/storms", params={"limit": 2, **cursor}), StormPage)
        seen += [each["id"] for each in page["storms"]]
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert made[::-1] == seen


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"active": "maybe"}, "query.active"),
        ({"limit": 0}, "query.limit"),
        ({"cursor": "x"}, "cursor"),
        ({"since": "2026-01-01T00:00:00Z"}, "query.since"),
    ],
)
def test_refusals_name_the_parameter(client: httpx.Client, query: dict[str, str], field: str) -> None:
    """As everywhere."""
    assert [field] == fields_of(problem(client.get("/storms", params=query), 422))


def test_incidents_of_a_storm_are_listed(client: httpx.Client) -> None:
    """All that it hit, those before it was seen too, and no other."""
    answer = storm(client, "MedlarError: the broker is gone")
    storm(client, "QuinceError: the broker is gone for good")
    [page] = [checked(client.get("/incidents", params={"storm": answer["storm"]["id"]}), IncidentPage)]

    assert ["r-2", "r-1", "r-0"] == [each["run_id"] for each in page["incidents"]]
