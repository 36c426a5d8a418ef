"""Marks and differences: nothing is lost, what both have is told, and it ends in time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.words import MOST_COMPARED, Segment, differences, marked, tokens

TEXT = st.text(st.sampled_from("ab AB.:-\n\t<>()1é中"), max_size=60) | st.text(max_size=60)


def joined(segments: list[Segment]) -> str:
    """The text of the pieces."""
    return "".join(each.text for each in segments)


def marks(segments: list[Segment]) -> list[str]:
    """What is marked."""
    return [each.text for each in segments if each.marked]


@given(TEXT)
def test_tokens_are_the_text(text: str) -> None:
    """In order, and none is empty."""
    found = tokens(text)

    assert text == "".join(found)
    assert all(found)


@given(TEXT, TEXT)
def test_nothing_is_lost(ours: str, theirs: str) -> None:
    """Whatever is marked, the text is the text."""
    mine, other = differences(ours, theirs)

    assert ours == joined(marked(ours, like=theirs))
    assert [ours, theirs] == [joined(mine), joined(other)]


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    """Neither side is marked."""
    mine, other = differences(text, text)

    assert [[], []] == [marks(mine), marks(other)]


def test_words_that_both_have_are_marked() -> None:
    """As the search compares them: by their stems, names whole, without those that say nothing."""
    found = marks(marked("HTTPError: connections to the host were refused", like="refused connection HTTPError"))

    assert ["HTTPError", "connections", "refused"] == found


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("torn at page 1", "torn at leaf 1", (["page"], ["leaf"])),
        ("torn", "torn by a goat", ([], ["by a goat"])),
        ("a b c", "", (["a b c"], [])),
        ("x (y)", "x [y]", (["(", ")"], ["[", "]"])),
    ],
)
def test_differences(ours: str, theirs: str, expected: tuple[list[str], list[str]]) -> None:
    """What the other has not, the space between with it."""
    mine, other = differences(ours, theirs)

    assert expected == (marks(mine), marks(other))


@pytest.mark.parametrize("ours", ["a " * 20_000, "(" * 20_000, "".join(f"w{each} " for each in range(9_000))])
def test_much_ends_in_time(ours: str) -> None:
    """The comparison is bounded, whatever it meets."""
    began = time.perf_counter()
    differences(ours, "b" + ours[::-1])

    assert time.perf_counter() - began < 2.0
    assert MOST_COMPARED < len(tokens(ours))
