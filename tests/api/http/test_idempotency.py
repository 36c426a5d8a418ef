"""`Idempotency-Key`: a write is done at most once, however often it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.http.asking import SLOW_DOWN, fields_of, listed, problem, recorded
from tests.api.http.conftest import MakeClient

WRITES = ["/advise", "/incidents"]


def send(client: httpx.Client, path: str, key: str, **body: Any) -> httpx.Response:
    """A write under a key."""
    return client.post(path, json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("path", WRITES)
def test_same_request_twice_is_one_row_and_one_answer(client: httpx.Client, path: str) -> None:
    """What was answered first is answered again."""
    first, second = (send(client, path, "k-1", text=SLOW_DOWN) for _ in range(2))

    assert (200, first.json()) == (second.status_code, second.json())
    assert 1 == len(listed(client))


@pytest.mark.parametrize("path", WRITES)
def test_other_body_under_the_same_key_is_refused(client: httpx.Client, path: str) -> None:
    """It is another request; the first one stands. The same holds for another route."""
    send(client, path, "k-1", text=SLOW_DOWN)
    other = "/incidents" if path == "/advise" else "/advise"

    problem(send(client, path, "k-1", text="something else"), 409)
    problem(send(client, other, "k-1", text=SLOW_DOWN), 409)
    assert 1 == len(listed(client))


@pytest.mark.parametrize("path", WRITES)
async def test_two_at_once_are_one_row(crowd: httpx.AsyncClient, path: str) -> None:
    """All get the answer of the one that came first."""
    body, headers = {"text": SLOW_DOWN}, {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(crowd.post(path, json=body, headers=headers) for _ in range(8)))
    page = (await crowd.get("/incidents")).json()["incidents"]

    assert {200} == {answer.status_code for answer in answers}
    assert 1 == len(page)
    assert [answers[0].json()] * 8 == [answer.json() for answer in answers]


def test_outcome_and_resolution_take_keys(client: httpx.Client) -> None:
    """What follows an incident is written once as well."""
    said = recorded(client)
    for path, body in (("outcome", {"result": "failed"}), ("resolution", {"summary": "Restarted it."})):
        first, second = (send(client, f"/incidents/{said['id']}/{path}", path, **body) for _ in range(2))
        assert (200, first.json()) == (second.status_code, second.json())


def test_correction_repeated_under_its_key_is_answered_again(client: httpx.Client) -> None:
    """Though the version that it builds on has passed meanwhile: by itself."""
    said = recorded(client)
    path = f"/precedents/{said['precedent_id']}"
    headers = {"Idempotency-Key": "k-1", "If-Match": client.get(path).headers["etag"]}
    first, second = (client.patch(path, json={"verdict": "genuine"}, headers=headers) for _ in range(2))

    assert (200, 200, first.json()) == (first.status_code, second.status_code, second.json())
    assert first.headers["etag"] == second.headers["etag"]


def test_refused_request_does_not_use_its_key_up(client: httpx.Client) -> None:
    """Mended, it may be sent again under the same key."""
    problem(send(client, "/incidents", "k-1", text=""), 422)

    assert 200 == send(client, "/incidents", "k-1", text=SLOW_DOWN).status_code


def test_keys_belong_to_a_workspace(client_of: MakeClient, workspace: str) -> None:
    """Two teams may choose the same key."""
    answers = [send(client_of(f"{workspace}-{name}"), "/advise", "k-1", text=SLOW_DOWN).json() for name in "ab"]

    assert answers[0]["incident_id"] != answers[1]["incident_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tbed"])
def test_keys_that_cannot_be(client: httpx.Client, key: str) -> None:
    """Refused with the header's name."""
    assert ["Idempotency-Key"] == fields_of(problem(send(client, "/advise", key, text=SLOW_DOWN), 422))
    assert [] == listed(client)
