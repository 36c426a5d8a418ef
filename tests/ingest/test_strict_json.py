"""JSON as PostgreSQL and people can take it."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from ingest import strict_json


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """Said as such, whatever is wrong with it."""
    with pytest.raises(strict_json.Malformed):
        strict_json.loads(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": {"b": ["x", "\\u0000"]}}', "a.b.1"),
        (b'{"a\\u0000": 1}', "body"),
        (b"[" * 60 + b"]" * 60, "0"),
        (b"[" * 51 + b"]" * 51, "0"),
    ],
)
def test_what_cannot_be_stored_is_unfit(body: bytes, field: str) -> None:
    """With the place where it stands."""
    with pytest.raises(strict_json.Unfit) as refused:
        strict_json.loads(body)

    assert refused.value.field.startswith(field)


def test_a_long_name_over_a_long_list_costs_no_more_than_itself() -> None:
    """Places are not written out for each of a million items."""
    body = orjson.dumps({"k" * 500_000: [1] * 200_000})
    tracemalloc.start()
    strict_json.loads(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 250_000_000


@pytest.mark.parametrize("body", [b"[" * 50 + b"]" * 50, b"[" * 50 + b"1" + b"]" * 50], ids=["empty", "of one"])
def test_what_is_nested_as_deep_as_may_be(body: bytes) -> None:
    """Is taken."""
    assert orjson.loads(body) == strict_json.loads(body)


def test_so_many_values_and_no_more() -> None:
    """Those of all lists and objects together: what is beyond that is not looked into."""
    half = strict_json.MOST_VALUES // 2
    taken, refused = ({"a": [1] * (half - 2), "b": [{}] * (half + more)} for more in (0, 1))

    assert taken == strict_json.loads(orjson.dumps(taken))
    with pytest.raises(strict_json.TooMany) as problem:
        strict_json.loads(orjson.dumps(refused))
    assert "body" == problem.value.field


def test_an_escape_that_is_none_is_taken() -> None:
    """A backslash and then `u0000` are six characters."""
    assert {"a": "\\u0000"} == strict_json.loads(b'{"a": "\\\\u0000"}')
