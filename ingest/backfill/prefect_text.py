"""What Prefect logs of a failure, less what its engine says about it: a failure has to read as it does elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ingest.foreign import text_of

TRACEBACK = "Traceback (most recent call last):"
#: What the engine logs beside: the state that a run ends in.
ENDED = "Finished in state "
#: What it logs of an attempt that is tried again: what was raised, as Python represents it, stands between.
FAILED_WITH, TRIED_AGAIN = "Task run failed with ", " - Retry "
#: Characters of a representation that is read as one.
LONGEST_SHOWN = 5_000


def text_in(messages: Sequence[str], *, state: Any) -> str | None:
    """The last traceback; else the messages, and what the state says of itself; None where both are silent."""
    said = [each for each in messages if not each.startswith(ENDED)]
    for message in reversed(said):
        if (start := message.find(TRACEBACK)) >= 0:
            return text_of(message[start:])
    return text_of("\n".join(said)) or text_of(state, most=20_000)


def raised_before(messages: Sequence[str]) -> dict[str, Any] | None:
    """What the last attempt that was tried again had raised, as the fields of a failure; None where no log tells."""
    retried = [each for each in messages if each.startswith(FAILED_WITH) and TRIED_AGAIN in each]
    if not retried:
        return None
    shown = retried[-1].rpartition(TRIED_AGAIN)[0].removeprefix(FAILED_WITH).partition(": ")[2]
    return error_shown_as(shown) or {"text": shown or retried[-1]}


def error_shown_as(shown: str) -> dict[str, Any] | None:
    """An error from its representation, `KeyError('price')`, with the message that it would have."""
    kind, bracket, rest = shown.strip().partition("(")
    if not bracket or not rest.endswith(")") or not kind.replace(".", "").isidentifier() or len(shown) > LONGEST_SHOWN:
        return None
    try:
        arguments = ast.literal_eval(f"({rest[:-1]},)" if rest[:-1].strip() else "()")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    message = text_of(_message(kind, arguments))
    return {"error": {"type": kind[:500]} | ({"message": message} if message else {})}


def _message(kind: str, arguments: tuple[Any, ...]) -> str:
    """As `str()` of it: an `OSError` shows its number, a `KeyError` its key as Python writes it."""
    if len(arguments) == 2 and isinstance(arguments[0], int) and isinstance(arguments[1], str):
        return f"[Errno {arguments[0]}] {arguments[1]}"
    if len(arguments) == 1:
        return repr(arguments[0]) if kind == "KeyError" else str(arguments[0])
    return str(arguments) if arguments else ""
