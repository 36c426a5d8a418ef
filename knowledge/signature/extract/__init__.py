"""From a log or traceback, as a pipeline sends it, to the lines that tell what failed."""

from __future__ import annotations

from knowledge.signature.clean import clean, unescape_breaks
from knowledge.signature.extract.json_lines import unwrap
from knowledge.signature.extract.reader import Raised, Reading, read
from knowledge.signature.extract.window import window

__all__ = ["Raised", "Reading", "extract"]


def extract(text: str) -> Reading:
    """Read a text of any length and shape; time is linear in its length."""
    plain = clean(window(text))
    unfolded = unescape_breaks(unwrap(plain))
    return read((plain if unfolded is plain else clean(unfolded)).split("\n"))
