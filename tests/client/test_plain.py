"""Texts within bounds, whatever a pipeline holds."""

from __future__ import annotations

import pytest

from seenbefore.plain import text


@pytest.mark.parametrize("longest", [0, 1, 5, 6, 20, 200])
def test_text_is_no_longer_than_it_may_be(longest: int) -> None:
    """What is cut out of the middle is marked within that; what fits is left as it is."""
    long = "".join(chr(ord("a") + number % 26) for number in range(1_000))

    assert longest == len(text(long, longest=longest))
    assert long[:longest] == text(long[:longest], longest=longest)


def test_text_keeps_its_beginning_and_most_of_its_end() -> None:
    """Of a failure the end tells most."""
    assert "aaaaa\n...\nbbbbbbbbbbbbbbb" == text("a" * 50 + "b" * 50, longest=25)
