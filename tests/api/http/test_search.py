"""`GET /search` over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.models import SearchAnswer
from tests.api.http.asking import Document, checked, fields_of, indexed, problem, recorded


def search(client: httpx.Client, text: str, **query: Any) -> list[Document]:
    """The results."""
    results: list[Document] = checked(client.get("/search", params={"q": text, **query}), SearchAnswer)["results"]
    return results


def test_starter_precedents_are_found_by_meaning(client: httpx.Client) -> None:
    """A question in an engineer's own words."""
    titles = [each["title"] or "" for each in search(client, "the gpu ran out of memory during training", limit=5)]

    assert any("memory" in title.lower() for title in titles), titles


def test_own_precedent_is_found_by_word_and_by_resolution(client: httpx.Client) -> None:
    """By a word of its text, and by what fixed it, though the two share none."""
    said = recorded(
        client,
        text="QuinceError: ledger mismatch in partition 7",
        external_id="ticket 5",
        resolution={"summary": "Rebuild the kumquat manifest from the archive.", "action": "fix_then_rerun"},
    )
    indexed(client)

    for text in ("QuinceError ledger", "how to rebuild the kumquat manifest"):
        first = search(client, text)[0]
        assert (said["precedent_id"], "ticket 5") == (first["precedent_id"], first["external_id"])


def test_titles_are_searched(client: httpx.Client) -> None:
    """A failure is found by the words that people know it by, though no error says them; and it is said why."""
    texts = ("S3 sheds load on a prefix", "storage sheds load", "sheds load")
    found = [search(client, text, limit=1)[0] for text in texts]

    assert ["S3 sheds load on a prefix"] * 3 == [each["title"] for each in found]
    assert all("load" in each["same_because"] for each in found)


def test_causes_are_searched(client: httpx.Client) -> None:
    """By the name of a cause, which its text does not say."""
    said = recorded(client, text="QuinceError: ledger torn", cause="preemption")
    indexed(client)

    own = [each["precedent_id"] for each in search(client, "preemption", limit=100) if each["source"] == "incident"]
    assert [said["precedent_id"]] == own


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"verdict": "genuine"}, {"a"}),
        ({"cause": "network"}, {"b"}),
        ({"pipeline": "fraud"}, {"b"}),
        ({"resolved": True}, {"a"}),
        ({"resolved": False}, {"b"}),
        ({"since": "2020-01-01T00:00:00"}, {"a", "b"}),
        ({"since": "2999-01-01T00:00:00Z"}, set()),
    ],
)
def test_results_are_filtered(client: httpx.Client, query: dict[str, Any], expected: set[str]) -> None:
    """By what is known of the precedent."""
    fix = {"summary": "Repaired the ledger."}
    recorded(client, text="QuinceError: ledger torn", verdict="genuine", resolution=fix, external_id="a")
    recorded(client, text="QuinceError: ledger late", cause="network", pipeline="fraud", external_id="b")
    indexed(client)
    found = search(client, "QuinceError ledger", limit=100, **query)

    assert expected == {each["external_id"] for each in found if each["source"] == "incident"}


def test_limit_bounds_the_results(client: httpx.Client) -> None:
    """Best first, one a precedent."""
    found = search(client, "connection reset by peer", limit=3)
    more = search(client, "connection reset by peer", limit=50)

    assert 3 == len(found)
    assert found == more[:3]
    assert len(more) == len({each["precedent_id"] for each in more})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "query.q"),
        ({"q": ""}, "query.q"),
        ({"q": "  "}, "query.q"),
        ({"q": "x" * 20_001}, "query.q"),
        ({"q": "x", "limit": 0}, "query.limit"),
        ({"q": "x", "limit": 101}, "query.limit"),
        ({"q": "x", "verdict": "no"}, "query.verdict"),
        ({"q": "x", "since": "soon"}, "query.since"),
        ({"q": "x", "resolved": "perhaps"}, "query.resolved"),
    ],
)
def test_refusals_name_the_parameter(client: httpx.Client, query: dict[str, Any], field: str) -> None:
    """One that cannot be understood."""
    assert [field] == fields_of(problem(client.get("/search", params=query), 422))
