"""The hash that says whether two failures are the same."""

from __future__ import annotations

import hashlib

from knowledge.signature.compose import Composed
from knowledge.signature.extract.plain import EXCEPTION_CLASS
from knowledge.signature.patterns import pattern
from knowledge.signature.signature import SIGNATURE_VERSION

_DIGITS = 32
#: Words that a message must have for a failure to be known by it alone; below, the raising function is added.
_FEWEST_WORDS = 2
_WITHOUT_CLASS = pattern(rf"^(?:{EXCEPTION_CLASS})[:( ]*|<[a-z]{{2,8}}>|'[^']*'|\"[^\"]*\"")
_WORD = pattern(r"[\p{L}_]{2,}|\d{3}")


def fingerprint(composed: Composed) -> str:
    """32 hex digits of SHA-256 over version, exception classes and masked lines; order and repetition do not count."""
    lines = composed.causes or composed.errors or composed.lines
    parts = [f"v{SIGNATURE_VERSION}", *sorted({name.rpartition(".")[2] for name in composed.exceptions}), *sorted(lines)]
    if not _means_enough(lines):
        parts.extend(composed.functions[-1:])
        parts.extend(sorted(composed.errors))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def _means_enough(lines: tuple[str, ...]) -> bool:
    words = sum(1 for line in lines[:_DIGITS] for _ in _WORD.finditer(_WITHOUT_CLASS.sub("", line)))
    return words >= _FEWEST_WORDS
