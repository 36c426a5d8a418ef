"""The lines of an import, whatever they were read from, each ready to be sent or with what is wrong with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO

import orjson

from ingest import strict_json
from ingest.bounded import bounded_lines
from ingest.csv import BYTE_ORDER_MARK, CsvFile, is_field, place
from ingest.items import Item, Names, Outcome
from ingest.occurrences import Occurrences, digest_of
from ingest.records import LineProblem, from_mapping

#: Longest line that is read; the service's own limit (`SEENBEFORE_MAX_BODY_BYTES`) is about this.
LONGEST_LINE = 4_000_000
NO_NAMES = Names()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the input: `body` is what is sent, and without one `problem` says why nothing is.

    `size` is what was read for it, in bytes; `original` may be cut when the line is too long. `outcome` is how the
    attempt after the failure ended, where the input knows. `file` is its name, where there are several.
    """

    number: int
    original: bytes
    size: int
    body: bytes | None = None
    problem: str | None = None
    outcome: Outcome | None = None
    file: str | None = None


class Ids:
    """External ids for lines that have none: by content, so that a file imported twice makes no duplicates.

    The same line may stand in a file several times, because the failure occurred several times: the second and later
    ones are numbered. A context manager, as what it counts with has to be closed.
    """

    def __init__(self) -> None:
        self._seen = Occurrences()

    def __enter__(self) -> Ids:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seen.__exit__(kind, error, trace)

    def of(self, original: bytes) -> str:
        """The id of the next occurrence of this line."""
        digest = digest_of(original.strip())
        times = self._seen.count(digest)
        return f"line-{digest.hex()}" + (f"-{times}" if times > 1 else "")


def read_ndjson(
    stream: BinaryIO, *, given: Mapping[str, str], ids: Ids | None, names: Names = NO_NAMES
) -> Iterator[Line]:
    """Lines of NDJSON; blank ones are passed over. `given` maps fields to the names that they have in this file.

    `ids` are closed at the end.
    """
    with ids or contextlib.nullcontext():
        yield from _ndjson(stream, given=given, ids=ids, names=names)


def _ndjson(stream: BinaryIO, *, given: Mapping[str, str], ids: Ids | None, names: Names) -> Iterator[Line]:
    for number, original, size in bounded_lines(stream, longest=LONGEST_LINE):
        if size > LONGEST_LINE:
            yield Line(number, original, size, problem=f"a line may have at most {LONGEST_LINE} bytes")
            continue
        content = original.removeprefix(BYTE_ORDER_MARK).strip() if number == 1 else original.strip()
        if not content:
            continue
        try:
            value = _renamed(strict_json.loads(content), given=given)
            yield Line(number, original, size, body=_body(value, original=content, ids=ids, names=names))
        except (strict_json.Malformed, strict_json.Unfit, LineProblem) as problem:
            yield Line(number, original, size, problem=str(problem))


def read_csv(file: CsvFile, *, ids: Ids | None, names: Names = NO_NAMES) -> Iterator[Line]:
    """Rows of CSV; `ids` are closed at the end."""
    with ids or contextlib.nullcontext():
        yield from _rows(file, ids=ids, names=names)


def _rows(file: CsvFile, *, ids: Ids | None, names: Names) -> Iterator[Line]:
    for row in file:
        size = len(row.original)
        if row.value is None:
            yield Line(row.number, row.original, size, problem=row.problem)
            continue
        try:
            body = _body(dict(row.value), original=row.original, ids=ids, names=names)
        except LineProblem as problem:
            yield Line(row.number, row.original, size, problem=str(problem))
        else:
            yield Line(row.number, row.original, size, body=body)


def read_items(items: Iterable[Item]) -> Iterator[Line]:
    """What a reader of other formats found; its items have ids of their own."""
    for item in items:
        # Not by orjson: what is refused may be what it cannot write.
        original = item.original or (b"" if item.value is None else json.dumps(item.value, default=str).encode())
        problem, body = item.problem, None
        if item.value is not None:
            try:
                body = _body(dict(item.value), original=original, ids=None)
            except LineProblem as wrong:
                problem = str(wrong)
        yield Line(item.number, original, item.size, body, problem, item.outcome)


def chunks(lines: Iterable[Line], *, most: int, most_bytes: int) -> Iterator[list[Line]]:
    """Lines in groups small enough to send and to report on."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        needed = max(line.size, len(line.body or b""))
        if chunk and (len(chunk) >= most or size + needed > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += needed
    if chunk:
        yield chunk


def _body(value: Any, *, original: bytes, ids: Ids | None, names: Names = NO_NAMES) -> bytes:
    """What is sent for a line: checked, and with an external id where one is derived; raises `LineProblem`.

    `names` stand in for what the line does not name.
    """
    from_mapping(value)
    if standing_in := names.fields():
        value = standing_in | {name: each for name, each in value.items() if each is not None}
    if ids is not None and not value.get("external_id"):
        value = {**value, "external_id": ids.of(original)}
    return orjson.dumps(value)


def _renamed(value: Any, *, given: Mapping[str, str]) -> Any:
    """The object's fields under the service's names; with a map, what is no field is left out, as in CSV."""
    if not given or not isinstance(value, dict):
        return value
    made = {name: each for name, each in value.items() if _is_whole_field(name) and name not in given.values()}
    for name, theirs in given.items():
        if value.get(theirs) is not None:
            place(made, name, value[theirs])
    return made


def _is_whole_field(name: str) -> bool:
    return is_field(name) or name in ("error", "resolution", "environment", "spent")
