"""Text of errors as chat may carry it: nothing in it is seen as markup, and nothing in it hides.

Errors, resolutions and names come from anywhere. They go only into elements that chat does not parse; here is what
holds for all of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from api.untrusted import BLANK

#: Controls that stay: they are the shape of a log.
KEPT = frozenset("\n\t")
#: Unicode's categories of what cannot be seen, or changes how the rest is read: controls, zero-width and bidirectional
#: formats, surrogates, private use, and separators of lines that are no line feed.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
#: Categories of marks that stand over and under a letter, and how many of them one letter may carry: more run over the
#: lines around it.
MARKS, MOST_MARKS = frozenset({"Mn", "Me"}), 4
CUT = " …"


def inert(text: str, *, most: int) -> str:
    """At most `most` characters of a text; what hides is shown by its number: `\\u202e`."""
    text = text.strip().replace("\r\n", "\n")
    shown = "".join(_seen_all(text[: most + 1]))
    return shown if len(shown) <= most and len(text) <= most else shown[: most - len(CUT)] + CUT


def one_line(text: str, *, most: int) -> str:
    """The same on one line."""
    return inert(" ".join(text[: 4 * most].split()), most=most)


def is_cut(shown: str) -> bool:
    """Whether `inert` left something out."""
    return shown.endswith(CUT)


def escaped(text: str) -> str:
    """For Slack's mrkdwn, where these three begin a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _seen_all(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in MARKS else 0
        if marks <= MOST_MARKS:
            yield _seen(char)


def _seen(char: str) -> str:
    if char in KEPT or (char not in BLANK and unicodedata.category(char) not in HIDDEN):
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
