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
    [(b'{"a": {"b": ["x", "\\u0000"]}}', "a.b.1"), (b'{"a\\u0000": 1}', "body"), (b"[" * 60 + b"]" * 60, "0")],
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
