"""JSON Schema (2020-12) as others write it, checked with `jsonschema`: hostile schemas cost no more than small ones.

What a schema may hold is listed: a misspelt keyword would check nothing. A `$ref` stays within its document, patterns
run on google-re2, and the work of one check is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NoReturn

import orjson
from jsonschema import Draft202012Validator, exceptions, validators
from referencing import Registry

from knowledge.errors import InvalidInput
from knowledge.signature.patterns import Pattern, given_pattern, words
from knowledge.signature.scrub import scrub

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Bytes of a schema as JSON, its entries at whatever depth, and how deep it is nested.
LARGEST_SCHEMA = 32_000
MOST_ENTRIES = 1_000
DEEPEST = 20
LONGEST_PATTERN = 500
#: Bytes of attributes as JSON.
LARGEST_ATTRIBUTES = 64_000
#: Keywords looked at in one check. The shipped schemas take some thirty; at most a second or two of work.
MOST_STEPS = 50_000
#: Problems that are compared for the one that tells most.
MOST_PROBLEMS = 20
#: Characters of a problem, and of the place that it names.
LONGEST_PROBLEM = 300
LONGEST_PLACE = 80

WITH_SCHEMA = frozenset({"additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"})
WITH_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
WITH_NAMED_SCHEMAS = frozenset({"properties", "dependentSchemas"})
ANNOTATIONS = frozenset({"title", "description", "$comment", "examples", "deprecated", "format"})
PLAIN = words(
    """type enum const required minProperties maxProperties minItems maxItems uniqueItems minContains maxContains
    minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern dependentRequired
    default $ref"""
)
#: Only at the root.
OF_ROOT = frozenset({"$schema", "$defs"})
KNOWN = WITH_SCHEMA | WITH_SCHEMAS | WITH_NAMED_SCHEMAS | ANNOTATIONS | PLAIN


class TooMuch(Exception):
    """The work of one check is spent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, and where: names and numbers with dots between, empty for the whole."""

    place: str
    text: str


class JsonSchema:
    """A schema that can be trusted with anybody's attributes. Raises `InvalidInput` when it cannot be used."""

    def __init__(self, document: Mapping[str, Any], *, field: str) -> None:
        """`field` is what the schema is called in the problem."""
        check_schema_size(document, field=field)
        _Reading(document, field=field).check()
        bare = {key: value for key, value in document.items() if key != "$schema"}
        problem = _first_problem(_META, bare)
        if problem is not None:
            raise InvalidInput(f"This is no JSON Schema: {problem.text}", field=join(field, problem.place))
        self.document = document
        # Of its own registry: nothing is looked up elsewhere, whatever a reference says.
        self._validator = _VALIDATOR(bare, registry=Registry())

    def first_problem(self, value: Any) -> Problem | None:
        """The problem that tells most; None where there is none, `Problem` as well where the check takes too long."""
        return _first_problem(self._validator, value)


def check_attributes_size(attributes: Mapping[str, Any], *, field: str) -> None:
    """Raise `InvalidInput` for attributes that are too large, or nested too deep."""
    _check_bounds(attributes, field=field, bytes=LARGEST_ATTRIBUTES, what="Attributes have")


def check_schema_size(document: Mapping[str, Any], *, field: str) -> None:
    """Raise `InvalidInput` for a schema that is too large, or nested too deep."""
    _check_bounds(document, field=field, bytes=LARGEST_SCHEMA, what="A schema has")


def _check_bounds(value: Mapping[str, Any], *, field: str, bytes: int, what: str) -> None:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    entries = 0
    while waiting:
        item, depth = waiting.pop()
        children = list(item.values()) if isinstance(item, Mapping) else item if isinstance(item, list) else ()
        entries += len(children)
        if entries > MOST_ENTRIES or depth > DEEPEST:
            raise InvalidInput(f"{what} at most {MOST_ENTRIES:,} entries, {DEEPEST} deep.", field=field)
        waiting.extend((child, depth + 1) for child in children)
    try:
        size = len(orjson.dumps(value))
    except TypeError:
        raise InvalidInput(f"{what} a value that cannot be written as JSON.", field=field) from None
    if size > bytes:
        raise InvalidInput(f"{what} at most {bytes:,} bytes as JSON.", field=field)


class _Reading:
    """A walk over a schema that refuses what is not listed."""

    def __init__(self, root: Mapping[str, Any], *, field: str) -> None:
        self._root = root
        self._field = field

    def check(self) -> None:
        """Raises `InvalidInput`, which names the place."""
        if self._root.get("$schema", DIALECT) != DIALECT:
            raise InvalidInput(f"Schemas are of JSON Schema 2020-12, {DIALECT}.", field=join(self._field, "$schema"))
        waiting: list[tuple[str, Any]] = [("", self._root)]
        waiting.extend((f"$defs.{name}", schema) for name, schema in self._definitions().items())
        while waiting:
            place, schema = waiting.pop()
            if isinstance(schema, dict):
                self._check_one(schema, place=place)
                waiting.extend((join(place, below), child) for below, child in subschemas(schema))

    def _check_one(self, schema: Mapping[str, Any], *, place: str) -> None:
        known = KNOWN if place else KNOWN | OF_ROOT
        unknown = next((name for name in schema if name not in known), None)
        if unknown is not None:
            self._refuse(f"The keyword {_shown(unknown)!a} is not taken.", place=place)
        if "$ref" in schema:
            self._check_reference(schema["$ref"], place=join(place, "$ref"))
        if isinstance(schema.get("pattern"), str):
            self._check_pattern(schema["pattern"], place=join(place, "pattern"))

    def _check_reference(self, reference: object, *, place: str) -> None:
        if reference not in ("#", *(f"#/$defs/{name}" for name in self._definitions())):
            self._refuse("A reference is `#` or `#/$defs/NAME` of the same document.", place=place)

    def _definitions(self) -> Mapping[str, Any]:
        """By names that need no escapes in a reference."""
        definitions = self._root.get("$defs", {})
        if not isinstance(definitions, dict):
            return {}  # what it must be instead, the specification's own schema tells
        if not all(name.replace("-", "_").isidentifier() and name.isascii() for name in definitions):
            self._refuse("Names of definitions are of letters, digits, _ and -.", place="$defs")
        return definitions

    def _check_pattern(self, written: str, *, place: str) -> None:
        if len(written) > LONGEST_PATTERN:
            self._refuse(f"A pattern has at most {LONGEST_PATTERN} characters.", place=place)
        try:
            _compiled(written)
        except ValueError as error:
            self._refuse(f"The pattern cannot be used: {_shown(str(error), LONGEST_PROBLEM)}", place=place)

    def _refuse(self, text: str, *, place: str) -> NoReturn:
        raise InvalidInput(text, field=join(self._field, _shown(place)))


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas within a schema, each with its place there."""
    for name, value in schema.items():
        if name in WITH_SCHEMA:
            yield name, value
        elif name in WITH_SCHEMAS and isinstance(value, list):
            yield from ((f"{name}.{number}", child) for number, child in enumerate(value))
        elif name in WITH_NAMED_SCHEMAS and isinstance(value, dict):
            yield from ((f"{name}.{key}", child) for key, child in value.items())


def _first_problem(validator: Any, value: Any) -> Problem | None:
    _left.set([MOST_STEPS])
    try:
        found = exceptions.best_match(islice(validator.iter_errors(value), MOST_PROBLEMS))
    except (TooMuch, RecursionError):
        return Problem("", "takes too long to check against its schema")
    if found is None:
        return None
    place = ".".join(str(part) for part in found.absolute_path)
    return Problem(_shown(place), _shown(found.message, LONGEST_PROBLEM))


_left: ContextVar[list[int]] = ContextVar("steps left in this check")


def _spend(steps: int) -> None:
    left = _left.get()
    left[0] -= steps
    if left[0] < 0:
        raise TooMuch


Keyword = Callable[[Any, Any, Any, Any], Iterator[exceptions.ValidationError] | None]


def _counted(keyword: Keyword) -> Keyword:
    """A keyword whose work is counted: its own, and that of writing whole values into its problems."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
        _spend(1)
        for error in keyword(validator, value, instance, schema) or ():
            _spend(len(error.message) // 64)
            error.message = _cut(error.message, 8 * LONGEST_PROBLEM)
            yield error

    return check


def _pattern(validator: Any, written: str, instance: Any, _: Any) -> Iterator[exceptions.ValidationError]:
    if validator.is_type(instance, "string") and _compiled(written).search(instance) is None:
        yield exceptions.ValidationError(f"{instance!r} does not match {written!r}")


def _unique_items(validator: Any, wanted: bool, instance: Any, _: Any) -> Iterator[exceptions.ValidationError]:
    """In linear time; the library compares each item with each."""
    if wanted and validator.is_type(instance, "array") and len({_same(item) for item in instance}) < len(instance):
        yield exceptions.ValidationError("has items that are the same")


def _same(value: Any) -> object:
    """Equal for what JSON Schema says is equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return frozenset((key, _same(child)) for key, child in value.items())
    if isinstance(value, list):
        return tuple(_same(child) for child in value)
    return (isinstance(value, bool), value)


def _enum(validator: Any, choices: list[Any], instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    _spend(len(choices) // 10)
    yield from Draft202012Validator.VALIDATORS["enum"](validator, choices, instance, schema)


_compiled: Callable[[str], Pattern] = lru_cache(maxsize=128)(given_pattern)
_OWN: dict[str, Keyword] = {"pattern": _pattern, "uniqueItems": _unique_items, "enum": _enum}
_VALIDATOR: Any = validators.extend(
    Draft202012Validator,
    {name: _counted(_OWN.get(name, keyword)) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)
_META: Any = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def join(*places: str) -> str:
    """A place within a place."""
    return ".".join(place for place in places if place)


def _shown(text: str, longest: int = LONGEST_PLACE) -> str:
    """Scrubbed before it is cut to its length, with room between: a secret cut in two is not known for one."""
    return _cut(scrub(_cut(text, 4 * longest)), longest)


def _cut(text: str, longest: int) -> str:
    """The first third and the end: what is wrong stands behind the value that it is wrong of."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 3]}…{text[1 + longest // 3 - longest :]}"
