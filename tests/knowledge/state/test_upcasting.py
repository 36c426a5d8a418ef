"""Bringing attributes up: what the operations do, and that nothing else is touched or lost."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from knowledge.errors import InvalidInput
from knowledge.state.upcasting import DEEPEST_PATH, MOST_OPERATIONS, read_operations, upcast

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=3)
PARTS = st.sampled_from([{}, {"part": "run"}, {"part": "step"}])


def with_part(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An operation for runs, steps or both."""
    return st.builds(lambda part, rest: part | rest, PARTS, st.fixed_dictionaries(fields))


RENAMES = with_part(op=st.just("rename"), **{"from": PATHS, "to": PATHS}).filter(
    lambda each: each["from"].split(".")[: len(each["to"].split("."))] != each["to"].split(".")
)
DEFAULTS = with_part(op=st.just("default"), path=PATHS, value=VALUES)
REMOVALS = with_part(op=st.just("remove"), path=PATHS)


def brought(attributes: dict[str, Any], *written: dict[str, Any], part: Any = "run") -> dict[str, Any]:
    """The attributes after operations as they are written."""
    return upcast(attributes, read_operations(written), part=part)


def leaves(value: Any) -> list[str]:
    """What is neither an object nor inside a list, sorted."""
    if isinstance(value, dict):
        return sorted(leaf for child in value.values() for leaf in leaves(child))
    return [repr(value)]


@hypothesis.given(ATTRIBUTES, st.lists(RENAMES | DEFAULTS | REMOVALS, max_size=5))
def test_given_attributes_stay_as_they_were(attributes: dict[str, Any], written: list[dict[str, Any]]) -> None:
    """Readers of other versions share them."""
    before = copy.deepcopy(attributes)
    result = brought(attributes, *written)
    for child in result.values():
        if isinstance(child, dict):
            child["changed"] = True

    assert before == attributes


@hypothesis.given(ATTRIBUTES, st.lists(RENAMES | DEFAULTS, max_size=5))
def test_only_removing_loses_values(attributes: dict[str, Any], written: list[dict[str, Any]]) -> None:
    """Whatever stands in the way of a move."""
    after = leaves(brought(attributes, *written))
    for leaf in leaves(attributes):
        assert leaf in after
        after.remove(leaf)


@hypothesis.given(ATTRIBUTES, st.lists(RENAMES | DEFAULTS | REMOVALS, max_size=3), st.lists(REMOVALS, max_size=3))
def test_versions_in_between_change_nothing(
    attributes: dict[str, Any], first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    """From 1 to 3 is from 1 to 2 and from 2 to 3."""
    assert brought(brought(attributes, *first), *second) == brought(attributes, *first, *second)


@hypothesis.given(ATTRIBUTES, PATHS)
def test_removed_is_gone(attributes: dict[str, Any], path: str) -> None:
    """And once more is no more."""
    once = brought(attributes, {"op": "remove", "path": path})
    found: Any = once
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None

    assert None is found
    assert once == brought(once, {"op": "remove", "path": path})


@pytest.mark.parametrize(
    ("written", "before", "after"),
    [
        ({"op": "rename", "from": "lr", "to": "hyper.lr"}, {"lr": 1}, {"hyper": {"lr": 1}}),
        ({"op": "rename", "from": "lr", "to": "hyper.lr"}, {"lr": 1, "hyper": {"b": 2}}, {"hyper": {"b": 2, "lr": 1}}),
        ({"op": "rename", "from": "lr", "to": "hyper.lr"}, {"hyper": {"lr": 2}}, {"hyper": {"lr": 2}}),
        ({"op": "rename", "from": "lr", "to": "hyper.lr"}, {"lr": 1, "hyper": 3}, {"lr": 1, "hyper": 3}),
        ({"op": "rename", "from": "lr", "to": "rate"}, {"lr": 1, "rate": None}, {"lr": 1, "rate": None}),
        ({"op": "rename", "from": "model", "to": "model.name"}, {"model": "m"}, {"model": {"name": "m"}}),
        ({"op": "default", "path": "a.b", "value": [1]}, {}, {"a": {"b": [1]}}),
        ({"op": "default", "path": "a.b", "value": [1]}, {"a": {"b": None}}, {"a": {"b": None}}),
        ({"op": "remove", "path": "a.b"}, {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        ({"op": "remove", "path": "a.b"}, {"a": [1]}, {"a": [1]}),
        ({"op": "remove", "path": "a", "part": "step"}, {"a": 1}, {"a": 1}),
        ({"op": "remove", "path": "a", "part": "run"}, {"a": 1}, {}),
    ],
)
def test_operations(written: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Each where it fits, and where something is in its way."""
    assert after == brought(before, written)


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ([{"op": "rename", "from": "a", "to": "a"}], "upcast.0.to"),
        ([{"op": "rename", "from": "a.b", "to": "a"}], "upcast.0.to"),
        ([{"op": "rename", "from": "", "to": "a"}], "upcast.0.from"),
        ([{"op": "remove", "path": "a"}, {"op": "remove", "path": "a..b"}], "upcast.1.path"),
        ([{"op": "remove", "path": ".".join("a" * (DEEPEST_PATH + 1))}], "upcast.0.path"),
        ([{"op": "remove", "path": "a" * 201}], "upcast.0.path"),
        ([{"op": "remove", "path": "a"}] * (MOST_OPERATIONS + 1), "upcast"),
    ],
)
def test_operations_that_cannot_be(written: list[dict[str, Any]], field: str) -> None:
    """The field says which."""
    with pytest.raises(InvalidInput) as caught:
        read_operations(written)

    assert field == caught.value.field
