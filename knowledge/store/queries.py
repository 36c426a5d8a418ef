"""The named blocks of `sql/*.sql`.

A block starts with a line `-- name: x`, a line of why, and ends where the next begins.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

MARK = "-- name:"


def sql(name: str) -> bytes:
    """The statement `block` of `sql/file.sql` for the name `file.block`; raises `KeyError` when there is none."""
    file, _, block = name.partition(".")
    return _blocks(file)[block]


@cache
def _blocks(file: str) -> dict[str, bytes]:
    text = resources.files("knowledge.store").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split(MARK)[1:])
    return {name.strip(): statement.strip().encode() for name, _, statement in parts}
