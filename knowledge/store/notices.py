"""Notices: what a chat's channel was told, over all replicas and restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_all, fetch_one, to_json

#: A transaction that began so long before a look may end after it (a statement is given up after a minute).
OVERLAP = timedelta(minutes=2)
#: What happened longer ago, and is told only now (an import), is no news.
LATELY = timedelta(hours=1)
#: A storm that ended longer ago without anybody's having looked is no news either.
ENDED_LATELY = timedelta(minutes=10)
#: Precedents that one look takes up.
MOST_AT_ONCE = 1_000
#: Whoever has not given a notice back by then has died.
LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel is to be told of; `message` is the chat's id of the message once it was sent, `told` what it says.

    `incident_id` is one of the precedent's, or of the storm's.
    """

    subject: Literal["precedent", "storm"]
    subject_id: UUID
    incident_id: UUID
    message: str | None
    detailed: bool
    told: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a chat that a workspace tells."""

    workspace_id: int
    name: str

    @property
    def columns(self) -> dict[str, Any]:
        """As statements name it."""
        return {"workspace_id": self.workspace_id, "channel": self.name}


async def gather(connection: Connection, channel: Channel, *, asked: list[str]) -> int:
    """Note what is new since the last look; how many. Call it in a transaction.

    `asked`: patterns of the external ids of what people asked about: that is no news to them before it fails.
    """
    await execute(connection, "notices.open", **channel.columns)
    row = await fetch_one(connection, "notices.lock", **channel.columns)
    assert row is not None  # noqa: S101 - it was opened just now, and is not deleted
    found = await fetch_all(
        connection,
        "notices.add_precedents",
        since=row["seen_until"],
        overlap=OVERLAP,
        lately=LATELY,
        asked=asked,
        most=MOST_AT_ONCE,
        **channel.columns,
    )
    until = row["at"] if len(found) < MOST_AT_ONCE else max(each["made_at"] for each in found)
    await execute(connection, "notices.seen", until=until, **channel.columns)
    failing = await fetch_all(connection, "notices.begin_failing", asked=asked, lately=LATELY, **channel.columns)
    storms = await execute(connection, "notices.add_storms", lately=ENDED_LATELY, **channel.columns)
    return len([each for each in (*found, *failing) if each["is_news"]]) + storms


async def take(connection: Connection, channel: Channel, *, pace: timedelta, many: int, most: int) -> list[Notice]:
    """What is to be said next, for the caller alone; nothing where the channel is to be left in peace just now.

    One notice; or up to `most` new precedents where more than `many` wait unsent. Call it in a transaction.
    """
    free = await fetch_one(connection, "notices.free", many=many, **channel.columns)
    if free is None:
        return []
    together = free["crowded"]
    rows = await fetch_all(
        connection, "notices.take", lease=LEASE, together=together, most=most if together else 1, **channel.columns
    )
    if rows:
        await pause(connection, channel, wait=pace)
    return [Notice(**row) for row in rows]


async def pause(connection: Connection, channel: Channel, *, wait: timedelta) -> None:
    """Leave the channel in peace for so long."""
    await execute(connection, "notices.pause", wait=wait, **channel.columns)


async def posted(
    connection: Connection, channel: Channel, notice: Notice, *, message: str, told: Mapping[str, Any]
) -> None:
    """The message was sent."""
    await execute(connection, "notices.posted", message=message, told=to_json(told), **channel.columns, **_key(notice))


async def posted_together(connection: Connection, channel: Channel, told: Sequence[Notice], *, message: str) -> None:
    """One message was sent for all of these precedents; there is nothing more to say of them."""
    ids = [each.subject_id for each in told]
    await execute(connection, "notices.posted_together", message=message, ids=ids, **channel.columns)


async def detailed(connection: Connection, channel: Channel, notice: Notice) -> None:
    """The details were sent."""
    await execute(connection, "notices.detailed", **channel.columns, **_key(notice))


async def give_back(
    connection: Connection,
    channel: Channel,
    notice: Notice,
    *,
    again_in: timedelta | None,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Say what the message says now, and when to look again; None: there is nothing more to say."""
    said = None if told is None else to_json(told)
    await execute(connection, "notices.give_back", told=said, wait=again_in, **channel.columns, **_key(notice))


def _key(notice: Notice) -> dict[str, Any]:
    return {"subject": notice.subject, "subject_id": notice.subject_id}
