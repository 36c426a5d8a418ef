"""From a version to the next: operations that do nothing, and properties that nothing makes."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.errors import InvalidInput
from knowledge.state.schemas import read_shipped
from knowledge.state.succession import check_succession
from knowledge.state.upcasting import read_operations

Document = dict[str, Any]
TEXT = {"type": "string"}
LR: Document = {"type": "object", "properties": {"lr": {"type": "number"}}}
CLOSED: Document = LR | {"additionalProperties": False}
NESTED: Document = {
    "type": "object",
    "required": ["model"],
    "properties": {
        "model": {"type": "object", "required": ["name"], "properties": {"name": TEXT, "size": TEXT}},
        "labels": {"$ref": "#/$defs/labels"},
    },
    "allOf": [{"properties": {"seed": {}}}],
    "$defs": {"labels": {"type": "object", "additionalProperties": TEXT}},
}


def check(
    before: Document, *operations: Document, after: Document | None = None, steps: tuple[Any, Any] = (None, None)
) -> None:
    """The second version of a schema."""
    old, new = {"run": before, "step": steps[0]}, {"run": after or {}, "step": steps[1]}
    check_succession(old, new, read_operations(operations), version=2)


def rename(source: str, target: str = "new", **part: str) -> Document:
    """Move what stands at a path."""
    return {"op": "rename", "from": source, "to": target, **part}


def remove(path: str, **part: str) -> Document:
    """Take away what stands at a path."""
    return {"op": "remove", "path": path, **part}


def default(path: str, value: Any = 0, **part: str) -> Document:
    """Put a value at a path."""
    return {"op": "default", "path": path, "value": value, **part}


@pytest.mark.parametrize(
    ("before", "operations", "field"),
    [
        (LR, [rename("lrr")], "upcast.0.from"),
        (CLOSED, [rename("lrr")], "upcast.0.from"),
        (CLOSED, [rename("lr"), remove("lrr")], "upcast.1.path"),
        (CLOSED, [rename("lr.value")], "upcast.0.from"),
        (LR, [rename("lrr", part="run")], "upcast.0.from"),
        (NESTED, [rename("model.nam")], "upcast.0.from"),
        (NESTED, [remove("seeds")], "upcast.0.path"),
        (NESTED, [remove("labels.team.name")], "upcast.0.path"),
        (CLOSED, [default("x", part="step"), rename("x", part="run")], "upcast.1.from"),
        ({"additionalProperties": False}, [remove("a")], "upcast.0.path"),
    ],
)
def test_operations_that_would_do_nothing(before: Document, operations: list[Document], field: str) -> None:
    """What they name is not in the version before."""
    with pytest.raises(InvalidInput, match="Version 1 has no") as caught:
        check(before, *operations)

    assert field == caught.value.field


@pytest.mark.parametrize(
    ("before", "operations"),
    [
        (LR, [rename("lr")]),
        (CLOSED, [rename("lr", "rate.base"), rename("rate.base", "rate.first"), remove("rate")]),
        (CLOSED, [default("x"), remove("x", part="run")]),
        ({}, [rename("anything")]),
        ({"type": "object"}, [remove("any.thing")]),
        (LR | {"additionalProperties": True}, [rename("any.thing")]),
        (LR | {"additionalProperties": TEXT}, [rename("anything")]),
        ({"required": ["rows"], "properties": {"a": {}}}, [rename("rows")]),
        (NESTED, [rename("model.size"), remove("labels.team"), rename("seed")]),
        ({"$ref": "#/$defs/a", "$defs": {"a": LR}}, [rename("lr")]),
        ({"anyOf": [LR, {"properties": {"b": {}}}]}, [rename("lr"), remove("b")]),
        (CLOSED, [rename("lrr", part="step")]),
    ],
)
def test_operations_that_do_something(before: Document, operations: list[Document]) -> None:
    """It is named there, made before, or nothing is said of it."""
    check(before, *operations)


def test_operations_for_both_parts() -> None:
    """One of them has it; one that says nothing does not stand in for it."""
    check(CLOSED, rename("rows"), steps=({"required": ["rows"]}, None))
    with pytest.raises(InvalidInput):
        check(CLOSED, rename("rows"), steps=(None, None))
    with pytest.raises(InvalidInput):
        check({}, rename("rows"), steps=(LR, None))


@pytest.mark.parametrize(
    ("before", "operations", "after", "field"),
    [
        (LR, [], {"required": ["lr"]}, "run.required"),
        (LR, [rename("lr", "rate")], {"required": ["rate"]}, "run.required"),
        (LR, [default("unit", part="step")], {"required": ["unit"]}, "run.required"),
        (LR | {"required": ["lr"]}, [rename("lr", "rate")], {"required": ["lr"]}, "run.required"),
        (NESTED, [remove("model")], NESTED, "run.required"),
        (NESTED, [remove("model.name")], NESTED, "run.properties.model.required"),
        (NESTED, [], {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"required": ["seed"]}}}, "run.required"),
    ],
)
def test_required_and_made_by_nothing(
    before: Document, operations: list[Document], after: Document, field: str
) -> None:
    """Attributes of the version before may lack it."""
    with pytest.raises(InvalidInput, match="add a default") as caught:
        check(before, *operations, after=after)

    assert field == caught.value.field


@pytest.mark.parametrize(
    ("before", "operations", "after"),
    [
        (LR, [default("lr")], {"required": ["lr"]}),
        (LR, [rename("lr", "rate"), default("rate")], {"required": ["rate"]}),
        (LR | {"required": ["lr"]}, [rename("lr", "rate.base")],
         {"type": "object", "required": ["rate"], "properties": {"rate": {"type": "object", "required": ["base"]}}}),
        (NESTED, [], NESTED),
        (NESTED, [rename("model", "made")],
         {"type": "object", "required": ["made"], "properties": {"made": {"type": "object", "required": ["name"]}}}),
        ({}, [default("model", {"name": "", "size": ""})], NESTED),
        ({}, [], {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        ({}, [], {"properties": {"a": {"type": "object", "required": ["b"]}}}),
    ],
)  # fmt: skip
def test_required_and_there(before: Document, operations: list[Document], after: Document) -> None:
    """The version before required it, or an operation makes it; what is not always required is not asked for."""
    check(before, *operations, after=after)


def test_steps_are_looked_at_like_runs() -> None:
    """Any attributes of a step may lack anything."""
    with pytest.raises(InvalidInput) as caught:
        check({}, steps=(None, {"required": ["rows"]}))
    check({}, default("rows", part="step"), steps=(None, {"required": ["rows"]}))

    assert "step.required" == caught.value.field


def test_references_do_not_multiply() -> None:
    """Each level twice, twenty levels deep."""
    both = {"type": "object", "required": ["a", "b"]}
    levels = {
        f"d{number}": both | {"properties": {name: {"$ref": f"#/$defs/d{number + 1}"} for name in "ab"}}
        for number in range(25)
    }
    schema: Document = {"$ref": "#/$defs/d0", "$defs": levels | {"d25": {}}}
    check(schema, after=schema)


def test_what_ships_fits() -> None:
    """The second version of ml-pipeline after its first."""
    first, second = read_shipped().shipped("ml-pipeline")
    check_succession(
        {"run": first.row.run, "step": first.row.step},
        {"run": second.row.run, "step": second.row.step},
        second.upcast,
        version=2,
    )

    assert 8 == len(second.upcast)
