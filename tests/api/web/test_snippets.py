"""Snippets: the piece of a text that has most of the words."""

from __future__ import annotations

import pytest

from api.web.precedent import with_masks
from api.web.snippets import LONGEST, snippet
from api.web.words import Segment

FILLING = "nothing of note was seen here and on it went " * 20


def test_a_short_text_is_shown_whole() -> None:
    """With the words marked."""

    assert [Segment("the ", False), Segment("barn", True), Segment(" is torn", False)] == snippet(
        "the barn is torn", like="a barn"
    )


def test_of_a_long_text_the_piece_with_the_words() -> None:
    """Signs say what was left out; no word is cut in two at its beginning."""
    pieces = snippet(f"barn {FILLING}the velvet barn is torn {FILLING}", like="torn velvet barn")
    text = "".join(each.text for each in pieces)

    assert {"velvet", "barn", "torn"} == {word for each in pieces if each.marked for word in each.text.split()}
    assert (text[0], text[-1]) == ("…", "…")
    assert text[1:].split()[0] in FILLING.split()
    assert len(text) <= LONGEST + 2


def test_without_such_words_the_beginning() -> None:
    """And for a question of no words."""

    assert "".join(each.text for each in snippet(FILLING, like="velvet"))[:20] == FILLING[:20]
    assert [] == snippet("", like="")


@pytest.mark.parametrize(
    ("template", "masks"),
    [
        ("at <path>:<num>", ["<path>", "<num>"]),
        ("<b>bold</b> <", ["<b>"]),
        ("a < b > c <Num> <a b> <<id>>", ["<id>"]),
        ("x" * 50, []),
        ("<" * 50, []),
        ("<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>", []),
    ],
)
def test_masks(template: str, masks: list[str]) -> None:
    """Marked as they stand; the text is whole."""
    pieces = with_masks(template)

    assert masks == [each.text for each in pieces if each.marked]
    assert template == "".join(each.text for each in pieces)
