"""Schemas that nothing can keep to, and those that only look so."""

from __future__ import annotations

import time
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from knowledge.errors import InvalidInput
from knowledge.state.holding import check_can_hold
from knowledge.state.json_schemas import JsonSchema
from knowledge.state.schemas import read_shipped
from knowledge.state.succession import check_succession
from knowledge.state.upcasting import read_operations
from tests.knowledge.state.test_json_schemas import ANY_SCHEMA
from tests.knowledge.state.test_upcasting import DEFAULTS, REMOVALS, RENAMES

OPERATIONS = st.lists(RENAMES | DEFAULTS | REMOVALS, max_size=3)
TREE = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}}, "required": ["below"]}
CHAIN = {f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2} for number in range(40)} | {"d40": {}}


def check(document: dict[str, Any]) -> None:
    """As a version is registered."""
    JsonSchema(document, field="run")
    check_can_hold(document, field="run")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"$ref": "#"}, "run.$ref"),
        ({"allOf": [{}, {"$ref": "#"}]}, "run.allOf.1.$ref"),
        ({"anyOf": [{"required": ["a"]}, {"not": {"$ref": "#"}}]}, "run.anyOf.1.not.$ref"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "run.dependentSchemas.a.$ref"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "run.$defs.a.$ref"),
        ({"properties": {"a": {"if": {"$ref": "#/$defs/a"}}}, "$defs": {"a": {"then": {"$ref": "#/$defs/a"}}}},
         "run.$defs.a.then.$ref"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "run.properties.a.$ref"),
        ({"$defs": {"a": {"type": "object", "required": ["b"], "properties": {
            "b": {"type": ["object"], "required": ["c"], "properties": {"c": {"$ref": "#/$defs/a"}}}}}}},
         "run.$defs.a.properties.b.properties.c.$ref"),
        ({"type": "string"}, "run"),
        ({"type": ["array", "null"]}, "run"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "integer"}}}, "run.$defs.a"),
        ({"allOf": [{"const": 1}]}, "run.allOf.0"),
        ({"enum": ["a", "b"]}, "run"),
        ({"enum": []}, "run.enum"),
        ({"properties": {"a": {"enum": []}}}, "run.properties.a.enum"),
        ({"not": {}}, "run.not"),
        ({"properties": {"a": {"not": True}}}, "run.properties.a.not"),
        ({"minProperties": 2, "maxProperties": 1}, "run.minProperties"),
        ({"properties": {"a": {"items": {"minimum": 1, "maximum": 0.5}}}}, "run.properties.a.items.minimum"),
        ({"properties": {"a": {"minLength": 2, "maxLength": 1}}}, "run.properties.a.minLength"),
        ({"required": ["a"], "additionalProperties": False}, "run.required"),
        ({"required": ["a", "b"], "properties": {"a": {}}, "additionalProperties": False}, "run.required"),
        ({"$defs": {"a": {"required": ["a"], "properties": {"a": False}}}}, "run.$defs.a.required"),
    ],
)  # fmt: skip
def test_refused(document: dict[str, Any], field: str) -> None:
    """The field says where."""
    with pytest.raises(InvalidInput) as caught:
        check(document)

    assert field == caught.value.field


@pytest.mark.parametrize("kind", [[], "nothing", ["string", "nothing"], 1, ["string", "string"]])
@pytest.mark.parametrize("nested", [False, True])
def test_types_that_are_none(kind: Any, nested: bool) -> None:
    """Wherever they stand."""
    document = {"properties": {"a": {"type": kind}}} if nested else {"type": kind}
    with pytest.raises(InvalidInput, match="no JSON Schema") as caught:
        check(document)

    assert str(caught.value.field).startswith("run.properties.a.type" if nested else "run.type")


@pytest.mark.parametrize(
    "document",
    [
        {},
        TREE,
        {"properties": {"a": {"$ref": "#"}}},
        {"required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": ["object", "null"], "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"additionalProperties": {"$ref": "#"}},
        {"required": ["a"], "properties": {"a": {}}, "additionalProperties": False},
        {"properties": {"a": False}},
        {"minProperties": 1, "maxProperties": 1},
        {"enum": [{"a": 1}, 5]},
        {"anyOf": [{"type": "string"}, {"type": "object"}]},
        {"$defs": CHAIN, "$ref": "#/$defs/d0"},
        {"$defs": {"a": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/$defs/a"}}},
    ],
)
def test_taken(document: dict[str, Any]) -> None:
    """Something keeps to it, or nobody can tell; soon, too."""
    started = time.thread_time()
    check(document)

    assert time.thread_time() - started < 1.0


@hypothesis.given(ANY_SCHEMA, ANY_SCHEMA, OPERATIONS)
@hypothesis.settings(deadline=None, max_examples=300)
def test_any_schema_is_taken_or_refused(one: dict[str, Any], other: dict[str, Any], written: list[Any]) -> None:
    """Nothing else is raised, nor by what compares it with another."""
    try:
        check(one)
        JsonSchema(other, field="run")
        operations = read_operations(written)
        check_succession({"run": one, "step": other}, {"run": other, "step": one}, operations, version=2)
    except InvalidInput as refused:
        assert refused.field


def test_long_chains_are_soon_looked_through() -> None:
    """As long as a schema may be."""
    chain = {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(490)} | {"d490": {}}
    started = time.thread_time()
    check({"$defs": chain})

    assert time.thread_time() - started < 2.0


def test_what_ships_can_hold() -> None:
    """Each version of each domain, for runs and for steps."""
    shipped = read_shipped()
    schemas = [
        each
        for domain in ("ml-pipeline", "data-engineering", "customer-support")
        for version in shipped.shipped(domain)
        for each in (version.row.run, version.row.step)
    ]
    for each in schemas:
        check_can_hold(each or {}, field="run")

    assert 8 == len(schemas)
