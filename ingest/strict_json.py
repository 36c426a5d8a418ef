"""JSON as PostgreSQL and people can take it: no NaN, no lone surrogates, no NUL, no endless nesting or lists."""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from knowledge.signature.scrub import scrub

#: Nesting beyond this is no failure report; `json` itself gives up at about 1,000.
DEEPEST = 50
#: Items of lists and entries of objects, of all together. Two megabytes of what the API takes have half as many: an
#: artifact, the smallest thing that comes in thousands, has 80 bytes and three of them.
MOST_VALUES = 250_000
#: Characters of a field's place that a message shows.
SHOWN = 80
NUL = "holds a NUL character"
#: The one way to write it: in JSON control characters are escaped.
ESCAPED_NUL = b"\\u0000"

#: A place as its parent's and its own name there: written out for the one that is told alone.
Place: TypeAlias = "tuple[Place | None, str | int]"
Inner: TypeAlias = "tuple[dict[str, Any] | list[Any], Place | None]"


class Malformed(ValueError):
    """This is not JSON."""


class Unfit(ValueError):
    """This is JSON, and holds what cannot be stored; `field` says where."""

    def __init__(self, problem: str, *, field: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class TooMany(Unfit):
    """This is JSON of more values than anything that is sent here has."""


def loads(body: bytes) -> Any:
    """The value; raises `Malformed` or `Unfit`."""
    try:
        value = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Malformed(f"This is not valid JSON: {error}") from None
    if _is_deep(value) or ESCAPED_NUL in body:
        _find_unfit(value)
    return value


def _is_deep(value: Any) -> bool:
    """Whether it is nested too deep; each level is counted before it is looked into. Raises `TooMany`."""
    level, counted = [value], 0
    for _ in range(DEEPEST):
        level = [each for each in level if isinstance(each, (dict, list))]
        counted += sum(map(len, level))
        if counted > MOST_VALUES:
            raise TooMany(f"holds more than {MOST_VALUES:,} values", field="body")
        level = [each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer)]
    return any(isinstance(each, (dict, list)) for each in level)


def _find_unfit(value: Any) -> None:
    """Say where it is; most bodies hold nothing for which anybody would have to know the places in them."""
    level, depth = _inner({"": value}, None), 0
    while level:
        if depth >= DEEPEST:
            raise Unfit(f"is nested more than {DEEPEST} deep", field=_shown(level[0][1]))
        level = [inner for each, place in level for inner in _inner(each, place)]
        depth += 1


def _inner(outer: dict[str, Any] | list[Any], place: Place | None) -> list[Inner]:
    """The objects and lists in one; its texts and names are looked at."""
    found = list[Inner]()
    for name, value in outer.items() if isinstance(outer, dict) else enumerate(outer):
        if isinstance(value, str):
            if "\0" in value:
                raise Unfit(NUL, field=_shown((place, name)))
        elif isinstance(value, (dict, list)):
            found.append((value, (place, name)))
    if isinstance(outer, dict) and any("\0" in name for name in outer):
        raise Unfit(NUL, field="body")
    return found


def _shown(place: Place | None) -> str:
    names = list[str]()
    while place is not None:
        place, name = place
        names.append(str(name)[: 2 * SHOWN])
    text = scrub(".".join(reversed(names)).removeprefix(".")[: 4 * SHOWN]).replace("\0", "\\0") or "body"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
