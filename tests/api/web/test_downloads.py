"""Files of results: no cell begins a formula, and the plain text is left as it is."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.downloads import FORMULA, csv_file, inert
from tests.hostile import FORMULAS


@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
def test_formulas_are_inert(text: str) -> None:
    """By a single quote before them, as OWASP advises."""

    assert inert(text).lstrip().startswith("'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KeyError: 'a-b' in x = 3 + 4", "KeyError: 'a-b' in x = 3 + 4"),
        ("a;=1", "a;'=1"),
        ('a",  =1', "a\",  '=1"),
        ("one\ntwo\r\nthree", "one two three"),
        ("\u200b=1", "\u200b'=1"),
        ("\u2007\u00ad=1", "\u2007\u00ad'=1"),
        ("\ufe66 \u22121", "'\ufe66 \u22121"),
        ("", ""),
    ],
)
def test_the_rest_is_left_as_it_is(text: str, expected: str) -> None:
    """But for what may begin another cell, and for line breaks."""

    assert expected == inert(text)


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n \"';,|ab\uff1d\u200b\ufe63\u2212\u2002"), max_size=12))
def test_nothing_begins_a_formula(text: str) -> None:
    """However a spreadsheet parts it into cells."""
    body = csv_file(["x"], [{"x": text}], name="x").body
    written = bytes(body).decode("utf-8-sig").splitlines()[1]
    for delimiter in ",;|\t":
        for row in csv.reader(io.StringIO(written), delimiter=delimiter):
            assert [] == [cell for cell in row if set(cell.strip(' "\u200b\u2002')[:1]) & FORMULA]


def test_numbers_stay_numbers() -> None:
    """Negative ones, too: they are our own."""

    assert b'"-1.5"' in bytes(csv_file(["x"], [{"x": -1.5}], name="x").body)
