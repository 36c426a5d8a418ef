"""What agents send, made so that the SDK can read it and a tool can refuse it: a refusal of the tool reaches the agent,
which can do better then; a message that the transport refuses reaches its host at most.

Logs hold NUL characters and halves of surrogate pairs, and what an agent writes may be nested without end. The SDK
reads none of these but the first, so the others stand in a message as a NUL character: `unfit` finds that, and where.
"""

from __future__ import annotations

import json
from typing import Any

from ingest import strict_json

#: Stands for what the SDK cannot read.
UNREADABLE = "\0"
#: An argument nested deeper than that is no failure report. A message has its arguments three deep.
DEEPEST = strict_json.DEEPEST
MESSAGE_DEPTH = 3
PROBLEM = (
    "holds what no text may have: a NUL character or half of a surrogate pair, or is nested more than "
    f"{DEEPEST} deep. Leave that out and send it again."
)


def readable(body: bytes) -> bytes:
    """The message as the SDK can read it; what is no JSON at all stays as it is. Raises `strict_json.TooMany`."""
    try:
        strict_json.loads(body)
    except strict_json.TooMany:
        raise
    except ValueError:
        return _mended(body)
    return body


def unfit(arguments: Any) -> str | None:
    """Where there is what no argument may have; None where all can be taken. Keys count as the place that they name."""
    waiting: list[tuple[Any, str, int]] = [(arguments, "", 0)]
    while waiting:
        value, place, depth = waiting.pop()
        if isinstance(value, str) and not _is_text(value):
            return place
        if isinstance(value, (dict, list)):
            if depth > DEEPEST:
                return place
            named = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(each, f"{place}.{name}".lstrip("."), depth + 1) for name, each in named]
            waiting += [(name, place, depth) for name in value if isinstance(name, str)]
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _mended(body: bytes) -> bytes:
    try:
        message = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return body
    return json.dumps(_without(message, depth=0)).encode()


def _without(value: Any, *, depth: int) -> Any:
    """A value less what cannot be read."""
    if isinstance(value, str):
        return value if _is_text(value) else UNREADABLE
    if isinstance(value, (dict, list)) and depth > DEEPEST + MESSAGE_DEPTH:
        return UNREADABLE
    if isinstance(value, dict):
        return {_without(name, depth=depth): _without(each, depth=depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, depth=depth + 1) for each in value]
    return value
