"""Slack, put together: its door, its listeners, and the channel that is told. Needs the extra `slack`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from api.chat.asking import Asking
from api.chat.door import Door
from api.chat.sending import Sending, quiet, retry_handlers
from api.chat.slack import SlackChat
from api.chat.telling import Telling
from api.settings import Settings
from knowledge.arrivals import Arrivals
from knowledge.notices import Notices

#: Seconds that one call of Slack's may take.
LONGEST_CALL_S = 20


@dataclass(frozen=True, slots=True)
class Slack:
    """What the routes and the keeper of the channel need; `telling` is None where no channel is told."""

    door: Door
    arrivals: Arrivals
    listeners: SlackChat
    telling: Telling | None


@contextlib.asynccontextmanager
async def connected(
    settings: Settings, *, asking: Asking, arrivals: Arrivals, notices: Notices | None
) -> AsyncIterator[Slack]:
    """Slack while the service runs."""
    assert settings.slack is not None  # noqa: S101 - asked by the caller
    secret, _ = settings.slack
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LONGEST_CALL_S)) as session:
        client = _client(settings, session=session, handlers=retry_handlers())
        listeners = SlackChat(asking=asking, sending=Sending(client), client=client)
        telling = None
        if notices is not None and settings.slack_channel:
            # What Slack asks to wait is kept in PostgreSQL, for all replicas.
            patient = _client(settings, session=session, handlers=[AsyncConnectionErrorRetryHandler()])
            telling = Telling(notices, asking, Sending(patient), settings.slack_channel)
        try:
            yield Slack(Door(secret, arrivals=arrivals), arrivals, listeners, telling)
        finally:
            await listeners.close()


def _client(settings: Settings, *, session: aiohttp.ClientSession, handlers: list[AsyncRetryHandler]) -> AsyncWebClient:
    return AsyncWebClient(
        token=settings.slack[1] if settings.slack else None,
        base_url=settings.slack_api_url,
        timeout=LONGEST_CALL_S,
        session=session,
        logger=quiet,
        retry_handlers=handlers,
    )
