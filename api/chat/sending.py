"""Sending to Slack: by `response_url` where a request gave one, else by the Web API."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from api.chat import blocks

Message: TypeAlias = dict[str, Any]

log = logging.getLogger(__name__)
# Bolt and the SDK quote whole requests: errors' texts, which are not logged.
quiet = logging.getLogger("api.chat.quiet")
quiet.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, or is to stand: `ts` is the message's own, `thread` that of the thread it belongs to.

    Nobody but one person sees an `ephemeral` one: only `response_url` changes it, for 30 minutes.
    """

    channel: str | None = None
    ts: str | None = None
    thread: str | None = None
    response_url: str | None = None
    ephemeral: bool = False


class Sending:
    """Posts, replaces and tells; waits as Slack says where it is asked to slow down."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def answer(self, place: Place, message: Message) -> None:
        """Post into the thread of a channel, or by `response_url` where the channel is none of the bot's."""
        if place.channel is not None and place.thread is not None:
            try:
                await self.post(place.channel, message, thread=place.thread)
                return
            except SlackApiError as error:
                if place.response_url is None:
                    raise
                log.info("Slack took no message for a thread (%s); it goes to the one who asked", code_of(error))
        await self._respond(place, message)

    async def tell(self, place: Place, words: str, *, user: str | None = None) -> None:
        """A line for the one who asked or pressed, and for nobody else where that can be."""
        message = blocks.message([blocks.rich(blocks.section(blocks.text(words)))], text="Seen Before")
        if place.response_url is not None:
            await self._respond(place, message)
        elif place.channel is not None and user is not None:
            await self._whisper(place, message, user=user)

    async def _whisper(self, place: Place, message: Message, *, user: str) -> None:
        given: dict[str, Any] = {"text": message["text"], "blocks": message["blocks"]}
        channel = place.channel or ""
        try:
            await self._client.chat_postEphemeral(channel=channel, user=user, thread_ts=place.thread, **given)
        except SlackApiError as error:  # a direct message takes none, and needs none
            log.info("Slack took no ephemeral message (%s)", code_of(error))
            await self.post(channel, message, thread=place.thread)

    async def replace(self, place: Place, message: Message) -> None:
        """Put a message in the place of the one that stands there."""
        if place.response_url is not None and await self._respond(place, message, replace_original=True):
            return
        if place.channel is not None and place.ts is not None and not place.ephemeral:
            await self.update(place.channel, place.ts, message)

    async def post(self, channel: str, message: Message, *, thread: str | None = None) -> str:
        """Post; the message's `ts`. Raises `SlackApiError`."""
        posted = await self._client.chat_postMessage(channel=channel, thread_ts=thread, **message)
        return str(posted["ts"])

    async def update(self, channel: str, ts: str, message: Message) -> None:
        """Replace a message of the bot's. Raises `SlackApiError`."""
        await self._client.chat_update(channel=channel, ts=ts, text=message["text"], blocks=message["blocks"])

    async def open(self, view: Message, *, trigger_id: str) -> None:
        """Show a modal; Slack lets that be done within 3 s. Raises `SlackApiError`."""
        await self._client.views_open(trigger_id=trigger_id, view=view)

    async def message_at(self, channel: str, ts: str) -> Message | None:
        """The message that begins a thread. Raises `SlackApiError`."""
        found = await self._client.conversations_replies(channel=channel, ts=ts, limit=1, inclusive=True)
        messages: list[Message] = found.get("messages") or []
        return messages[0] if messages else None

    async def _respond(self, place: Place, message: Message, *, replace_original: bool = False) -> bool:
        """Whether Slack took it."""
        webhook = AsyncWebhookClient(
            place.response_url or "",
            session=self._client.session,
            logger=quiet,
            retry_handlers=retry_handlers(),
        )
        answer = await webhook.send(
            **message, response_type=None if replace_original else "ephemeral", replace_original=replace_original
        )
        if answer.status_code != 200:
            log.warning("Slack did not take an answer (HTTP %s)", answer.status_code)
        return bool(answer.status_code == 200)


def retry_handlers() -> list[AsyncRetryHandler]:
    """Connections that broke are tried again once; `Retry-After` is waited for twice."""
    return [AsyncConnectionErrorRetryHandler(), AsyncRateLimitErrorRetryHandler(max_retry_count=2)]


def code_of(error: SlackApiError) -> str:
    """Slack's word for what is wrong: `not_in_channel`; the status where it said nothing that is JSON."""
    said = getattr(error.response, "data", None)
    return str(said["error"]) if isinstance(said, dict) and "error" in said else f"HTTP {status_of(error)}"


def status_of(error: SlackApiError) -> int:
    """The HTTP status. Without JSON the library hands on aiohttp's own response."""
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", None)
    return int(status or 0)
