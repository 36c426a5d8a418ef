"""Results as files. In CSV no cell is a formula: a spreadsheet works out what begins with certain signs.

The signs and the remedy are OWASP's ("CSV Injection"): each cell in quotes, quotes doubled, and a single quote before
what could begin a formula; also after a separator within a cell, where a spreadsheet of another country begins a new
cell.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from starlette.responses import Response

from api.untrusted import REPLACEMENT, harmless

#: What begins a formula; spreadsheets of East Asia take the full-width signs, and some the small ones and the
#: mathematical minus, for the same.
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\t\r\n")
#: What may end a cell, whatever the file says; after it comes another.
ENDING = frozenset(",;\t\r\n\"'|\x1f")
#: Categories of what a spreadsheet may drop before it looks for a formula: spaces, and what shows nothing.
_DROPPED = frozenset({"Zs", "Cf"})
INERT = "'"


def inert(text: str) -> str:
    """The text as a cell that nothing works out: one line, its beginnings of formulas behind a single quote."""
    plain = " ".join(harmless(text).replace("\t", " ").splitlines())
    if FORMULA.isdisjoint(plain):
        return plain
    out: list[str] = []
    begins = True
    for char in plain:
        if begins and char in FORMULA:
            out.append(INERT)
        if char in ENDING:
            begins = True
        elif begins:
            begins = _may_be_dropped(char)
        out.append(char)
    return "".join(out)


def _may_be_dropped(char: str) -> bool:
    return char == REPLACEMENT or unicodedata.category(char) in _DROPPED


def csv_file(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, name: str) -> Response:
    """Rows as a CSV file (RFC 4180, UTF-8 with its mark, which spreadsheets ask for)."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return Response(
        text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=attached(f"{name}.csv")
    )


def attached(file: str) -> dict[str, str]:
    """Headers that make a browser keep the answer instead of showing it."""
    return {"Content-Disposition": f'attachment; filename="{file}"'}


def _cell(value: object) -> str | int | float:
    """Numbers stay numbers: they are our own."""
    if value is None:
        return ""
    return value if isinstance(value, (int, float)) else inert(str(value))
