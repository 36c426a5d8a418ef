"""What a chat's channel is told by itself: precedents that are new, and storms. One message each, whoever sends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from knowledge import documents
from knowledge.answering import Clock
from knowledge.documents import Document
from knowledge.store import notices, storms
from knowledge.store.database import Database
from knowledge.store.notices import Channel, Notice
from knowledge.workspaces import Workspaces

#: Messages to one channel follow each other no faster.
PACE = timedelta(seconds=1.5)
#: More new precedents than this are told together, so many at most; then the channel is left in peace for longer.
MANY, MOST_TOGETHER = 4, 10_000
PEACE = timedelta(minutes=1)


class Notices:
    """The notices of one channel. Every method raises `StoreUnavailable` and `StoreBusy`."""

    def __init__(
        self,
        database: Database,
        *,
        workspaces: Workspaces,
        workspace: str,
        channel: str,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._workspace = workspace
        self._channel = channel
        self._clock = clock

    async def gather(self, *, asked: list[str]) -> int:
        """Note what is new; how many. `asked`: patterns of the external ids of what people only asked about."""
        channel = await self._named()
        async with self._database.transaction() as connection:
            return await notices.gather(connection, channel, asked=asked)

    async def take(self) -> list[Notice]:
        """What to send next: a notice, or several new precedents to be told together."""
        channel = await self._named()
        async with self._database.transaction() as connection:
            return await notices.take(connection, channel, pace=PACE, many=MANY, most=MOST_TOGETHER)

    async def storm(self, id: UUID) -> Document:
        """A storm as it is now; raises `NotFound`."""
        channel, now = await self._named(), self._clock()
        async with self._database.connection() as connection:
            row = await storms.get(connection, workspace_id=channel.workspace_id, id=id)
        return documents.of_storm(row, now=now)

    async def posted(self, notice: Notice, *, message: str, told: Mapping[str, Any]) -> None:
        """The message was sent, and says that."""
        channel = await self._named()
        async with self._database.connection() as connection:
            await notices.posted(connection, channel, notice, message=message, told=told)

    async def posted_together(self, told: Sequence[Notice], *, message: str) -> None:
        """One message was sent for all of these precedents."""
        channel = await self._named()
        async with self._database.transaction() as connection:
            await notices.pause(connection, channel, wait=PEACE)  # the channel first, as everywhere
            await notices.posted_together(connection, channel, told, message=message)

    async def detailed(self, notice: Notice) -> None:
        """Its thread has the details."""
        channel = await self._named()
        async with self._database.connection() as connection:
            await notices.detailed(connection, channel, notice)

    async def give_back(
        self, notice: Notice, *, again_in: timedelta | None, told: Mapping[str, Any] | None = None
    ) -> None:
        """Done for now; None: done for ever."""
        channel = await self._named()
        async with self._database.connection() as connection:
            await notices.give_back(connection, channel, notice, again_in=again_in, told=told)

    async def pause(self, wait: timedelta) -> None:
        """Nobody sends anything to the channel for so long."""
        channel = await self._named()
        async with self._database.connection() as connection:
            await notices.pause(connection, channel, wait=wait)

    async def _named(self) -> Channel:
        return Channel(await self._workspaces.id_of(self._workspace), self._channel)
