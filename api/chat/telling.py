"""A channel of Slack that is told by itself: one message a new precedent, one a storm, details in its thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from api.chat import blocks
from api.chat.announcing import Announcement, of_precedent, of_precedents, of_storm
from api.chat.asking import Asking
from api.chat.sending import Sending, code_of, status_of
from knowledge.errors import KnowledgeError, StoreBusy, StoreUnavailable
from knowledge.incident_log import ASKED_HERE
from knowledge.notices import Notices
from knowledge.store.notices import Notice

#: External ids of what people asked, in chat or on a page: that is no news in the channel.
ASKED = ["slack:%", "mattermost:%", f"{ASKED_HERE}%"]
#: A storm's message is brought up to date no faster.
UPDATED_EVERY = timedelta(seconds=15)
#: Where Slack refuses the channel (not invited, archived, a wrong token), it is asked again after so long.
REFUSED_WAIT = timedelta(minutes=1)
#: Slack asks for a pause without saying how long.
USUAL_WAIT_S = 30
MISSING = ("message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells one channel. `sending` must not wait by itself where Slack says to: the pause is kept for all replicas."""

    notices: Notices
    asking: Asking
    sending: Sending
    channel: str

    async def look(self) -> int:
        """Note what is new and send what is next; how many notices were looked at. Raises `StoreUnavailable`."""
        await self.notices.gather(asked=ASKED)
        taken = await self.notices.take()
        try:
            await self._tell(taken)
        except (StoreUnavailable, StoreBusy):
            raise
        except KnowledgeError as error:
            log.warning("a notice cannot be told of and is left out: %s", type(error).__name__)
            await self._later(taken, None)
        except SlackApiError as error:
            await self._refused(taken, error)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("Slack cannot be reached: %s", type(error).__name__)
            await self._later(taken, REFUSED_WAIT)
        return len(taken)

    async def _tell(self, taken: list[Notice]) -> None:
        if len(taken) > 1:
            await self._tell_together(taken)
        elif taken and taken[0].subject == "storm":
            await self._tell_storm(taken[0])
        elif taken:
            announced = await of_precedent(self.asking, taken[0].incident_id)
            await self._tell_one(taken[0], announced, again_in=None)

    async def _tell_storm(self, notice: Notice) -> None:
        storm = await self.notices.storm(notice.subject_id)
        announced = of_storm(storm, public_url=self.asking.public_url)
        await self._tell_one(notice, announced, again_in=None if announced.is_last else UPDATED_EVERY)

    async def _tell_one(self, notice: Notice, announced: Announcement, *, again_in: timedelta | None) -> None:
        """The message, or the message brought up to date; then its thread."""
        ts = notice.message
        if ts is None:
            ts = await self.sending.post(self.channel, announced.message)
            await self.notices.posted(notice, message=ts, told=announced.told)
        elif dict(notice.told or {}) != dict(announced.told):
            await self._update(ts, announced.message)
        if not notice.detailed:
            answer = await self.asking.again(notice.incident_id, notes=())
            await self.sending.post(self.channel, blocks.message_of(answer), thread=ts)
            await self.notices.detailed(notice)
        await self.notices.give_back(notice, again_in=again_in, told=announced.told)

    async def _tell_together(self, taken: list[Notice]) -> None:
        """Many at once in one message: a channel is no log."""
        announced = await of_precedents(self.asking, [each.incident_id for each in taken])
        ts = await self.sending.post(self.channel, announced.message)
        await self.notices.posted_together(taken, message=ts)

    async def _update(self, ts: str, message: Mapping[str, Any]) -> None:
        try:
            await self.sending.update(self.channel, ts, dict(message))
        except SlackApiError as error:
            if code_of(error) not in MISSING:
                raise
            log.info("a notice cannot be brought up to date (%s)", code_of(error))

    async def _refused(self, taken: list[Notice], error: SlackApiError) -> None:
        """Keep Slack's own pause, or wait and try again."""
        limited = status_of(error) == 429
        wait = timedelta(seconds=retry_after(error)) if limited else REFUSED_WAIT
        log.warning("Slack took no notice (%s); again in %.0f s", code_of(error), wait.total_seconds())
        await self.notices.pause(wait)
        await self._later(taken, wait)

    async def _later(self, taken: list[Notice], wait: timedelta | None) -> None:
        for notice in taken:
            await self.notices.give_back(notice, again_in=wait)


def retry_after(error: SlackApiError) -> float:
    """Seconds that Slack asks to wait."""
    given = str(error.response.headers.get("Retry-After", ""))
    return float(given) if given.isdecimal() else USUAL_WAIT_S
