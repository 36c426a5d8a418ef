"""Lines of a history: read with what came to be known, bad ones with their number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from ingest.history import read_history
from knowledge.failures import Verdict
from knowledge.replaying import Past

LINE = {"text": "PearError: the ledger is torn", "occurred_at": "2026-03-01T08:00:00Z"}


def read(**fields: Any) -> Past:
    """One good line."""
    found = read_history([(1, orjson.dumps(LINE | fields))])
    assert () == found.problems
    return found.pasts[0]


def test_line_with_all_that_is_known() -> None:
    """An import's fields, and what is told of retries."""
    outcome = {"result": "failed", "attempt": 3, "waited_s": 60}
    past = read(verdict="genuine", outcome=outcome, retries=2, known_at="2026-03-02T09:00:00+01:00")

    assert (datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)) == (
        past.occurred_at,
        past.known_at,
    )
    assert past.outcome is not None
    assert ("failed", 3, 60.0, 2) == (past.outcome.result, past.outcome.attempt, past.outcome.waited_s, past.retries)


def test_time_without_a_zone_is_utc() -> None:
    """As in an import."""
    assert datetime(2026, 3, 1, 8, tzinfo=UTC) == read(occurred_at="2026-03-01T08:00:00").occurred_at


@pytest.mark.parametrize(
    ("fields", "truth"),
    [
        ({"verdict": "genuine", "outcome": {"result": "succeeded"}}, Verdict.GENUINE),
        ({"outcome": {"result": "succeeded"}}, Verdict.TRANSIENT),
        ({"verdict": "unknown", "outcome": {"result": "failed"}}, Verdict.GENUINE),
        ({"verdict": "unknown"}, None),
    ],
)
def test_truth(fields: dict[str, Any], truth: Verdict | None) -> None:
    """A person's word before the end of retries."""
    assert truth == read(**fields).truth


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"wasted_hours": 3.5, "retries": 2, "spent": {"gpu_hours": 10}}, 3.5),
        ({"retries": 2, "spent": {"gpu_hours": 10, "hours": 5}}, 20.0),
        ({"retries": 2, "spent": {"tokens": 10}}, None),
        ({"spent": {"gpu_hours": 10}}, None),
        ({"retries": 2}, None),
    ],
)
def test_hours(fields: dict[str, Any], hours: float | None) -> None:
    """As counted; else each retry costs what was spent until it failed."""
    assert hours == read(**fields).hours


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "JSON"),
        (b"[]", "line"),
        (orjson.dumps({"text": "x"}), "occurred_at"),
        (orjson.dumps(LINE | {"retries": -1}), "retries"),
        (orjson.dumps(LINE | {"outcome": {"result": "maybe"}}), "outcome.result"),
        (orjson.dumps(LINE | {"wastedhours": 1}), "wastedhours"),
        (orjson.dumps(LINE | {"occurred_at": "0001-01-01T00:00:00+10:00"}), "occurred_at"),
        (None, "too long"),
    ],
)
def test_bad_line_costs_no_good_one(line: bytes | None, problem: str) -> None:
    """Its number and its field are told; blank lines count and say nothing."""
    found = read_history([(1, b"\xef\xbb\xbf" + orjson.dumps(LINE)), (2, b"  \n"), (3, line), (4, orjson.dumps(LINE))])

    assert [1, 4] == [past.number for past in found.pasts]
    assert [3] == [number for number, _ in found.problems]
    assert problem in found.problems[0][1]


def test_same_failure_twice_would_know_itself() -> None:
    """The second line of an external id is refused."""
    line = orjson.dumps(LINE | {"external_id": "f-1"})
    found = read_history([(1, line), (2, line)])

    assert ([1], [2]) == ([past.number for past in found.pasts], [number for number, _ in found.problems])
    assert "line 1" in found.problems[0][1]
