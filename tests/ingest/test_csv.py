"""CSV with a column map: what people export becomes what the import takes."""

from __future__ import annotations

import csv
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.csv import LARGEST_CELL, CsvFile, CsvProblem, Row, field_names, is_field
from ingest.records import from_mapping
from knowledge.failures import Action, Verdict


def read(file: str | bytes, /, **given: str) -> list[Row]:
    """The rows of a file; `error_type="A"` maps the field `error.type`."""
    content = file.encode() if isinstance(file, str) else file
    maps = {name.replace("__", "."): column for name, column in given.items()}
    return list(CsvFile(content.splitlines(keepends=True), given=maps))


def values(rows: list[Row]) -> list[Mapping[str, object] | None]:
    """The fields of rows."""
    return [row.value for row in rows]


def test_columns_named_as_fields_need_no_map() -> None:
    """Whatever their case; a column called `error` holds its message; empty cells are absent."""
    rows = read("Error,pipeline,Attempt,environment.image\nboom,nightly,2,\n")

    assert [{"error": {"message": "boom"}, "pipeline": "nightly", "attempt": "2"}] == values(rows)


def test_mapped_columns() -> None:
    """What was said wins; parts of a field come together; one column may serve two fields."""
    rows = read(
        "cls,msg,gpu\nValueError,bad row,1.5\n", error__type="cls", error__message="msg", text="msg", spent__gpu_h="gpu"
    )

    expected = {"error": {"type": "ValueError", "message": "bad row"}, "text": "bad row", "spent": {"gpu_h": "1.5"}}
    assert [expected] == values(rows)


def test_row_is_a_failure() -> None:
    """Numbers and words as a spreadsheet writes them are understood."""
    row = read("text,attempt,verdict,resolution.summary,resolution.action\nx,2.0,Transient,wait,Retry_Now\n")[0]

    failure = from_mapping(row.value or {})

    assert (2, Verdict.TRANSIENT, Action.RETRY_NOW) == (
        failure.attempt,
        failure.verdict,
        failure.resolution and failure.resolution.action,
    )


def test_cells_over_several_lines_and_what_is_wrong_by_line() -> None:
    """A row's number is that of its first line, and its original is all of them; bad rows cost no good ones."""
    rows = read('text,step\n"a\nb",x\n\nonly one cell\nc,y\n')

    assert [
        (2, b'"a\nb",x\n', None),
        (5, b"only one cell\n", "has 1 cells; the header has 2"),
        (6, b"c,y\n", None),
    ] == [(row.number, row.original, row.problem) for row in rows]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"\xff,x", "is not valid UTF-8"),
        (b"a\0b,x", "holds a NUL character"),
        (b'"' + b"a" * (LARGEST_CELL + 1) + b'",x', "this is not valid CSV: field larger than field limit (2000000)"),
    ],
    ids=["bytes", "nul", "long"],
)
def test_rows_that_cannot_be_taken(row: bytes, problem: str) -> None:
    """Each is named, and the next row is read."""
    rows = read(b"text,step\n" + row + b"\nnext,y\n")

    assert [(2, problem), (3, None)] == [(each.number, each.problem) for each in rows]


def test_stack_traces_are_longer_than_the_csv_module_likes() -> None:
    """The module's own limit is put back afterwards, for it is the whole process's."""
    before = csv.field_size_limit()
    rows = read("text\n" + "a" * 200_000 + "\n")

    assert (200_000, before) == (len(str((rows[0].value or {})["text"])), csv.field_size_limit())


def test_byte_order_mark_is_no_part_of_the_first_name() -> None:
    """Spreadsheets write one, also before a quoted name."""
    assert [{"text": "x"}] == values(read(b'\xef\xbb\xbf"text"\nx\n'))


def test_unused_columns_are_told() -> None:
    """What is left out should be known."""
    file = CsvFile([b"text,host,severity\n"], given={"environment.host": "host"})

    assert ("severity",) == file.map.unused


@pytest.mark.parametrize(
    ("header", "given", "problem"),
    [
        ("", {}, "no header"),
        ("text,text", {}, "the same name"),
        ("a,b", {}, "no column says what went wrong"),
        ("text", {"pipelin": "text"}, "no field 'pipelin'"),
        ("text", {"step": "stage"}, "no column 'stage'"),
        ("text,\0", {}, "no header"),
    ],
)
def test_files_that_cannot_be_read(header: str, given: dict[str, str], problem: str) -> None:
    """Said at once, before anything is sent."""
    with pytest.raises(CsvProblem, match=problem):
        CsvFile([header.encode() + b"\n"], given=given)


def test_every_field_can_be_mapped() -> None:
    """The names that a message lists are fields."""
    assert all(is_field(name) for name in field_names())
    assert not is_field("environment")


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5), st.binary(max_size=300))
def test_nothing_breaks_it(rows: list[list[str]], noise: bytes) -> None:
    """Any text in cells, and any bytes after it, become rows or problems."""
    content = b"text,step\n" + "".join(f"{a},{b}\n" for a, b in rows).encode() + noise

    for row in read(content):
        assert (row.value is None) != (row.problem is None)
        assert row.number > 1
