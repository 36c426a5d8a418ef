"""Schemas that anybody may write: what is taken, what is refused, and that none costs more than a moment."""

from __future__ import annotations

import time
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from knowledge.errors import InvalidInput
from knowledge.state.json_schemas import DIALECT, KNOWN, MOST_ENTRIES, JsonSchema, check_attributes_size

#: A generous bound on what takes a fifth of a second here.
MOMENT_S = 3.0
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["string", "object", "#", "#/$defs/a", "^a+$", "("]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)
ANY_SCHEMA = st.recursive(
    st.dictionaries(st.sampled_from(sorted(KNOWN)), JSON, max_size=2),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["items", "not", "contains", "additionalProperties", "propertyNames", "if", "then"]), inner
        )
        | st.dictionaries(st.sampled_from(["allOf", "anyOf", "oneOf"]), st.lists(inner, min_size=1, max_size=3))
        | st.dictionaries(st.sampled_from(["properties", "$defs"]), st.dictionaries(st.sampled_from(["a", "b"]), inner))
    ),
    max_leaves=6,
)


def schema(**keywords: Any) -> JsonSchema:
    """A schema called `run`."""
    return JsonSchema(keywords, field="run")


def place_of(found: JsonSchema, value: Any) -> str | None:
    """Where a value is wrong; None where it is right."""
    problem = found.first_problem(value)
    return None if problem is None else problem.place


@hypothesis.given(ANY_SCHEMA, st.dictionaries(st.sampled_from(["a", "b"]), JSON, max_size=2))
@hypothesis.settings(deadline=None, max_examples=300)
def test_any_document_is_taken_or_refused(document: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Nothing else is raised, then or when attributes are checked."""
    try:
        found = JsonSchema(document, field="run")
    except InvalidInput as refused:
        assert str(refused.field).startswith("run")
        return
    started = time.thread_time()
    found.first_problem(attributes)

    assert time.thread_time() - started < MOMENT_S


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"propertis": {}}, "run"),
        ({"properties": {"a": {"patternProperties": {}}}}, "run.properties.a"),
        ({"unevaluatedProperties": False}, "run"),
        ({"$id": "https://example.org"}, "run"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "run.$schema"),
        ({"properties": {"a": {"$schema": DIALECT}}}, "run.properties.a"),
        ({"type": "strin"}, "run.type"),
        ({"properties": {"a": {"minimum": "1"}}}, "run.properties.a.minimum"),
        ({"properties": {"a": 1}}, "run.properties.a"),
        ({"$ref": "https://example.org/schema.json"}, "run.$ref"),
        ({"$ref": "file:///etc/passwd"}, "run.$ref"),
        ({"properties": {"a": {"$ref": "#/properties/b"}}}, "run.properties.a.$ref"),
        ({"$ref": "#/$defs/a"}, "run.$ref"),
        ({"$defs": {"a/b": {}}}, "run.$defs"),
        ({"$defs": {"a": {"$ref": "b"}}}, "run.$defs.a.$ref"),
        ({"properties": {"a": {"pattern": "(?=a)"}}}, "run.properties.a.pattern"),
        ({"pattern": "("}, "run.pattern"),
        ({"pattern": "a" * 501}, "run.pattern"),
        ({"enum": list(range(MOST_ENTRIES + 1))}, "run"),
        ({"description": "a" * 32_001}, "run"),
        ({"items": {"items": {"items": {"items": {"items": {"const": [[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]}}}}}}, "run"),
    ],
)
def test_refused(document: dict[str, Any], field: str) -> None:
    """What would check nothing, cannot be trusted or leaves the document; the field says where."""
    with pytest.raises(InvalidInput) as caught:
        JsonSchema(document, field="run")

    assert field == caught.value.field


def test_references_within_the_document() -> None:
    """To definitions, and to the whole: a tree."""
    tree = schema(
        type="object",
        properties={"name": {"$ref": "#/$defs/name"}, "below": {"type": "array", "items": {"$ref": "#"}}},
        **{"$schema": DIALECT, "$defs": {"name": {"type": "string"}}},
    )

    assert None is place_of(tree, {"name": "a", "below": [{"name": "b", "below": []}]})
    assert "below.0.name" == place_of(tree, {"name": "a", "below": [{"name": 1}]})


def test_patterns() -> None:
    """As JSON Schema has them: anywhere in the text, and texts alone."""
    found = schema(properties={"a": {"pattern": "b+$"}}, propertyNames={"pattern": "^[a-z]$"})

    assert (None, None, "a") == tuple(place_of(found, each) for each in ({"a": "abb"}, {"a": 5}, {"a": "ba"}))
    assert "" == place_of(found, {"Zz": 1})


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, True, "1", [1], {"a": 1}], True),
        ([1, 1.0], False),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
        ([[1, 2], [2, 1]], True),
        ([0, False, None, [], {}], True),
        ([], True),
    ],
)
def test_unique_items(items: list[Any], unique: bool) -> None:
    """As JSON Schema says what is equal."""
    assert unique is (place_of(schema(uniqueItems=True), items) is None)


DEFINITIONS = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)} | {"d40": {"minimum": 0}}


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"$ref": "#/$defs/d0", "$defs": DEFINITIONS}, 1),
        ({"$ref": "#"}, {}),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {}),
        ({"additionalProperties": {"allOf": [{"minimum": 0}] * 450}}, {str(i): 1 for i in range(900)}),
        ({"anyOf": [{"type": "string"}] * 450}, {"a": "x" * 60_000}),
    ],
)
def test_what_takes_too_long_is_ended(document: dict[str, Any], value: Any) -> None:
    """And counts as wrong: nobody knows whether it is right."""
    started = time.thread_time()
    problem = JsonSchema(document, field="run").first_problem(value)

    assert problem is not None
    assert "takes too long to check against its schema" == problem.text
    assert time.thread_time() - started < MOMENT_S


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"items": {"pattern": "(a*)*b"}}, ["a" * 5_000] * 10),
        ({"uniqueItems": True}, [{"a": i} for i in range(900)]),
        ({"items": {"enum": [{"a": [i]} for i in range(300)]}}, [{"a": [300]}] * 250),
    ],
)
def test_what_is_slow_elsewhere(document: dict[str, Any], value: Any) -> None:
    """Backtracking patterns, comparing each with each."""
    started = time.thread_time()
    JsonSchema(document, field="run").first_problem(value)

    assert time.thread_time() - started < MOMENT_S


def test_problems_are_short_and_tell_what_is_wrong() -> None:
    """However long the value is that they quote; secrets in it are not told."""
    key = "AKIA" + "Z7" * 8
    problem = schema(properties={"a": {"type": "integer"}}).first_problem({"a": f"{key} " + "x" * 60_000})

    assert problem is not None
    assert problem.text.endswith("is not of type 'integer'")
    assert len(problem.text) <= 300
    assert key not in problem.text


@pytest.mark.parametrize("attributes", [{"a": "x" * 64_001}, {"a": list(range(1_001))}, {"a": 2**70}])
def test_bounds_of_attributes(attributes: dict[str, Any]) -> None:
    """Bytes, entries, and numbers that JSON libraries agree about."""
    with pytest.raises(InvalidInput) as caught:
        check_attributes_size(attributes, field="attributes")

    assert "attributes" == caught.value.field
