"""The codes in a failure: standard ones under one name however they are printed, all others as printed.

`Errno 111`, `ECONNREFUSED` and `Connection refused` are one code, and so are `429` and `Too Many Requests`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from knowledge.signature import standards
from knowledge.signature.patterns import pattern

_Key = TypeVar("_Key", int, str)

_BY_PHRASE = (
    {phrase: f"http_{status}" for phrase, status in standards.HTTP_BY_PHRASE.items()}
    | dict(standards.ERRNO_BY_PHRASE)
    | dict(standards.NAME_RESOLUTION_BY_PHRASE)
)
_BY_NAME = {name: name for _, name, _ in standards.ERRNO} | dict(standards.NAME_RESOLUTION_BY_NAME)
_BY_ERRNO = dict(standards.ERRNO_BY_NUMBER) | dict(standards.NAME_RESOLUTION_BY_NUMBER)
_SIGNALS_BY_NAME = {name: name for name in standards.SIGNALS.values()}
#: The longest first: `too many open files in system` is not `too many open files`.
_PHRASES = pattern("(?i)" + "|".join(sorted(_BY_PHRASE, key=len, reverse=True)))
_NUMBERED = pattern(
    r"(?i)\b(?:errno|os error|winerror)[\]: =(]{1,3}-?\d{1,5}\b",
    r"(?i)\b(?:signal|sig)[ :=(]{1,2}-?\d{1,2}\b|\bSIG[A-Z]{3,5}\b",
    r"(?i)\bexit(?:ed|s)?(?:[ _]with)?(?:[ _](?:code|status|value))?[ :=(]{0,8}-?\d{1,3}\b",
    r"\b[345]\d\d\b",
    r"\bE[A-Z_]{3,12}\b",
    r"\bConnection(?:Refused|Reset|Aborted)Error\(\d+",
)
_PRINTED = pattern(
    r"\bORA-\d{4,5}\b|\bSQLSTATE\[[0-9A-Z]{5}\]",
    r"(?i)\b(?:xid|code|error|status|signal)\b(?: ?\(PCI:<id>\))?[\])]?[ :=#(\[]{1,8}-?\d{1,5}\b",
    r"\b[A-Z]{2,}[A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b(?:cuda|nccl|cudnn|cublas)[A-Z]\w+\b|\bCU(?:DA|BLAS|DNN)_\w+\b",
    r"\((?:[A-Z][a-z]+){2,}\)|(?:Code|code|Reason|reason|ErrorCode)[\"']?(?:>|[:=] {0,8}[\"']?)[A-Z][A-Za-z]+",
)


def standard_codes(text: str) -> tuple[str, ...]:
    """Canonical names of the standard codes in a masked text (`http_429`, `econnrefused`, `sigkill`), each once."""
    found = dict.fromkeys(_BY_PHRASE[match[0].lower()] for match in _PHRASES.finditer(text))
    for match in _NUMBERED.finditer(text):
        found.update(dict.fromkeys(_of_number(match[0])))
    lowered = text.lower()
    found.update(dict.fromkeys(f"grpc_{name}" for name in standards.GRPC if name in lowered))
    return tuple(found)


def _of_number(found: str) -> Iterator[str]:
    """The code of a number in its context, or of an upper-case name; none when it is no standard's."""
    word = found.lower()
    digits = "".join(char for char in found if char.isdigit())
    number = int(digits) if digits else 0
    if word == digits:
        yield f"http_{digits}"
    elif word.startswith(("errno", "os error", "winerror", "connection")):
        yield from _values(_BY_ERRNO, -number if "-" in word else number, number)
    elif word.startswith("exit"):
        signal = number if "-" in word else number - standards.SIGNALLED
        yield from _values(standards.SIGNALS, signal)
    elif word.startswith("sig"):
        yield from _values(standards.SIGNALS, number)
        yield from _values(_SIGNALS_BY_NAME, word)
    else:
        yield from _values(_BY_NAME, word)


def _values(table: Mapping[_Key, str], *keys: _Key) -> Iterator[str]:
    """What the table says of the first key that it knows."""
    yield from [table[key] for key in keys if key in table][:1]


def printed_codes(text: str) -> tuple[str, ...]:
    """Codes as they are printed (`SlowDown`, `CUDA_ERROR_ILLEGAL_ADDRESS`, `ORA-00060`), each once, in order."""
    return tuple(dict.fromkeys(_bare(match[0]) for match in _PRINTED.finditer(text)))


def _bare(found: str) -> str:
    """The code alone: `SlowDown` of `<Code>SlowDown`, `error 1205` of `ERROR: 1205`."""
    if found.startswith(("ORA-", "SQLSTATE")) or "_" in found:
        return found
    if found[-1].isdigit():
        number = found[max(found.rfind(mark) for mark in " :=#([") + 1 :]
        return f"{_first_word(found)} {number}"
    return found[max(found.rfind(mark) for mark in ">:=") + 1 :].strip("()[]\"' ")


def _first_word(text: str) -> str:
    return "".join(char if char.isalpha() else " " for char in text).split()[0].lower()
