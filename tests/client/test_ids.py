"""Ids by which what an adapter records live and what a backfill reads later are one incident."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.items import LONGEST_ID
from ingest.items import id_of as of_history
from seenbefore.adapters.ids import id_of

parts = st.one_of(st.integers(-1, 10**6), st.text(st.characters(exclude_categories=["Cs"]), max_size=300))


@given(st.lists(parts, min_size=1, max_size=6))
def test_both_sides_make_the_same(named: list[object]) -> None:
    """The client imports nothing of the service, so that each has its own."""
    assert of_history("airflow", *named) == id_of("airflow", *named)
    assert len(id_of("airflow", *named)) <= LONGEST_ID


@pytest.mark.parametrize("long", ["x" * 500, "y" * 499 + "z"])
def test_long_names_stay_apart(long: str) -> None:
    """By a hash of them all."""
    assert 2 == len({id_of("airflow", long, number) for number in (1, 2)})
