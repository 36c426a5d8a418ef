"""The words that people know a failure by, as search compares them."""

from __future__ import annotations

from knowledge.failures import Cause
from knowledge.index.lexical import EMPTY, SparseVector, term_index
from knowledge.known_as import READ, known_as, terms_known_as
from knowledge.signature.terms import stem


def weight_of(term: str, vector: SparseVector) -> float:
    """What a term weighs, 0 where it is not there."""
    return dict(zip(vector.indices, vector.values, strict=True)).get(term_index(term), 0.0)


def test_nothing_is_known_of_most() -> None:
    """Then there is no vector to keep."""
    assert EMPTY == known_as(None, cause=None, resolution=None)


def test_title_cause_and_resolution_are_looked_at() -> None:
    """A word of the title says more than one of the cause or of the resolution."""
    known = known_as("The store sheds load", cause=Cause.PREEMPTION, resolution="Spread the keys.")
    title, cause, fix = (weight_of(each, known) for each in (stem("sheds"), stem("preemption"), stem("spread")))

    assert title > 1.5 * cause > 0
    assert cause == fix


def test_a_word_of_two_fields_says_more() -> None:
    """But only a little: what is said often is not said better."""
    once, twice = [known_as("Disk full", cause=None, resolution=fix) for fix in ("Wait.", "Grow the disk.")]

    assert weight_of("disk", once) < weight_of("disk", twice) < 1.2 * weight_of("disk", once)


def test_long_resolutions_are_read_from_their_beginning() -> None:
    """A log pasted as resolution costs no more than a page of it."""
    terms = terms_known_as(None, cause=None, resolution="first " + "word " * READ + "last")

    assert {"first", "word"} == set(terms)
