"""Java and its kin: stacks with `Caused by:` chains, also inside Py4J and Spark messages."""

from __future__ import annotations

from knowledge.signature.extract import kinds
from knowledge.signature.extract.kinds import LinePatterns

PATTERNS: LinePatterns = (
    (kinds.FRAME, r"^\s*at [\w.$<>/@\-]+\("),
    (kinds.FRAME, r"^\s*\.\.\. \d+ (?:more|common frames omitted)|^\s*- locked <"),
    (kinds.FRAME, r"^\s+at [\w$]+(?:\.[\w$<>]+)+$"),
    (kinds.CAUSED_BY, r"^\s*(?:Caused by|Suppressed|\[CIRCULAR REFERENCE)\b"),
    (kinds.HEADER, r"^(?:Driver stacktrace|Exception in thread \S+)\s*:?\s*$"),
    (kinds.GENERIC, r"\bPy4JJavaError: An error occurred while calling|\bjava\.util\.concurrent\.ExecutionException\b"),
    (kinds.GENERIC, r"\b(?:InvocationTargetException|UndeclaredThrowableException)\b"),
)
