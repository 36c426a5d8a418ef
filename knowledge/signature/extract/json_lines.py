"""Structured logs and status documents: the fields that tell of the failure become lines as a plain log has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from knowledge.signature.patterns import words

_LARGEST = 256 * 1024
_DEEPEST = 5
_MOST_ITEMS = 200
_LEVELS = frozenset({"level", "severity", "levelname", "log.level", "lvl"})
_STACKS = words(
    "stack stacktrace stack_trace traceback exc_info exc_text exception_traceback error.stack_trace"
    " exception.stacktrace"
)
_TEXTS = words(
    "message msg log text event error err detail details description error_message errormessage errormsg cause"
    " exception title body"
    " textpayload jsonpayload errors status statusreason failurereason error.message exception.message fault"
    " faultstring"
)
_CODES = words(
    "code reason type name errorcode error_code status_code statuscode exitcode exit_code signal errno syscall class"
    " error.type exception.type"
    " errortype error_type exceptionclass exc_type"
)


def unwrap(text: str) -> str:
    """The text with JSON documents and JSON log lines rewritten to plain lines; what is no JSON stays as it is."""
    if "{" not in text:
        return text
    stripped = text.strip()
    if stripped[:1] in "{[" and stripped[-1:] in "}]" and "\n" in stripped:
        whole = _rewrite(stripped)
        if whole is not None:
            return whole
    unwrapped = "\n".join(_unwrap_line(line) for line in text.split("\n"))
    return text if unwrapped == text else unwrapped


def _unwrap_line(line: str) -> str:
    start = line.find("{")
    if start < 0 or not line.rstrip().endswith("}") or (start > 0 and not line[:start].isspace()):
        return line
    rewritten = _rewrite(line.strip())
    return line if rewritten is None else rewritten


def _rewrite(document: str) -> str | None:
    if len(document) > _LARGEST:
        return None
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        return None
    lines = list(_lines_of(value, depth=0))
    return "\n".join(lines) if lines else None


def _lines_of(value: Any, *, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value[:_MOST_ITEMS]:
            yield from _lines_of(item, depth=depth + 1)
    elif isinstance(value, dict):
        yield from _lines_of_object(value, depth=depth)


def _lines_of_object(fields: Mapping[str, Any], *, depth: int) -> Iterator[str]:
    named = {str(key).lower(): value for key, value in fields.items()}
    level = next((str(named[key]).upper() for key in named if key in _LEVELS), "")
    for key, value in named.items():
        if isinstance(value, dict | list):
            yield from _lines_of(_telling(key, value), depth=depth + 1)
        elif key in _TEXTS and isinstance(value, str):
            yield f"{level} {value}".strip()
        elif key in _CODES and isinstance(value, str | int):
            yield f"{key}: {value}"
        elif key in _STACKS and isinstance(value, str):
            yield value


def _telling(key: str, value: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
    """A list of strings tells something only under a name that does: `errors` and `stack`, not `tags`."""
    if isinstance(value, dict) or key in _TEXTS or key in _STACKS:
        return value
    return [item for item in value if isinstance(item, dict | list)]
