"""Work in one transaction, done anew where PostgreSQL undid it for the sake of another."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.documents import Document
from knowledge.errors import StoreContended
from knowledge.store.contention import MOST_TRIES
from knowledge.store.database import Connection, Database
from knowledge.writing import write


async def test_two_who_wait_for_each_other_are_both_done(database: Database) -> None:
    """One is undone by PostgreSQL, and done anew."""
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE things (id int PRIMARY KEY, number int DEFAULT 0)")
        await connection.execute("INSERT INTO things VALUES (1), (2)")
    both_hold = asyncio.Barrier(2)
    tries: list[int] = []

    async def work_on(first: int, second: int) -> Document:
        async def work(connection: Connection) -> Document:
            tries.append(first)
            await connection.execute("UPDATE things SET number = number + 1 WHERE id = %s", [first])
            if len(tries) <= 2:
                await both_hold.wait()
            await connection.execute("UPDATE things SET number = number + 1 WHERE id = %s", [second])
            return {"first": first}

        return await write(database, work, workspace_id=1, once=None)

    async with asyncio.timeout(30):
        answers = await asyncio.gather(work_on(1, 2), work_on(2, 1))
    async with database.connection() as connection:
        numbers = await (await connection.execute("SELECT number FROM things ORDER BY id")).fetchall()

    assert [{"first": 1}, {"first": 2}] == answers
    assert [(2,), (2,)] == [tuple(each) for each in numbers]
    assert len(tries) > 2


async def test_it_is_not_tried_for_ever(database: Database) -> None:
    """Whoever asks is told to come back."""
    tries: list[int] = []

    async def work(connection: Connection) -> Document:
        tries.append(1)
        await connection.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$")
        return {}

    with pytest.raises(StoreContended):
        await write(database, work, workspace_id=1, once=None)
    assert MOST_TRIES == len(tries)
