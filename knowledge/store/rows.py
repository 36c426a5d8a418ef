"""Run a named statement and read its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import orjson
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from knowledge.errors import InvalidInput
from knowledge.store.contention import anew
from knowledge.store.database import Connection
from knowledge.store.queries import sql

Row: TypeAlias = dict[str, Any]
T = TypeVar("T")


async def fetch_all(connection: Connection, name: str, /, *, prepare: bool | None = None, **values: Any) -> list[Row]:
    """All rows of the statement `name`. `prepare=False` plans for these very values."""

    async def fetch() -> list[Row]:
        async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
            await cursor.execute(sql(name), values, prepare=prepare)
            return await cursor.fetchall()

    return await _done(connection, fetch)


async def fetch_one(connection: Connection, name: str, /, **values: Any) -> Row | None:
    """The first row, or nothing."""
    rows = await fetch_all(connection, name, **values)
    return rows[0] if rows else None


async def execute(connection: Connection, name: str, /, **values: Any) -> int:
    """Run a statement without rows; how many rows it touched."""

    async def run() -> int:
        return (await connection.execute(sql(name), values)).rowcount

    return await _done(connection, run)


async def _done(connection: Connection, statement: Callable[[], Awaitable[T]]) -> T:
    """A statement that is its own transaction is done anew where it was undone; within one, its whole is to be."""
    alone = connection.info.transaction_status is TransactionStatus.IDLE
    return await (anew(statement) if alone else statement())


def to_json(value: Any) -> str:
    """JSON that PostgreSQL takes; raises `InvalidInput` for lone surrogates, unknown types and endless nesting."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise InvalidInput("A value of this request cannot be written as JSON.") from None


def without_nothing(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is `None`: for JSON that becomes rows, absent and null are the same."""
    return {key: value for key, value in pairs.items() if value is not None}


def strings(values: Iterable[str] | None) -> tuple[str, ...]:
    """An array column as a tuple."""
    return tuple(values or ())
