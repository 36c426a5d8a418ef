"""Class rules: a table from words of a failure to retry or not, as teams write them for their scheduler.

Written once from general knowledge of Python, HTTP and the clouds, and not fitted to any corpus. The first rule that
matches the text decides, for the innermost error is not looked for; what matches none is retried, as Airflow does.
"""

from __future__ import annotations

import re2

#: In this order: what says that it is final, then what says that it is not, then classes that mostly are final.
FINAL = re2.compile(
    r"(?i)AccessDenied|PermissionDenied|Permission denied|Unauthori[sz]ed|Forbidden|InvalidAccessKey|ExpiredToken|"
    r"\b40[0134]\b|NoSuchBucket|NoSuchKey|CUDA out of memory|OutOfMemoryError|No space left on device|"
    r"ModuleNotFoundError|ImportError|SyntaxError|AnalysisException"
)
PASSING = re2.compile(
    r"(?i)timed? ?out|Timeout|Connection (?:reset|refused|aborted)|ConnectionError|Broken pipe|"
    r"temporarily unavailable|Temporary failure|Service ?Unavailable|Too Many Requests|Throttl|SlowDown|rate limit|"
    r"\b(?:429|500|502|503|504)\b|deadlock|preempt|spot|evicted|NCCL|ECC|Xid"
)
MOSTLY_FINAL = re2.compile(
    r"\b(?:ValueError|TypeError|KeyError|AttributeError|NameError|IndexError|AssertionError|FileNotFoundError|"
    r"PermissionError|NotImplementedError|ZeroDivisionError|UnicodeDecodeError|NullPointerException|"
    r"IllegalArgumentException|ClassNotFoundException)\b"
)


def is_worth_a_retry(text: str) -> bool:
    """What the table says of a failure's text."""
    if FINAL.search(text):
        return False
    return PASSING.search(text) is not None or MOSTLY_FINAL.search(text) is None
