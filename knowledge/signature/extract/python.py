"""Python: tracebacks, chained causes, exception groups, IPython and pytest renderings."""

from __future__ import annotations

from knowledge.signature.extract import kinds
from knowledge.signature.extract.kinds import LinePatterns

PATTERNS: LinePatterns = (
    (kinds.PYTHON_FRAME, r'^\s*File "[^"]*", line \d+'),
    (kinds.FRAME, r"^\s*[~^]{2,}\s*$|^\s*\[Previous line repeated \d+ more times?\]"),
    (kinds.FRAME, r"^(?:/|~/|[A-Z]:\\|[\w.\-]+/)[^\s:]*\.pyx?(?::\d+)?(?: in |: in )[^:]+$"),  # IPython, pytest
    (kinds.FRAME, r"^(?:/|~/|[\w.\-]+/)\S*\.py:\d+: ?(?:in \S+)?$|^\s*-{2,}> ?\d+ |^\s*❱ ?\d+ "),
    (kinds.FRAME, r"^\s*(?:❱ ?)?\d+ │|^\s{4,}\d+(?: {4,}\S|$)|^\s*raise \w|^/\S+\.py:\d+ in \S+$"),
    (kinds.HEADER, r"Traceback \(most recent call last\)"),
    (kinds.CHAINED, r"The above exception was the direct cause of the following exception"),
    (kinds.CHAINED, r"During handling of the above exception, another exception occurred"),
    (kinds.GENERIC, r"\b(?:CalledProcessError|ChildFailedError|ChildProcessError|ProcessExitedException)\b"),
    (kinds.GENERIC, r"\b(?:ProcessRaisedException|BrokenProcessPool|SystemExit|RayTaskError|NotebookExecutionError)\b"),
    (
        kinds.GENERIC,
        r"\b(?:Base)?ExceptionGroup\b|AirflowException: .*(?:Bash command failed"
        r"|[Pp]od .* returned a failure)",
    ),
)
