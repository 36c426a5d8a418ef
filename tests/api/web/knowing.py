"""Arranging precedents that pages show: failures made up, told apart by a word."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx

from tests.api.http.asking import listed, recorded

Document = dict[str, Any]


def failure(word: str) -> str:
    """A failure that no other is, nor is documented."""
    return f"BarnLedgerError: the {word} ledger of the barn is torn at page 17"


def precedent(told: httpx.Client, word: str, *, times: int = 1, **incident: Any) -> Document:
    """Record a failure so many times; its precedent."""
    for _ in range(times):
        document = recorded(told, text=failure(word), **incident)
    found: Document = told.get(f"/precedents/{document['precedent_id']}").json()
    return found


def indexed(told: httpx.Client) -> None:
    """Wait until all that was recorded can be found."""
    answer = told.post(
        "/incidents/import?wait=indexed", content=b"", headers={"Content-Type": "application/x-ndjson"}, timeout=60
    )
    assert answer.json()["indexed"], answer.text


def imported(told: httpx.Client, incidents: Iterable[Document]) -> list[Document]:
    """Record many at once; what is listed then, newest first."""
    lines = b"\n".join(json.dumps(each).encode() for each in incidents)
    answer = told.post("/incidents/import", content=lines, headers={"Content-Type": "application/x-ndjson"}, timeout=60)
    assert [] == answer.json()["rejected"]
    return listed(told)


def resolved(told: httpx.Client, incident: str, summary: str, **fields: Any) -> None:
    """Say what fixed an incident."""
    answer = told.post(f"/incidents/{incident}/resolution", json={"summary": summary, **fields})
    assert 200 == answer.status_code, answer.text


def latest_incident(told: httpx.Client, precedent_id: str) -> str:
    """The id of the latest incident of a precedent."""
    found = told.get("/incidents", params={"precedent": precedent_id}).json()["incidents"]
    return str(found[0]["id"])
