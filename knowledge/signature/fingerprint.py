"""The hash that says whether two failures are the same."""

from __future__ import annotations

import hashlib

from knowledge.signature.compose import Composed
from knowledge.signature.extract.plain import EXCEPTION_CLASS
from knowledge.signature.patterns import Match, pattern
from knowledge.signature.signature import SIGNATURE_VERSION

_DIGITS = 32
#: Words that a message must have for a failure to be known by it alone; below, the raising function is added.
_FEWEST_WORDS = 2
_WITHOUT_CLASS = pattern(rf"^(?:{EXCEPTION_CLASS})[:( ]*|<[a-z]{{2,8}}>|'[^']*'|\"[^\"]*\"")
#: `ClientError` and `botocore.exceptions.ClientError` are one class: notebooks and some loggers leave the module out.
_DOTTED = pattern(r"\b(?:[A-Za-z_$][\w$]*\.)+[A-Z][\w$]*\b")
_WORD = pattern(r"[\p{L}_]{2,}|\d{3}")


def fingerprint(composed: Composed) -> str:
    """32 hex digits of SHA-256 over version, exception classes and masked lines; order and repetition do not count."""
    lines = tuple(_DOTTED.sub(_last_name, line) for line in composed.heads or composed.errors or composed.lines)
    classes = {name.rpartition(".")[2] for name in composed.exceptions}
    parts = [f"v{SIGNATURE_VERSION}", *sorted(classes), *sorted(lines)]
    if not _means_enough(lines):
        parts.extend(composed.functions[-1:])
        parts.extend(sorted(composed.errors))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def _means_enough(lines: tuple[str, ...]) -> bool:
    words = sum(1 for line in lines[:_DIGITS] for _ in _WORD.finditer(_WITHOUT_CLASS.sub("", line)))
    return words >= _FEWEST_WORDS


def _last_name(match: Match) -> str:
    return match[0].rpartition(".")[2]
