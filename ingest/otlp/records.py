"""What OTLP sends, less what nobody here asks about; both encodings are read into these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

#: Attributes by name: texts, numbers, truth values, lists and maps of these.
Attributes: TypeAlias = Mapping[str, Any]
Given = TypeVar("Given")
Read = TypeVar("Read")

#: Values are nested by people, to two or three.
DEEPEST = 20


class Malformed(ValueError):
    """This is no OTLP: the request, or one of its records."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A log record. Times are nanoseconds since 1970, 0 for none; ids are hex digits, empty for none."""

    resource: Attributes
    attributes: Attributes
    body: Any = None
    time: int = 0
    observed: int = 0
    severity: int = 0
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What a span notes of a moment."""

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work. `failed`: its status is ERROR, and `message` says why."""

    resource: Attributes
    attributes: Attributes
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    end: int
    failed: bool
    message: str
    events: tuple[Event, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Export(Generic[Read]):
    """The records of a request that can be read, how many cannot, and what is wrong with the first of those."""

    records: tuple[Read, ...]
    rejected: int = 0
    problem: str = ""


def read_each(given: Iterable[Given], read: Callable[[Given], Read]) -> Export[Read]:
    """Read records one by one: one that is malformed costs itself alone. `given` may raise `Malformed` for them all."""
    records, rejected, problem = list[Read](), 0, ""
    for number, each in enumerate(given, start=1):
        try:
            records.append(read(each))
        except Malformed as error:
            rejected, problem = rejected + 1, problem or f"record {number}: {error}"
    return Export(tuple(records), rejected, problem)


def identifier(digits: str, *, size: int) -> str:
    """An id of so many bytes in hex; empty where it is none: of another length, or all zeros."""
    if len(digits) != 2 * size or not digits.strip("0"):
        return ""
    return digits
