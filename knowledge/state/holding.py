"""Schemas that nothing can keep to: told when they are registered, and not to each of those who write by them.

Whether anything keeps to a schema cannot be told of every schema. What is looked for is what people write by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from knowledge.errors import InvalidInput
from knowledge.state.json_schemas import join, subschemas

Schema = Mapping[str, Any]
#: A reference as it is written, and where it stands.
Reference = tuple[str, str]

#: Keywords whose schemas are about the very value that their own schema is about.
IN_PLACE = frozenset({"not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas"})
#: Least and most of the same.
BOUNDS = (
    ("minProperties", "maxProperties"),
    ("minItems", "maxItems"),
    ("minContains", "maxContains"),
    ("minLength", "maxLength"),
    ("minimum", "maximum"),
)


def check_can_hold(document: Schema, *, field: str) -> None:
    """Raise `InvalidInput`, which names the place, for a schema of attributes that none can keep to.

    `document` is a `JsonSchema` already.
    """
    _Schema(document, field=field).check()


def places_of(document: Schema) -> dict[str, Schema]:
    """What references lead to, by how they write it."""
    definitions = document.get("$defs", {})
    return {"#": document} | {f"#/$defs/{name}": each for name, each in definitions.items() if isinstance(each, dict)}


def must_be_object(schema: Schema) -> bool:
    """Whether it says itself that it takes nothing but objects."""
    return schema.get("type") in ("object", ["object"])


def may_be_object(schema: Schema) -> bool:
    """Whether its own `type`, `const` and `enum` leave room for an object."""
    values = [schema["const"]] if "const" in schema else schema.get("enum", [{}])
    types = schema.get("type", "object")
    return "object" in ([types] if isinstance(types, str) else types) and any(isinstance(each, dict) for each in values)


class _Schema:
    def __init__(self, document: Schema, *, field: str) -> None:
        self._targets = places_of(document)
        self._field = field

    def check(self) -> None:
        for place, schema in self._all():
            self._check_one(schema, place=place)
        self._check_loops(_in_place, "This leads back to itself: no value can ever be checked.")
        self._check_loops(_required, "This requires itself within itself, without end: no value can keep to it.")
        for place, schema in self._of_the_whole():
            if not may_be_object(schema):
                self._refuse("Attributes are an object, which this rules out.", place=place)

    def _all(self) -> Iterator[tuple[str, Schema]]:
        waiting: list[tuple[str, Any]] = [(_place(name), schema) for name, schema in self._targets.items()]
        while waiting:
            place, schema = waiting.pop()
            if isinstance(schema, dict):
                yield place, schema
                waiting.extend((join(place, below), child) for below, child in subschemas(schema))

    def _check_one(self, schema: Schema, *, place: str) -> None:
        if schema.get("enum") == []:
            self._refuse("This names no value at all.", place=join(place, "enum"))
        if "not" in schema and schema["not"] in (True, {}):
            self._refuse("Nothing is left by this.", place=join(place, "not"))
        for least, most in BOUNDS:
            if least in schema and most in schema and schema[least] > schema[most]:
                self._refuse(
                    f"Nothing has at least {schema[least]} and at most {schema[most]}.", place=join(place, least)
                )
        properties = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False
        for name in schema.get("required", ()):
            if properties.get(name, not closed) is False:
                self._refuse(f"This requires {name[:80]!a}, which the schema rules out.", place=join(place, "required"))

    def _check_loops(self, references: Callable[[Schema], Iterator[Reference]], told: str) -> None:
        roads = {name: dict(references(schema)) for name, schema in self._targets.items()}
        for start, first in roads.items():
            for reference, place in first.items():
                if _leads(reference, to=start, by=roads):
                    self._refuse(told, place=join(_place(start), place))

    def _of_the_whole(self) -> Iterator[tuple[str, Schema]]:
        """What all attributes must keep to."""
        waiting: list[tuple[str, Schema]] = [("", self._targets["#"])]
        seen = set[str]()
        while waiting:
            place, schema = waiting.pop()
            yield place, schema
            waiting.extend(
                (join(place, f"allOf.{number}"), each)
                for number, each in enumerate(schema.get("allOf", ()))
                if isinstance(each, dict)
            )
            if (reference := schema.get("$ref", "#")) not in seen | {"#"}:
                seen.add(reference)
                waiting.append((_place(reference), self._targets.get(reference, {})))

    def _refuse(self, text: str, *, place: str) -> NoReturn:
        raise InvalidInput(text, field=join(self._field, place)[:200])


def _leads(reference: str, *, to: str, by: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether references lead from the one to the other; `by`: those of each, with where they stand."""
    waiting, seen = [reference], {reference}
    while waiting:
        name = waiting.pop()
        if name == to:
            return True
        following = by.get(name, {}).keys() - seen
        seen |= following
        waiting.extend(following)
    return False


def _place(reference: str) -> str:
    """As fields of problems name it."""
    return reference.removeprefix("#").removeprefix("/").replace("/", ".")


def _in_place(schema: Schema) -> Iterator[Reference]:
    """References whose schemas are about the same value."""
    waiting: list[tuple[str, Any]] = [("", schema)]
    while waiting:
        place, each = waiting.pop()
        if not isinstance(each, dict):
            continue
        if "$ref" in each:
            yield each["$ref"], join(place, "$ref")
        below = ((name, child) for name, child in subschemas(each) if name.partition(".")[0] in IN_PLACE)
        waiting.extend((join(place, name), child) for name, child in below)


def _required(schema: Schema) -> Iterator[Reference]:
    """References of what every object of the schema has within itself."""
    waiting: list[tuple[str, Schema]] = [("", schema)]
    while waiting:
        place, each = waiting.pop()
        if not must_be_object(each):
            continue
        properties = each.get("properties", {})
        for name in each.get("required", ()):
            child, below = properties.get(name), join(place, f"properties.{name}")
            if isinstance(child, dict):
                if "$ref" in child:
                    yield child["$ref"], join(below, "$ref")
                waiting.append((below, child))
