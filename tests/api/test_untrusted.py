"""Error text can do nothing to what shows it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.untrusted import first_line, harmless, one_line

ANYTHING = st.text(st.characters(codec=None))


@given(ANYTHING)
def test_no_control_character_is_left(text: str) -> None:
    """But for newlines and tabs; doing it twice changes nothing."""
    cleaned = harmless(text)

    assert not [char for char in cleaned if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]
    assert cleaned == harmless(cleaned)


@given(st.text(st.characters(exclude_categories=("C", "Z"))))
def test_what_is_harmless_stays(text: str) -> None:
    """Letters, digits, signs and symbols of any language."""
    assert text == harmless(text)


@pytest.mark.parametrize(
    ("hostile", "expected"),
    [
        ("\x1b]0;owned\x07ok", "\ufffd]0;owned\ufffdok"),
        ("\x1b[2J\x9b31mred", "\ufffd[2J\ufffd31mred"),
        ("100%\rdone", "100%done"),
        ("abc\u202edef", "abc\ufffddef"),
    ],
    ids=["title", "clear", "carriage-return", "direction"],
)
def test_known_tricks(hostile: str, expected: str) -> None:
    """Renaming the window, clearing the screen, writing over a line, turning the direction of reading."""
    assert expected == harmless(hostile)


def test_lines() -> None:
    """A cell has one line; a heading is the first that says something."""
    assert ("a b c", "b c", "") == (one_line(" a\n\tb  c "), first_line("\n  \n b \tc\nd"), one_line(None))
