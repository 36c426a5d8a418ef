"""From a version of a schema to the next: whether what brings attributes up fits what they are and what they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from knowledge.errors import InvalidInput
from knowledge.state.holding import Schema, may_be_object, must_be_object, places_of
from knowledge.state.upcasting import DEEPEST_PATH, Default, Operation, Part, Path, Rename

PARTS: tuple[Part, ...] = ("run", "step")
#: A version's schemas of both; None: anything goes.
Schemas = Mapping[Part, Schema | None]
#: Places that all attributes have, which are looked at: references make endless many of few.
MOST_REQUIRED = 1_000


class Known(Enum):
    """What a schema says of a place in attributes."""

    NAMED = "it is named"
    OPEN = "nothing is named there, and nothing ruled out"
    ABSENT = "other things are named there, or none can be"


def check_succession(before: Schemas, after: Schemas, operations: Sequence[Operation], *, version: int) -> None:
    """Raise `InvalidInput`, which names the field, where the operations move or remove what `before` does not have, or
    where `after` (this `version`) requires what attributes of `before` may lack once they are brought up.

    All of them are such as can be used.
    """
    made: list[tuple[Part | None, Path]] = []
    for number, operation in enumerate(operations):
        if isinstance(operation, Default):
            made.append((operation.part, operation.path))
            continue
        source, name = (operation.source, "from") if isinstance(operation, Rename) else (operation.path, "path")
        earlier = any(
            _meet(source, path) and (part == operation.part or None in (part, operation.part)) for part, path in made
        )
        if not earlier and not _has(before, source, part=operation.part):
            detail = f"Version {version - 1} has no {'.'.join(source)!a}: nothing would ever be done."
            raise InvalidInput(detail, field=f"upcast.{number}.{name}")
        if isinstance(operation, Rename):
            made.append((operation.part, operation.target))
    for part in PARTS:
        _check_required(before[part], after[part], operations, part=part, version=version)


def _meet(one: Path, other: Path) -> bool:
    """Whether one is the other, or within it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _has(schemas: Schemas, path: Path, *, part: Part | None) -> bool:
    """Without a part an operation is for both: where one of them says nothing, the other decides."""
    known = {_known(schemas[each], path) for each in PARTS if part in (None, each)}
    return Known.NAMED in known or Known.ABSENT not in known


def _known(root: Schema | None, path: Path) -> Known:
    here: list[Any] = [{} if root is None else root]
    for name in path:
        levels = [each for each in _about_the_same(here, root or {}) if may_be_object(each)]
        if not levels:
            return Known.ABSENT
        named = [each["properties"][name] for each in levels if name in each.get("properties", {})]
        others = [
            each["additionalProperties"] for each in levels if each.get("additionalProperties", False) is not False
        ]
        here = [{} if each is True else each for each in named or others if each is not False]
        if not here:
            if any(name in each.get("required", ()) for each in levels):
                return Known.NAMED
            says = any("properties" in each or "additionalProperties" in each for each in levels)
            return Known.ABSENT if says else Known.OPEN
    return Known.NAMED


def _about_the_same(schemas: Sequence[Any], root: Schema) -> Iterator[Schema]:
    """These schemas, and all that say something of the same value, whether or not it must keep to them."""
    targets = places_of(root)
    waiting, seen = list(schemas), set[str]()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict):
            continue
        yield schema
        for name in ("allOf", "anyOf", "oneOf"):
            waiting.extend(schema.get(name, ()))
        waiting.extend(schema[name] for name in ("if", "then", "else") if name in schema)
        waiting.extend(schema.get("dependentSchemas", {}).values())
        if (reference := schema.get("$ref")) is not None and reference not in seen:
            seen.add(reference)
            waiting.append(targets.get(reference))


def _check_required(
    before: Schema | None, after: Schema | None, operations: Sequence[Operation], *, part: Part, version: int
) -> None:
    there = set(_required(before))
    for operation in operations:
        if operation.part in (None, part):
            there = _after(operation, there)
    missing = [path for path in _required(after) if path not in there]
    if missing:
        *parents, name = missing[0]
        place = ".".join([part, *(f"properties.{each}" for each in parents), "required"])
        told = (
            f"Attributes of version {version - 1} may lack {name[:80]!a}, and `upcast` does not make it: add a default."
        )
        raise InvalidInput(told, field=place[:200])


def _after(operation: Operation, there: set[Path]) -> set[Path]:
    """What is always there once the operation is done."""
    if isinstance(operation, Default):
        return there | set(_with_parents(operation.path)) | set(_within(operation.path, operation.value))
    source = operation.source if isinstance(operation, Rename) else operation.path
    gone = {path for path in there if path[: len(source)] == source}
    if not isinstance(operation, Rename) or not gone:
        return there - gone
    moved = {operation.target + path[len(source) :] for path in gone}
    return (there - gone) | moved | set(_with_parents(operation.target))


def _required(root: Schema | None) -> list[Path]:
    """What all attributes have, in order: also within objects that all have."""
    if root is None:
        return []
    found: dict[Path, None] = {}
    waiting: list[tuple[Path, Schema]] = [((), root)]
    while waiting and len(found) < MOST_REQUIRED:
        path, schema = waiting.pop(0)
        for level in _all_hold(schema, root):
            for name in level.get("required", ()):
                found[*path, name] = None
                child = level.get("properties", {}).get(name)
                if isinstance(child, dict) and len(path) < DEEPEST_PATH:
                    held = list(_all_hold(child, root))
                    if any(map(must_be_object, held)):
                        waiting.append(((*path, name), child))
    return list(found)


def _all_hold(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The schema, and all that its values must keep to as well."""
    targets = places_of(root)
    waiting, seen = [schema], set[str]()
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(child for child in each.get("allOf", ()) if isinstance(child, dict))
        if (reference := each.get("$ref")) is not None and reference not in seen:
            seen.add(reference)
            waiting.append(targets.get(reference, {}))


def _with_parents(path: Path) -> Iterator[Path]:
    return (path[: end + 1] for end in range(len(path)))


def _within(path: Path, value: Any) -> Iterator[Path]:
    """What a default brings along."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield (*path, name)
            yield from _within((*path, name), child)
