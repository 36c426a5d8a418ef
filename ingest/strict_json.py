"""JSON as PostgreSQL and people can take it: no NaN, no lone surrogates, no NUL, no endless nesting."""

from __future__ import annotations

from typing import Any

import orjson

from knowledge.signature.scrub import scrub

#: Nesting beyond this is no failure report; `json` itself gives up at about 1,000.
DEEPEST = 50
#: Characters of a field's place that a message shows.
SHOWN = 80


class Malformed(ValueError):
    """This is not JSON."""


class Unfit(ValueError):
    """This is JSON, and holds what cannot be stored; `field` says where."""

    def __init__(self, problem: str, *, field: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def loads(body: bytes) -> Any:
    """The value; raises `Malformed` or `Unfit`."""
    try:
        value = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Malformed(f"This is not valid JSON: {error}") from None
    _check(value)
    return value


def _check(value: Any) -> None:
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting:
        item, place, depth = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise Unfit("holds a NUL character", field=_shown(place))
        elif isinstance(item, (dict, list)):
            if depth >= DEEPEST:
                raise Unfit(f"is nested more than {DEEPEST} deep", field=_shown(place))
            waiting.extend((child, where, depth + 1) for child, where in _children(item, place))


def _children(item: dict[str, Any] | list[Any], place: str) -> list[tuple[Any, str]]:
    place = place[: 2 * SHOWN]  # a long key over a long list must not be written out for each of its items
    if isinstance(item, list):
        return [(child, f"{place}.{number}" if place else str(number)) for number, child in enumerate(item)]
    named = [(child, f"{place}.{name[: 2 * SHOWN]}" if place else name[: 2 * SHOWN]) for name, child in item.items()]
    return named + [(name, "body") for name in item]


def _shown(place: str) -> str:
    place = scrub(place).replace("\0", "\\0") or "body"
    return place if len(place) <= SHOWN else f"{place[: SHOWN - 1]}…"
