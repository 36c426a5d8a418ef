"""What a channel is to be told: each thing once, by one of many, and nothing that is no news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from knowledge.store import incidents, notices
from knowledge.store.database import Connection, Database
from knowledge.store.notices import Channel, Notice
from tests.knowledge.store.conftest import MakeIncident

ASKED = ["slack:%"]
NO_PACE = timedelta(0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def channel(connection: Connection, workspace: int) -> Channel:
    """A channel that has looked once: what comes now is new."""
    opened = Channel(workspace, "C1")
    assert 0 == await gather(connection, opened)
    return opened


async def gather(connection: Connection, channel: Channel) -> int:
    """What is new."""
    async with connection.transaction():
        return await notices.gather(connection, channel, asked=ASKED)


async def take(connection: Connection, channel: Channel, *, pace: timedelta = NO_PACE) -> list[Notice]:
    """What is next; more than two new precedents are told together."""
    async with connection.transaction():
        return await notices.take(connection, channel, pace=pace, many=2, most=10)


async def record(connection: Connection, *rows: object) -> list[UUID]:
    """Their precedents."""
    return [each.precedent_id for each in await incidents.record(connection, list(rows))]  # type: ignore[arg-type]


async def test_a_new_precedent_is_noted_once(connection: Connection, channel: Channel, incident: MakeIncident) -> None:
    """However often it recurs, and however often somebody looks."""
    first = incident("a")
    [precedent] = await record(connection, first)
    found = [await gather(connection, channel) for _ in range(2)]
    await record(connection, incident("a"))
    found.append(await gather(connection, channel))
    taken = await take(connection, channel)

    assert [1, 0, 0] == found
    assert [Notice("precedent", precedent, first.id, message=None, detailed=False, told=None)] == taken


async def test_what_was_there_before_the_channel_is_no_news(
    connection: Connection, workspace: int, incident: MakeIncident
) -> None:
    """Nor what was imported from long ago, or asked by people in the chat itself."""
    await record(connection, incident("before"))
    await connection.execute("UPDATE precedents SET created_at = now() - interval '1 hour'")
    channel = Channel(workspace, "C1")
    before = await gather(connection, channel)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    await record(connection, incident("old", occurred_at=long_ago), incident("asked", external_id="slack:command:1"))
    after = await gather(connection, channel)

    assert (0, 0) == (before, after)


async def test_what_was_only_asked_about_is_news_once_it_fails(
    connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """However long ago somebody asked, with the first failure as its incident, and once; not by more who ask."""
    [precedent] = await record(connection, incident("a", external_id="slack:command:1"))
    found = [await gather(connection, channel)]
    await connection.execute("UPDATE precedents SET created_at = now() - interval '1 day'")
    await record(connection, incident("a", external_id="slack:command:2"))
    found.append(await gather(connection, channel))
    asked = await take(connection, channel)
    first = incident("a", external_id="run-1")
    await record(connection, first)
    found += [await gather(connection, channel) for _ in range(2)]
    taken = await take(connection, channel)

    assert ([0, 0, 1, 0], []) == (found, asked)
    assert [Notice("precedent", precedent, first.id, message=None, detailed=False, told=None)] == taken


async def test_failure_before_another_question_is_news(
    connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """Of what both failed and was asked about since the last look, the failure is told, whichever came last."""
    first = incident("a")
    await record(connection, first)
    await record(connection, incident("a", external_id="slack:command:1"))
    await gather(connection, channel)

    assert [first.id] == [each.incident_id for each in await take(connection, channel)]


async def test_what_failed_first_long_ago_is_no_news_later(
    connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """What was asked about, and then imported, has been there before."""
    await record(connection, incident("a", external_id="slack:command:1"))
    found = [await gather(connection, channel)]
    await record(connection, incident("a", occurred_at=datetime.now(UTC) - timedelta(days=2)))
    found.append(await gather(connection, channel))
    await record(connection, incident("a"))
    found.append(await gather(connection, channel))

    assert ([0, 0, 0], []) == (found, await take(connection, channel))


async def test_what_was_committed_late_is_found(
    database: Database, connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """A transaction that began before a look and ended after it."""
    async with database.transaction() as other:
        await record(other, incident("late"))
        during = await gather(connection, channel)
    after = await gather(connection, channel)

    assert (0, 1) == (during, after)


async def test_two_takers_get_different_things(
    database: Database, connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """Whoever comes while another one chooses gets nothing; later the next one."""
    await record(connection, incident("a"), incident("b"))
    await gather(connection, channel)
    async with database.transaction() as other:
        first = await notices.take(other, channel, pace=NO_PACE, many=2, most=10)
        meanwhile = await take(connection, channel)
    second, third = await take(connection, channel), await take(connection, channel)

    assert [1, 0, 1, 0] == list(map(len, (first, meanwhile, second, third)))
    assert first[0].subject_id != second[0].subject_id


async def test_many_are_taken_together(connection: Connection, channel: Channel, incident: MakeIncident) -> None:
    """A channel is no log."""
    precedents = await record(connection, *(incident(kind) for kind in "abc"))
    await gather(connection, channel)
    taken = await take(connection, channel)

    assert set(precedents) == {each.subject_id for each in taken}


async def test_the_pace_is_kept_for_all(connection: Connection, channel: Channel, incident: MakeIncident) -> None:
    """After a message, and where the chat asks for it."""
    await record(connection, incident("a"), incident("b"))
    await gather(connection, channel)
    first = await take(connection, channel, pace=MINUTE)
    paced = await take(connection, channel)

    assert (1, 0) == (len(first), len(paced))


async def test_what_its_taker_left_behind_is_taken_again(
    connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """With what was sent of it: a second message is not."""
    await record(connection, incident("a"))
    await gather(connection, channel)
    [taken] = await take(connection, channel)
    await notices.posted(connection, channel, taken, message="17.1", told={"runs": 3})
    before = await take(connection, channel)
    await connection.execute("UPDATE notices SET taken_until = now()")
    [again] = await take(connection, channel)

    assert [] == before
    assert ("17.1", {"runs": 3}, False) == (again.message, again.told, again.detailed)


async def test_what_is_done_is_done(connection: Connection, channel: Channel, incident: MakeIncident) -> None:
    """And what is to be looked at again comes again, when it is time."""
    await record(connection, incident("a"), incident("b"))
    await gather(connection, channel)
    [first], [second] = await take(connection, channel), await take(connection, channel)
    await notices.detailed(connection, channel, second)
    await notices.give_back(connection, channel, first, again_in=None)
    await notices.give_back(connection, channel, second, again_in=MINUTE)
    early = await take(connection, channel)
    await connection.execute("UPDATE notices SET due_at = due_at - interval '1 minute'")
    [late] = await take(connection, channel)

    assert [] == early
    assert (second.subject_id, True) == (late.subject_id, late.detailed)


async def test_channels_and_workspaces_keep_apart(
    connection: Connection, channel: Channel, incident: MakeIncident
) -> None:
    """Another channel of the workspace is told as well, another workspace is not."""
    other = Channel(channel.workspace_id, "C2")
    elsewhere = Channel(0, "C1")
    for each in (other, elsewhere):
        await gather(connection, each)
    await record(connection, incident("a"))

    assert [1, 1, 0] == [await gather(connection, each) for each in (channel, other, elsewhere)]
