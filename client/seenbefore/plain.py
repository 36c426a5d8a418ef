"""Values that JSON, PostgreSQL and the service take, from whatever a pipeline holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import os
from collections.abc import Mapping
from typing import Any

DEEPEST = 20
MOST_ENTRIES = 1_000
LONGEST_TEXT = 20_000
#: Stands for what was left out.
CUT = "\n...\n"
LONGEST_NAME = 200
MOST_ATTRIBUTES = 64_000
LEAST_WHOLE, MOST_WHOLE = -(2**63), 2**64 - 1
#: Seconds that anything is waited for at most: more overflows some clocks.
LONGEST_WAIT_S = 1_000_000.0
log = logging.getLogger("seenbefore")


def text(value: object, *, longest: int = LONGEST_TEXT) -> str:
    """Its text without NUL and lone surrogates, shortened in the middle. Never raises."""
    said = _said(value)
    if len(said) > longest:
        room = max(longest - len(CUT), 0)
        head = room // 4
        said = f"{said[:head]}{CUT}{said[len(said) - (room - head) :]}"[:longest]
    return said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _said(value: object) -> str:
    try:
        return value if isinstance(value, str) else str(value)
    except Exception as error:  # noqa: BLE001,RUF100 - other people's __str__
        return f"<{type(value).__name__}: its text cannot be had ({type(error).__name__})>"


def label(value: object) -> str:
    """A label as the service takes it: not empty, at most 200 characters; what differs stays so, however long it is."""
    given = _said(value)
    said = text(given, longest=max(len(given), 1)) or "-"
    if len(said) <= LONGEST_NAME and said == (given or "-"):
        return said
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{said[: LONGEST_NAME - 17]}-{digest}"


def name(value: object) -> str:
    """A label that stands as a part of a path: without the slash, and no `.` or `..`, which would lead elsewhere."""
    said = label(_said(value).replace("/", "%2F"))
    return said.replace(".", "%2E") if said in (".", "..") else said


def attributes(value: Mapping[str, object] | None) -> dict[str, Any] | None:
    """Attributes as they are sent; None where there are none, or more than the service takes."""
    if value is None:
        return None
    told: dict[str, Any] = plain(mapping(value, what="attributes"))
    size = len(json.dumps(told, ensure_ascii=False).encode())
    if size > MOST_ATTRIBUTES:
        log.warning("attributes of %d bytes are left out: Seen Before takes %d", size, MOST_ATTRIBUTES)
        return None
    return told


def mapping(value: object, *, what: str) -> dict[Any, object]:
    """Its entries; none where it is no mapping, which is told."""
    try:
        return dict(value or {})  # type: ignore[call-overload,no-any-return]
    except Exception:  # noqa: BLE001,RUF100 - other people's types
        log.warning("%s: left out, for a %s has no names", what, type(value).__name__)
        return {}


def seconds(value: object, *, what: str, otherwise: float, least: float = 0.0, most: float = LONGEST_WAIT_S) -> float:
    """A time in seconds, at most `most`. What is none, or less than `least`, is `otherwise`, which is told."""
    if value is None:
        return otherwise
    try:
        given = float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001,RUF100 - other people's types
        given = math.nan
    if given >= least:
        return min(given, most)
    log.warning("%s=%s is no such number of seconds: it is %g", what, text(value, longest=100), otherwise)
    return otherwise


def plain(value: object, *, depth: int = 0) -> Any:
    """The value as JSON can hold it; what it cannot hold becomes its text, and NaN null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if LEAST_WHOLE <= value <= MOST_WHOLE else float(value) if abs(value) < 10**300 else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth < DEEPEST and isinstance(value, Mapping):
        return {text(key): plain(each, depth=depth + 1) for key, each in list(value.items())[:MOST_ENTRIES]}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [plain(each, depth=depth + 1) for each in list(value)[:MOST_ENTRIES]]
    return text(value)


def numbers(value: Mapping[str, object] | None, *, what: str) -> dict[str, float]:
    """Those entries that are finite numbers of zero or more."""
    given = mapping(value, what=what).items()
    found = {text(key): plain(each) for key, each in given if isinstance(each, int | float)}
    return {key: float(each) for key, each in found.items() if each is not None and each >= 0}


def spread(least: float, most: float) -> float:
    """Any number between the two, so that many do not try at once. (`random` takes long to import.)"""
    return least + (most - least) * int.from_bytes(os.urandom(4)) / 2**32


def is_cancelled() -> bool:
    """Whether it is the pipeline's own task that is cancelled; what the client's engine drops is none of its affair."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
