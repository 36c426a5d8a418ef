"""Workspaces, keys, idempotency, audit, settings, advice."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from knowledge.errors import Conflict, InvalidInput, NotFound
from knowledge.once import Once
from knowledge.store import advice, api_keys, audit, idempotency, queries, settings, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import StoredResponse


async def test_workspace_is_made_once(database: Database) -> None:
    """Also when many ask for it at the same time."""

    async def ensure() -> int:
        async with database.connection() as connection:
            return await workspaces.ensure(connection, "new")

    assert 1 == len(set(await asyncio.gather(*(ensure() for _ in range(20)))))


@pytest.mark.parametrize("name", ["", "  ", "$starter", "x" * 201])
async def test_workspace_names_nobody_may_have(connection: Connection, name: str) -> None:
    """The starter's own, empty, too long."""
    with pytest.raises(InvalidInput):
        await workspaces.ensure(connection, name)


async def test_unknown_workspace_is_nothing(connection: Connection) -> None:
    """Finding does not make."""
    assert (None, 0) == (await workspaces.find(connection, "nobody"), await workspaces.find(connection, "$starter"))


async def test_key_opens_its_workspace_until_it_is_revoked(connection: Connection, workspace: int) -> None:
    """Its secret is stored nowhere."""
    key, secret = await api_keys.create(connection, workspace_id=workspace, name="ci")
    cursor = await connection.execute("SELECT k::text FROM api_keys k")
    stored = str(await cursor.fetchone())

    assert (key, False) == (await api_keys.verify(connection, secret), secret in stored)
    assert "team" == key.workspace
    await api_keys.revoke(connection, workspace_id=workspace, id=key.id)
    assert [None, None] == [await api_keys.verify(connection, text) for text in (secret, "sb_\ud800")]
    assert [key.id] == [each.id for each in await api_keys.list_all(connection, workspace_id=workspace)]
    with pytest.raises(NotFound):
        await api_keys.revoke(connection, workspace_id=0, id=key.id)


async def test_key_of_no_workspace(connection: Connection) -> None:
    """There is nothing to open."""
    with pytest.raises(NotFound):
        await api_keys.create(connection, workspace_id=999, name="ci")


async def test_second_request_waits_and_gets_the_first_ones_answer(database: Database, workspace: int) -> None:
    """Of many at once, one does the work."""
    worked = 0
    once = Once.of("k" * 5000, route="POST /incidents", body=b"body")

    async def request() -> StoredResponse:
        nonlocal worked
        async with database.transaction() as connection:
            if (stored := await idempotency.claim(connection, once, workspace_id=workspace)) is not None:
                return stored
            worked += 1
            await asyncio.sleep(0.05)
            answer = StoredResponse(status=201, response={"id": worked})
            await idempotency.store_response(
                connection, once, workspace_id=workspace, status=201, response=answer.response
            )
            return answer

    answers = await asyncio.gather(*(request() for _ in range(5)))

    assert (1, [StoredResponse(201, {"id": 1})] * 5) == (worked, answers)


async def test_key_of_a_request_that_failed_is_free_again(database: Database, workspace: int) -> None:
    """The claim is undone with the work."""
    once = Once.of("k", route="r", body=b"b")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as connection:
                assert None is await idempotency.claim(connection, once, workspace_id=workspace)
                raise ZeroDivisionError


async def test_key_of_another_request_is_a_conflict(connection: Connection, workspace: int) -> None:
    """Another body, another route; another workspace may use the same key."""
    once = Once.of("k", route="r", body=b"b")
    await idempotency.claim(connection, once, workspace_id=workspace)
    await idempotency.store_response(connection, once, workspace_id=workspace, status=200, response=None)
    for other in (Once.of("k", route="s", body=b"b"), Once.of("k", route="r", body=b"c")):
        with pytest.raises(Conflict):
            await idempotency.claim(connection, other, workspace_id=workspace)

    assert StoredResponse(200, None) == await idempotency.claim(connection, once, workspace_id=workspace)
    assert None is await idempotency.claim(connection, once, workspace_id=0)
    assert [0, 2] == [await idempotency.purge(connection, older_than=timedelta(hours=hours)) for hours in (1, -1)]


async def test_key_itself_is_stored_nowhere(connection: Connection, workspace: int) -> None:
    """Callers put ids of their own into it; only its hash is kept."""
    once = Once.of("order-4711 für Ada", route="r", body=b"b")
    await idempotency.claim(connection, once, workspace_id=workspace)
    cursor = await connection.execute("SELECT k::text, octet_length(key_hash) FROM idempotency_keys k")
    stored, size = await cursor.fetchone() or ("", 0)

    assert (False, 32) == ("4711" in str(stored), size)


async def test_keys_are_forgotten_after_a_day(connection: Connection, workspace: int) -> None:
    """The younger ones stay; a forgotten one may be used again."""
    named = {key: Once.of(key, route="r", body=b"b") for key in ("old", "young")}
    for key, age in (("old", "25 hours"), ("young", "23 hours")):
        await idempotency.claim(connection, named[key], workspace_id=workspace)
        await idempotency.store_response(connection, named[key], workspace_id=workspace, status=200, response=key)
        await connection.execute(
            "UPDATE idempotency_keys SET created_at = now() - %s::interval WHERE response = to_jsonb(%s::text)",
            (age, key),
        )

    assert (1, 0) == (await idempotency.purge(connection), await idempotency.purge(connection))
    assert None is await idempotency.claim(connection, named["old"], workspace_id=workspace)
    assert StoredResponse(200, "young") == await idempotency.claim(connection, named["young"], workspace_id=workspace)


async def test_key_of_what_was_answered_without_postgres(connection: Connection, workspace: int) -> None:
    """Its answer is kept under it; done already, it is not done again; another request's key stays with that one."""
    once, other = (Once.of("k", route="r", body=body) for body in (b"b", b"c"))
    adopted = [
        await idempotency.adopt(connection, each, workspace_id=workspace, response=number)
        for number, each in enumerate((once, once, other))
    ]

    assert [True, False, True] == adopted
    assert StoredResponse(200, 0) == await idempotency.claim(connection, once, workspace_id=workspace)


async def test_audit_is_newest_first(connection: Connection, workspace: int) -> None:
    """Of a subject, or of all."""
    subject = uuid7()
    for number in range(3):
        chosen = subject if number else None
        await audit.record(
            connection, workspace_id=workspace, action=f"a{number}", actor="ada", subject_id=chosen, after={"n": number}
        )
    everything = await audit.list_recent(connection, workspace_id=workspace, limit=2)
    of_subject = await audit.list_recent(connection, workspace_id=workspace, subject_id=subject)

    assert (["a2", "a1"], [{"n": 2}, {"n": 1}]) == ([e.action for e in everything], [e.after for e in of_subject])


async def test_settings_are_json(connection: Connection) -> None:
    """The last one who writes wins."""
    for value in (1, {"a": [None, "ü"]}):
        await settings.put(connection, "key", value)

    assert ({"a": [None, "ü"]}, None) == (await settings.get(connection, "key"), await settings.get(connection, "?"))
    with pytest.raises(InvalidInput):
        await settings.put(connection, "key", {"a": object()})


async def test_latest_advice(connection: Connection, workspace: int) -> None:
    """Several may be given for one incident; each is kept once."""
    incident, ids = uuid7(), [uuid7(), uuid7()]
    for number, id in enumerate([*ids, ids[0]]):
        await advice.record(connection, workspace_id=workspace, id=id, incident_id=incident, answer={"number": number})
    latest = await advice.latest_for_incident(connection, workspace_id=workspace, incident_id=incident)

    assert {"number": 1} == (latest and latest.answer)


def test_ids_sort_by_time_and_are_of_version_7() -> None:
    """RFC 9562."""
    made = [uuid7() for _ in range(100)]

    assert {(7, uuid.RFC_4122)} == {(id.version, id.variant) for id in made}
    assert [id.int >> 80 for id in made] == sorted(id.int >> 80 for id in made)
    assert 100 == len(set(made))


def test_unknown_statement_is_an_error() -> None:
    """A name in the code that is in no file."""
    with pytest.raises(KeyError):
        queries.sql("workspaces.nothing")
