"""Counting in bounded memory."""

from __future__ import annotations

import tracemalloc

from ingest.occurrences import Occurrences, digest_of


def test_each_content_has_a_count() -> None:
    """From 1, of each on its own; another counter knows nothing of it."""
    with Occurrences() as occurrences, Occurrences() as others:
        counted = [occurrences.count(digest_of(content)) for content in (b"a", b"b", b"a", b"a")]

        assert [1, 1, 2, 3, 1] == [*counted, others.count(digest_of(b"a"))]


def test_nothing_is_kept_for_each() -> None:
    """Not in Python's memory; SQLite's has a bound of its own."""
    with Occurrences() as occurrences:
        occurrences.count(digest_of(b"first"))
        tracemalloc.start()
        for number in range(10_000):
            occurrences.count(digest_of(b"%d" % number))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 100_000


def test_nothing_counted() -> None:
    """Nothing was opened, and nothing has to be closed."""
    with Occurrences() as occurrences:
        pass

    assert {} == vars(occurrences)
