"""The lines of an import, read from NDJSON or CSV, each ready to be sent or with what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from ingest import strict_json
from ingest.csv import BYTE_ORDER_MARK, CsvFile, is_field, place
from ingest.records import LineProblem, from_mapping

#: Longest line that is read; the service's own limit (`SEENBEFORE_MAX_BODY_BYTES`) is about this.
LONGEST_LINE = 4_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the input: `body` is what is sent, and without one `problem` says why nothing is.

    `size` is what was read for it, in bytes; `original` may be cut when the line is too long.
    """

    number: int
    original: bytes
    size: int
    body: bytes | None = None
    problem: str | None = None


class Ids:
    """External ids for lines that have none: by content, so that a file imported twice makes no duplicates.

    The same line may stand in a file several times, because the failure occurred several times: the second and later
    ones are numbered.
    """

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def of(self, original: bytes) -> str:
        """The id of the next occurrence of this line."""
        digest = hashlib.sha256(original.strip()).digest()[:16]
        self._seen[digest] += 1
        times = self._seen[digest]
        return f"line-{digest.hex()}" + (f"-{times}" if times > 1 else "")


def read_ndjson(stream: BinaryIO, *, given: Mapping[str, str], ids: Ids | None) -> Iterator[Line]:
    """Lines of NDJSON; blank ones are passed over. `given` maps fields to the names that they have in this file."""
    for number, original, size in bounded(stream):
        if size > LONGEST_LINE:
            yield Line(number, original, size, problem=f"a line may have at most {LONGEST_LINE} bytes")
            continue
        content = original.removeprefix(BYTE_ORDER_MARK).strip() if number == 1 else original.strip()
        if not content:
            continue
        try:
            value = _renamed(strict_json.loads(content), given=given)
            yield Line(number, original, size, body=_body(value, original=content, ids=ids))
        except (strict_json.Malformed, strict_json.Unfit, LineProblem) as problem:
            yield Line(number, original, size, problem=str(problem))


def read_csv(file: CsvFile, *, ids: Ids | None) -> Iterator[Line]:
    """Rows of CSV."""
    for row in file:
        size = len(row.original)
        if row.value is None:
            yield Line(row.number, row.original, size, problem=row.problem)
            continue
        try:
            body = _body(dict(row.value), original=row.original, ids=ids)
        except LineProblem as problem:
            yield Line(row.number, row.original, size, problem=str(problem))
        else:
            yield Line(row.number, row.original, size, body=body)


def chunks(lines: Iterable[Line], *, most: int, most_bytes: int) -> Iterator[list[Line]]:
    """Lines in groups small enough to send and to report on."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= most or size + line.size > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += line.size
    if chunk:
        yield chunk


def _body(value: Any, *, original: bytes, ids: Ids | None) -> bytes:
    """What is sent for a line: checked, and with an external id where one is derived; raises `LineProblem`."""
    from_mapping(value)
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


def bounded(stream: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Numbered lines and their sizes; of one that is too long only the beginning is held in memory."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        size = len(line)
        rest = line
        while size > LONGEST_LINE and rest and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
            size += len(rest)
        yield number, line, size
