"""Error text where people read it: what it holds was written by strangers.

Control characters can move a terminal's cursor, rename its window, paste keys, or turn the direction of reading; none
of them gets through. Markup of the table library never applies, for texts are handed to it as texts (see
`api.cli.output`); pages escape what they print (see `api.web.rendering`).
"""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\ufffd"
#: Letters and marks by their category that look like nothing: fillers, joiners and inherent vowels. Pages leave them as
#: they are, for some belong to how a script is written; chat and agents are shown that something is there.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0")
#: Line and paragraph separators and marks of direction, which `unicodedata` files among those that print.
_MISLEADING = "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_LINE_ENDS = {ord("\r"): None}
_WHITE = {ord("\n"): None, ord("\t"): None}


def harmless(text: str) -> str:
    """The text with every control character but newline and tab replaced, and without carriage returns."""
    if text.isascii() and text.translate(_WHITE).isprintable():  # most texts, and a hundred times faster
        return text
    return "".join(char if _prints(char) else REPLACEMENT for char in text.translate(_LINE_ENDS))


def one_line(text: str | None) -> str:
    """`harmless`, with all white space as single spaces."""
    return harmless(" ".join((text or "").split()))


def first_line(text: str | None) -> str:
    """The first line that says something."""
    return one_line(next((line for line in (text or "").splitlines() if line.strip()), ""))


def _prints(char: str) -> bool:
    if char.isascii():
        return char.isprintable() or char in "\n\t"
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in _MISLEADING
