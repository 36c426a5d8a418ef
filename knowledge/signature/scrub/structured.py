"""Scrubbing nested values, as JSON has them."""

from __future__ import annotations

from typing import TypeAlias

from knowledge.signature.scrub.edits import SECRET
from knowledge.signature.scrub.names import Promise, promise_of_name
from knowledge.signature.scrub.text import scrub
from knowledge.signature.scrub.values import is_placeholder

JSONValue: TypeAlias = "dict[str, JSONValue] | list[JSONValue] | str | int | float | bool | None"

_MARK = SECRET.decode()


def scrub_value(value: JSONValue) -> JSONValue:
    """Return a copy with every string scrubbed, keys included, whatever the depth.

    What stands under a key that names a secret (`password`, `api_key`, `authorization`) becomes `[secret]` as a whole;
    nulls, booleans and placeholders (`${VAR}`) stay, as do numbers under weak names (`token: 5`). An entry
    `{"name": "DB_PASSWORD", "value": ...}` counts as its key would.
    """
    holder: list[JSONValue] = [value]
    open_containers: list[dict[str, JSONValue] | list[JSONValue]] = [holder]
    while open_containers:
        container = open_containers.pop()
        for place, child in list(_places(container)):
            copied = _copied(child)
            container[place] = copied  # type: ignore[index]
            if isinstance(copied, dict | list):
                open_containers.append(copied)
    return holder[0]


def _places(container: dict[str, JSONValue] | list[JSONValue]) -> list[tuple[str | int, JSONValue]]:
    if isinstance(container, dict):
        return list(container.items())
    return list(enumerate(container))


def _copied(value: JSONValue) -> JSONValue:
    """Return a copy one level deep; its children are copied when their turn comes."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return list(value)
    return _copied_mapping(value) if isinstance(value, dict) else value


def _copied_mapping(mapping: dict[str, JSONValue]) -> dict[str, JSONValue]:
    copy: dict[str, JSONValue] = {}
    clashes: dict[str, int] = {}
    for key, child in _with_named_entry(mapping).items():
        scrubbed = scrub(key)
        while scrubbed in copy:
            clashes[scrubbed] = clashes.get(scrubbed, 1) + 1
            scrubbed = f"{scrubbed} ({clashes[scrubbed]})"
        copy[scrubbed] = _under(key, child)
    return copy


def _with_named_entry(mapping: dict[str, JSONValue]) -> dict[str, JSONValue]:
    name = mapping.get("name", mapping.get("key"))
    if isinstance(name, str) and "value" in mapping:
        return {**mapping, "value": _under(name, mapping["value"])}
    return mapping


def _under(key: str, child: JSONValue) -> JSONValue:
    promise = promise_of_name(key)
    if promise is None or child is None or isinstance(child, bool):
        return child
    if isinstance(child, str):
        return child if is_placeholder(child.encode("utf-8", "replace")) else _MARK
    if isinstance(child, int | float):
        return _MARK if promise is Promise.STRONG else child
    return _MARK if child else child
