"""A failure as it is sent: an exception or a log, bounded, and readable whatever is in it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from seenbefore.plain import mapping, name, numbers, plain, text

#: Characters. The service takes 2 MB and reads a window of a log; more only costs the pipeline time.
LONGEST_MESSAGE = 50_000
LONGEST_LOG = 200_000


def failure_body(error: object, **about: Any) -> dict[str, Any]:
    """The body of `POST /advise`; an exception is told with its traceback, anything else by its text."""
    told = {"error": _error(error)} if isinstance(error, BaseException) else {"text": text(error, longest=LONGEST_LOG)}
    return told | {name: value for name, value in _context(**about).items() if value not in (None, {})}


def _context(
    *,
    pipeline: str | None = None,
    step: str | None = None,
    run_id: str | None = None,
    attempt: int | None = None,
    max_attempts: int | None = None,
    environment: Mapping[str, object] | None = None,
    spent: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    names = {"pipeline": pipeline, "step": step, "run_id": run_id}
    return {each: None if value is None else name(value) for each, value in names.items()} | {
        "attempt": attempt,
        "max_attempts": max_attempts,
        "environment": plain(mapping(environment, what="environment")),
        "spent": numbers(spent, what="spent"),
    }


def _error(error: BaseException) -> dict[str, str]:
    return {
        "type": _class_name(type(error)),
        "message": text(error, longest=LONGEST_MESSAGE),
        "stacktrace": _stacktrace(error),
    }


def _class_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _stacktrace(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(error)
    except Exception:  # noqa: BLE001,RUF100 - other people's __str__ and __repr__ run in there
        lines = [f"{_class_name(type(error))}: {text(error)}"]
    return text("".join(lines), longest=LONGEST_LOG)
