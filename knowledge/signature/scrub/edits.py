"""Replacing parts of a text in one pass from left to right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: A compiled google-re2 pattern over bytes and its match; the library ships no types.
Pattern = Any
Match = Any

SECRET = b"[secret]"
CARD = b"[card]"
EMAIL = b"[email]"


@dataclass(frozen=True, slots=True)
class Edit:
    """`data[start:end]` becomes `replacement`; offsets are bytes."""

    start: int
    end: int
    replacement: bytes = SECRET


#: Looks at one match and says what to replace, which may reach beyond the match, or that nothing is to be done.
Decide = Callable[[bytes, Match], Edit | None]


def rewrite(data: bytes, pattern: Pattern, decide: Decide) -> bytes:
    """Return `data` with every edit that `decide` asks for; the search goes on behind each edit.

    Linear as long as `decide` refuses in constant time: whatever it read beyond the match to refuse is read again.
    """
    pieces: list[bytes] = []
    copied = position = 0
    while (match := pattern.search(data, position)) is not None:
        edit = decide(data, match)
        if edit is None:
            position = match.end()
            continue
        pieces += (data[copied : edit.start], edit.replacement)
        copied = edit.end
        position = max(edit.end, match.end())
        if position > edit.end:
            pieces.append(data[copied:position])
            copied = position
    if not pieces:
        return data
    pieces.append(data[copied:])
    return b"".join(pieces)
