"""What a proposal is: whose name is whose."""

from __future__ import annotations

import pytest

from knowledge.proposals import is_same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("claude", "Claude"),
        ("claude", " claude\t"),
        ("Ana M\u00fcller", "ana  mu\u0308ller"),
        ("Gro\u00df", "GROSS"),
        ("claude", "\uff43laude"),
        ("claude", "clau\u200bde"),
    ],
)
def test_one_name_is_written_in_many_ways(one: str, other: str) -> None:
    """Case, blanks, composed and wide letters, and what nobody sees."""
    assert is_same_name(one, other) and is_same_name(other, one)


def test_other_names_are_others() -> None:
    """However much alike."""
    assert [False, False] == [is_same_name("claude", other) for other in ("claudia", "claude 2")]
