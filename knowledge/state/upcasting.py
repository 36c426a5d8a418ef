"""Attributes of an older schema version, brought to a newer one by declared operations. Pure: values in, values out."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from knowledge.errors import InvalidInput

Part: TypeAlias = Literal["run", "step"]
Path: TypeAlias = tuple[str, ...]

#: Operations from one version to the next, and how long and deep their paths may be.
MOST_OPERATIONS = 100
LONGEST_PATH = 200
DEEPEST_PATH = 20


@dataclass(frozen=True, slots=True)
class Rename:
    """What stands at `source` moves to `target`. Where something stands there already both stay: nothing is lost."""

    source: Path
    target: Path
    part: Part | None = None

    def apply(self, attributes: dict[str, Any]) -> None:
        """Do it in place."""
        parent = _parent(attributes, self.source)
        if parent is None or self.source[-1] not in parent:
            return
        value = parent.pop(self.source[-1])
        if not _put(attributes, self.target, value):
            parent[self.source[-1]] = value


@dataclass(frozen=True, slots=True)
class Default:
    """Where nothing stands at `path`, `value` does from now on."""

    path: Path
    value: Any
    part: Part | None = None

    def apply(self, attributes: dict[str, Any]) -> None:
        """Do it in place."""
        _put(attributes, self.path, copy.deepcopy(self.value))


@dataclass(frozen=True, slots=True)
class Remove:
    """What stands at `path` goes."""

    path: Path
    part: Part | None = None

    def apply(self, attributes: dict[str, Any]) -> None:
        """Do it in place."""
        parent = _parent(attributes, self.path)
        if parent is not None:
            parent.pop(self.path[-1], None)


Operation: TypeAlias = Rename | Default | Remove


def upcast(attributes: Mapping[str, Any], operations: Iterable[Operation], *, part: Part) -> dict[str, Any]:
    """A copy of the attributes after the operations, in their order, that are for this part."""
    brought: dict[str, Any] = copy.deepcopy(dict(attributes))
    for operation in operations:
        if operation.part in (None, part):
            operation.apply(brought)
    return brought


def read_operations(written: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """The operations as a schema document writes them; raises `InvalidInput`, which names the field.

    `{"op": "rename", "from": "a.b", "to": "a.c"}`, `{"op": "default", "path": "x", "value": 1}`,
    `{"op": "remove", "path": "y"}`, each with `"part": "run"` or `"step"` where it is for one of them only.
    """
    if len(written) > MOST_OPERATIONS:
        raise InvalidInput(f"From one version to the next there are at most {MOST_OPERATIONS} steps.", field="upcast")
    return tuple(_read_one(each, place=f"upcast.{number}") for number, each in enumerate(written))


def _read_one(written: Mapping[str, Any], *, place: str) -> Operation:
    part: Part | None = written.get("part")
    match written["op"]:
        case "rename":
            source = _read_path(written["from"], place=f"{place}.from")
            target = _read_path(written["to"], place=f"{place}.to")
            if source[: len(target)] == target:
                raise InvalidInput("A value cannot move to where it is, or above that.", field=f"{place}.to")
            return Rename(source, target, part)
        case "default":
            return Default(_read_path(written["path"], place=f"{place}.path"), copy.deepcopy(written["value"]), part)
        case _:
            return Remove(_read_path(written["path"], place=f"{place}.path"), part)


def _read_path(written: str, *, place: str) -> Path:
    path = tuple(written.split("."))
    if len(written) > LONGEST_PATH or len(path) > DEEPEST_PATH or not all(path):
        raise InvalidInput(
            f"A path is up to {DEEPEST_PATH} names with dots between, of {LONGEST_PATH} characters in all.", field=place
        )
    return path


def _parent(attributes: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """The object that holds the path's last name; None where there is none."""
    found: Any = attributes
    for name in path[:-1]:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _put(attributes: dict[str, Any], path: Path, value: Any) -> bool:
    """Put a value where nothing stands, with the objects on the way there; False where something is in the way."""
    if not _is_free(attributes, path):
        return False
    place: dict[str, Any] = attributes
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return True


def _is_free(attributes: dict[str, Any], path: Path) -> bool:
    """Whether nothing stands at the path's end, and nothing but objects on the way there."""
    found: Any = attributes
    for name in path:
        if not isinstance(found, dict):
            return False
        if name not in found:
            return True
        found = found[name]
    return False
