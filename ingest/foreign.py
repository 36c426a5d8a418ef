"""Reading documents that others define: what is missing or of another type is nothing, and no trouble."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson

from ingest.records import LEAST_WHOLE, MOST_WHOLE

#: As long as the API takes names, and as much of a value as an environment needs.
LONGEST_NAME = 500
LONGEST_VALUE = 1_000
MOST_VALUES = 100
#: Digits of a number that are read: more than 64 bits have.
MOST_DIGITS = 40


def json_of(body: bytes) -> Any:
    """A value that others have written: lone surrogates and numbers of any size do not cost all of it.

    Such texts are mended by `text_of`. Raises `ValueError` for what is no JSON, NaN included.
    """
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        problem = f"This is not valid JSON: {error}"
    try:
        return json.loads(body.decode(), parse_int=_whole_of, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ValueError(problem) from None


def _whole_of(digits: str) -> int:
    return int(digits[:MOST_DIGITS])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def text_of(value: Any, *, most: int = 2_000_000) -> str | None:
    """A text without NUL and lone surrogates, which cannot be stored; None for what is no text or an empty one."""
    if not isinstance(value, str) or not value.strip():
        return None
    return whole(value[:most].replace("\0", "\N{REPLACEMENT CHARACTER}"))


def whole(text: str) -> str:
    """A text in which no character is half there: programs that cut texts by length leave lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def name_of(value: Any) -> str | None:
    """A short text; numbers are written out."""
    if isinstance(value, bool):
        return None
    return text_of(str(value) if isinstance(value, int) else value, most=LONGEST_NAME)


def object_of(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def moment_of(value: Any) -> datetime | None:
    """A time as ISO 8601 writes it, in UTC where it has no zone; None for what is no time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:64])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def attempt_of(value: Any) -> int | None:
    """A number of an attempt, from 1."""
    written = str(value)[:8] if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(written) if written.isascii() and written.isdigit() and 1 <= int(written) <= 1_000_000 else None


def first_of(values: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these that is there, as a name."""
    return next((found for key in keys if (found := name_of(values.get(key)))), None)


def environment_of(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """What the parts say, short values alone; the first of a name stays, and there are at most `MOST_VALUES`."""
    made: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            kept = value if _is_number(value) else text_of(value, most=LONGEST_VALUE)
            if kept is not None and len(made) < MOST_VALUES and (name := text_of(key, most=LONGEST_NAME)):
                made.setdefault(name, kept)
    return made


def _is_number(value: Any) -> bool:
    """One that JSON has words for."""
    if isinstance(value, int):
        return LEAST_WHOLE <= value <= MOST_WHOLE
    return isinstance(value, float) and math.isfinite(value)
