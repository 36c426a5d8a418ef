"""Failures made up for load."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks import synthetic
from ingest.records import read_failure
from knowledge.failures import Failure
from knowledge.signature import sign


def fingerprint(text: str) -> str:
    """The fingerprint of a text."""
    return sign(Failure(text=text)).fingerprint


@pytest.mark.parametrize("make", [synthetic.error, synthetic.traceback])
def test_a_kind_has_one_fingerprint_of_its_own(make: Callable[..., str]) -> None:
    """Occurrences differ in text and not in fingerprint; kinds differ in fingerprint."""
    kinds = (*range(150), *range(3_000_000, 3_000_050))
    found = [(fingerprint(make(kind, occurrence=0)), fingerprint(make(kind, occurrence=1))) for kind in kinds]

    assert make(7, occurrence=0) != make(7, occurrence=1)
    assert all(first == second for first, second in found)
    assert len(kinds) == len({first for first, _ in found})


def test_the_same_numbers_make_the_same_text() -> None:
    """A run can be repeated."""
    assert synthetic.traceback(5, occurrence=2) == synthetic.traceback(5, occurrence=2)


def test_a_traceback_has_the_length_that_it_is_said_to_have() -> None:
    """Twenty-eight lines."""
    assert len(synthetic.traceback(5, occurrence=0).splitlines()) == 2 * synthetic.FRAMES + 2


def test_lines_are_what_an_import_takes() -> None:
    """Each is an incident with a verdict, and repeatable."""
    lines = synthetic.ndjson(range(100), occurrence=3).splitlines()
    failures = [read_failure(line) for line in lines]

    assert all(each.verdict is not None and each.cause is not None for each in failures)
    assert 100 == len({json.loads(line)["external_id"] for line in lines})
