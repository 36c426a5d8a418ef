"""CSV with a column map: rows become the same fields that an NDJSON line has (`ingest.records.from_mapping`).

A bad row never costs the good ones. RFC 4180 quoting; cells may span lines, as stack traces do.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ingest.records import IncidentBody

#: Characters of a cell; the limit of a text (`ingest.records.Text`). Python's own is 131,072: too short for logs.
LARGEST_CELL = 2_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PARTS: Mapping[str, tuple[str, ...]] = {
    "error": ("type", "message", "stacktrace"),
    "resolution": ("summary", "action"),
}
#: Fields whose parts have names of the caller's own: `environment.image`, `spent.gpu_hours`.
OPEN_FIELDS = ("environment", "spent")
#: A column of this name, with no map given, is most often this.
USUAL: Mapping[str, str] = {"error": "error.message", "resolution": "resolution.summary"}
#: Words of fixed vocabularies: `Transient` in a spreadsheet is `transient`.
WORDS = frozenset({"verdict", "cause", "resolution.action"})


class CsvProblem(ValueError):
    """The file as a whole cannot be read: its header, or the map given for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that starts at line `number` (from 1): its fields, or what is wrong with it."""

    number: int
    original: bytes
    value: Mapping[str, Any] | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column each field is taken from; `unused` columns are not taken at all."""

    columns: Mapping[str, str]
    unused: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: Iterable[str], *, given: Mapping[str, str]) -> ColumnMap:
        """What was said (field to column), then columns that are named as fields are; raises `CsvProblem`."""
        names = list(header)
        check_fields(given)
        if missing := sorted(set(given.values()) - set(names)):
            raise CsvProblem(f"there is no column {missing[0]!r}; the columns are: {', '.join(names)}")
        columns = dict(given)
        for name in names:
            wanted = USUAL.get(name.strip().lower(), name.strip().lower())
            if name not in given.values() and wanted not in columns and is_field(wanted):
                columns[wanted] = name
        taken = set(columns.values())
        return cls(columns, unused=tuple(name for name in names if name not in taken))

    def value(self, cells: Mapping[str, str]) -> dict[str, Any]:
        """The fields of a row; empty cells are left out."""
        made: dict[str, Any] = {}
        for name, column in self.columns.items():
            cell = cells[column]
            if cell.strip():
                place(made, name, cell.strip().lower() if name in WORDS else cell)
        return made


def is_field(name: str) -> bool:
    """Whether a value may be put there: `text`, `error.type`, `environment.image`."""
    first, _, rest = name.partition(".")
    if first in OPEN_FIELDS:
        return bool(rest)
    return rest in PARTS[first] if first in PARTS else name in IncidentBody.model_fields


def check_fields(given: Mapping[str, str]) -> None:
    """Refuse what is no field; raises `CsvProblem`."""
    for name in given:
        if not is_field(name):
            raise CsvProblem(f"there is no field {name!r}; the fields are: {', '.join(field_names())}")


def field_names() -> list[str]:
    """All fields that a column can be taken as."""
    plain = [name for name in IncidentBody.model_fields if name not in PARTS and name not in OPEN_FIELDS]
    nested = [f"{name}.{part}" for name, parts in PARTS.items() for part in parts]
    return [*plain, *nested, *(f"{name}.NAME" for name in OPEN_FIELDS)]


def place(value: dict[str, Any], name: str, given: Any) -> None:
    """Put a field where its dotted name says; what is there already and has no parts is replaced."""
    first, _, rest = name.partition(".")
    if not rest:
        value[first] = given
        return
    inner = value.get(first)
    value[first] = {**(inner if isinstance(inner, dict) else {}), rest: given}


@dataclass
class _Tape:
    """Lines as the reader takes them, kept until their row is complete."""

    lines: Iterator[bytes]
    number: int = 0
    kept: list[bytes] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.number += 1
            self.kept.append(line)
            text = line.removeprefix(BYTE_ORDER_MARK) if self.number == 1 else line
            yield text.decode("utf-8", "surrogateescape")

    def cut(self) -> tuple[int, bytes]:
        """The number of the first line kept, and all of them; keeps none."""
        first, original = self.number - len(self.kept) + 1, b"".join(self.kept)
        self.kept = []
        return first, original


class CsvFile:
    """A CSV file, read row by row; its header is read at once.

    `given` maps fields to columns. Raises `CsvProblem` when the header cannot be used.
    """

    def __init__(self, lines: Iterable[bytes], *, given: Mapping[str, str], delimiter: str = ",") -> None:
        self._tape = _Tape(iter(lines))
        self._reader = csv.reader(iter(self._tape), delimiter=delimiter)
        self._header = self._read_header()
        self.map = ColumnMap.of(self._header, given=given)
        if not {"text", "error.type", "error.message", "error.stacktrace"} & self.map.columns.keys():
            raise CsvProblem(
                "no column says what went wrong; map one, such as --map text=COLUMN. "
                f"The columns are: {', '.join(self._header)}"
            )

    def __iter__(self) -> Iterator[Row]:
        with _roomy_cells():
            while (row := self._next()) is not None:
                yield row

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error as error:
            raise CsvProblem(f"the header cannot be read: {error}") from None
        self._tape.cut()
        if not any(header) or "\0" in "".join(header) or not _is_unicode(header):
            raise CsvProblem("the first line is no header of column names in UTF-8")
        if len(set(header)) < len(header):
            raise CsvProblem("two columns have the same name")
        return header

    def _next(self) -> Row | None:
        """The next row that is not blank; None at the end."""
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return None
            except csv.Error as error:
                return Row(*self._tape.cut(), problem=f"this is not valid CSV: {error}")
            number, original = self._tape.cut()
            if any(cell.strip() for cell in cells):
                return self._row(number, original, cells=cells)

    def _row(self, number: int, original: bytes, *, cells: list[str]) -> Row:
        if len(cells) != len(self._header):
            return Row(number, original, problem=f"has {len(cells)} cells; the header has {len(self._header)}")
        if not _is_unicode(cells):
            return Row(number, original, problem="is not valid UTF-8")
        if "\0" in "".join(cells):
            return Row(number, original, problem="holds a NUL character")
        return Row(number, original, value=self.map.value(dict(zip(self._header, cells, strict=True))))


@contextmanager
def _roomy_cells() -> Iterator[None]:
    """The limit of a cell is the `csv` module's, for the whole process: it is put back."""
    before = csv.field_size_limit(LARGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _is_unicode(cells: Iterable[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True
