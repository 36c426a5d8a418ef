"""Slack's app: what people ask and press there, answered and written back.

Slack waits 3 s. So every listener acknowledges first; what takes longer goes on as a task and answers by
`response_url` or `chat.postMessage`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias
from uuid import UUID

import aiohttp
import orjson
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response

from api.chat import blocks, modals
from api.chat.asking import FAULT, NO_ANSWER, Asking
from api.chat.inert import inert, one_line
from api.chat.pressing import Person, Pressing
from api.chat.questions import after_phrase, message_text, question, texts_in, unfenced, unmarked
from api.chat.sending import Place, Sending, code_of, quiet
from api.chat.working import Working
from knowledge.errors import KnowledgeError

Ack: TypeAlias = Callable[..., Awaitable[Any]]
Payload: TypeAlias = dict[str, Any]

#: By whatever name the app's manifest gives it.
COMMAND = "/seenbefore"
JSON = "application/json"
SHORTCUT = "seen_this_before"
USAGE = 'Paste an error or a log after /seenbefore, or ask "seen this before?" in the thread of a failure.'
NOTHING_THERE = "There is no error in that message. " + USAGE
#: Notes under an answer, and characters of one.
MOST_NOTES, MOST_NOTE = 6, 160
#: Subtypes of messages that people ask by.
ASKED_BY_PEOPLE = (None, "file_share", "thread_broadcast")

log = logging.getLogger(__name__)


class SlackChat:
    """The listeners, and the work that they began."""

    def __init__(self, *, asking: Asking, sending: Sending, client: AsyncWebClient) -> None:
        self._asking = asking
        self._sending = sending
        self._pressing = Pressing(asking)
        self._client = client
        self._working = Working()
        self._app = self._listening()

    async def handle(self, payload: Payload) -> Response:
        """Bolt's answer to a payload that the door has let in; whatever is raised is a fault of ours.

        Bolt is given the payload itself and not the body: of a form with the word "payload" in a text it reads nothing.
        """
        if "command" in payload:
            payload = payload | {"command": COMMAND}
        body = orjson.dumps(payload).decode()
        answer = await self._app.async_dispatch(AsyncBoltRequest(body=body, headers={"content-type": JSON}))
        # What nobody listens to is taken all the same: Slack would send an event again, and show people a failure.
        return Response() if answer.status == 404 else to_starlette_response(answer)

    async def close(self) -> None:
        """Wait a moment for what was begun, then end it."""
        await self._working.close()

    def _listening(self) -> AsyncApp:
        app = AsyncApp(
            logger=quiet,
            name=quiet.name,  # Bolt sets the level of the logger of this name: not the client's "seenbefore"
            client=self._client,
            authorize=_authorize,
            request_verification_enabled=False,  # the door has done it, and answers 401 where Bolt's would raise
            ssl_check_enabled=False,
            process_before_response=True,  # listeners only begin work; so what they raise is seen before the answer
        )
        app.error(_raised)
        app.command(COMMAND)(self._command)
        app.event("app_mention")(self._mention)
        app.event("message")(self._message)
        app.shortcut(SHORTCUT)(self._shortcut)
        for action in sorted(blocks.ACTIONS):
            app.action(action)(self._button)
        for view in (modals.WRONG, modals.RESOLVE):
            app.view(view)(self._submitted)
        return app

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._working.begin(_logged(work), otherwise=None)

    async def _command(self, ack: Ack, body: Payload) -> None:
        """`/seenbefore <error>`: answered to the one who typed it."""
        await ack()
        place = Place(channel=body.get("channel_id"), response_url=body.get("response_url"))
        text = question(body.get("text") or "")
        self._begin(self._answer(text, place=place, asked=f"command:{body.get('trigger_id')}"))

    async def _mention(self, body: Payload) -> None:
        """`@Seen Before seen this before?`, with the error or in its thread."""
        event = body["event"]
        if is_of_a_bot(event):
            return
        self._begin(self._answer_message(event, text=question(event.get("text") or "", bot=bot_of(body))))

    async def _message(self, body: Payload) -> None:
        """A reply in a thread that asks "seen this before?", and anything in a direct message."""
        event, bot = body["event"], bot_of(body)
        text = event.get("text") or ""
        direct = event.get("channel_type") == "im"
        comes_as_mention = not direct and bot is not None and f"<@{bot}>" in text
        if is_of_a_bot(event) or comes_as_mention:
            return
        asked = after_phrase(unmarked(text))
        if not direct and (asked is None or not event.get("thread_ts")):
            return
        self._begin(self._answer_message(event, text=question(text, bot=bot)))

    async def _shortcut(self, ack: Ack, body: Payload) -> None:
        """The shortcut in the menu of a message."""
        await ack()
        message = body.get("message") or {}
        thread = message.get("thread_ts") or message.get("ts")
        place = Place(channel=channel_of(body), thread=thread, response_url=body.get("response_url"))
        text = unfenced(message_text(message))
        self._begin(self._answer(text, place=place, asked=f"shortcut:{channel_of(body)}:{body.get('action_ts')}"))

    async def _button(self, ack: Ack, body: Payload) -> None:
        """One of those under an answer."""
        await ack()
        self._begin(self._pressed(body))

    async def _submitted(self, ack: Ack, body: Payload) -> None:
        """A modal was filled in."""
        await ack()
        self._begin(self._filled(body))

    async def _answer_message(self, event: Payload, *, text: str) -> None:
        channel, ts = event["channel"], event["ts"]
        place = Place(channel=channel, thread=event.get("thread_ts") or ts)
        if not text and event.get("thread_ts"):
            text = await self._first_of_thread(place)
        await self._answer(text, place=place, asked=f"message:{channel}:{ts}", user=event.get("user"))

    async def _first_of_thread(self, place: Place) -> str:
        assert place.channel is not None and place.thread is not None  # noqa: S101 - for the type checker
        try:
            message = await self._sending.message_at(place.channel, place.thread)
        except SlackApiError as error:
            log.warning("the message of a thread cannot be read: %s", code_of(error))
            return ""
        return unfenced(message_text(message or {}))

    async def _answer(self, text: str, *, place: Place, asked: str, user: str | None = None) -> None:
        if not text.strip():
            await self._sending.tell(place, NOTHING_THERE, user=user)
            return
        try:
            answer = await self._asking.ask(text, external_id=f"slack:{asked}")
        except KnowledgeError as error:
            await self._sending.tell(place, f"{NO_ANSWER} {error}", user=user)
            return
        except Exception:
            await self._sending.tell(place, f"{NO_ANSWER} {FAULT}", user=user)
            raise
        await self._sending.answer(place, blocks.message_of(answer))

    async def _pressed(self, body: Payload) -> None:
        action, by = body["actions"][0], person_of(body)
        incident_id, *others = map(UUID, action["value"].split(" "))
        about = modals.About(incident_id, place_of(body), notes_of(body))
        match action["action_id"]:
            case blocks.HELPED:
                await self._write(about, lambda: self._pressing.helped(incident_id, by=by), body=body)
            case blocks.ACCEPT:
                await self._write(about, lambda: self._pressing.accepted(others[0], by=by), body=body)
            case blocks.REJECT:
                await self._write(about, lambda: self._pressing.rejected(others[0], by=by), body=body)
            case blocks.WRONG:
                await self._open(modals.wrong(about), about=about, body=body)
            case _:
                await self._open(modals.resolve(about), about=about, body=body)

    async def _open(self, view: Payload, *, about: modals.About, body: Payload) -> None:
        try:
            await self._sending.open(view, trigger_id=body["trigger_id"])
        except SlackApiError as error:
            words = f"Slack did not open the form ({code_of(error)}). Press the button once more."
            await self._sending.tell(about.place, words, user=person_of(body).id)

    async def _filled(self, body: Payload) -> None:
        view, by = body["view"], person_of(body)
        about, given = modals.About.from_text(view["private_metadata"]), modals.given(view)
        write = self._pressing.wrong if view["callback_id"] == modals.WRONG else self._pressing.resolved
        await self._write(about, lambda: write(about.incident_id, given=given, by=by), body=body)

    async def _write(self, about: modals.About, write: Callable[[], Awaitable[str | None]], *, body: Payload) -> None:
        """Write back, and say so in the answer itself."""
        by = person_of(body)
        try:
            recorded = await write()
            if recorded is None:
                await self._open(modals.resolve(about, asked="What helped?"), about=about, body=body)
                return
            notes = (*about.notes, f"{one_line(by.name, most=60)}: recorded {recorded}.")[-MOST_NOTES:]
            answer = await self._asking.again(about.incident_id, notes=notes)
        except KnowledgeError as error:
            await self._sending.tell(about.place, f"This could not be recorded. {error}", user=by.id)
            return
        except Exception:
            await self._sending.tell(about.place, f"This may not have been recorded. {FAULT}", user=by.id)
            raise
        await self._sending.replace(about.place, blocks.message_of(answer))


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """One app, one token: whoever signs is let in, and nothing of Slack's is waited for."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)


async def _raised(error: Exception) -> None:
    """Bolt answers 500 and goes on; the service's own way with faults logs where it was, without its text."""
    raise error


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except SlackApiError as error:
        log.warning("Slack refused an answer: %s", code_of(error))
    except (SlackClientError, aiohttp.ClientError, OSError) as error:
        log.warning("Slack cannot be reached: %s", type(error).__name__)


def is_of_a_bot(event: Payload) -> bool:
    """Whether a message is no person's: a bot's, or one that was edited, deleted or made by Slack."""
    return bool(event.get("bot_id") or event.get("subtype") not in ASKED_BY_PEOPLE or not event.get("user"))


def bot_of(body: Payload) -> str | None:
    """The bot's own user id, which every event carries."""
    for each in body.get("authorizations") or []:
        if isinstance(each, dict) and each.get("is_bot"):
            return each.get("user_id")
    return None


def channel_of(body: Payload) -> str | None:
    """The channel of an interaction."""
    return (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id")


def place_of(body: Payload) -> Place:
    """Where the message stands whose button was pressed."""
    container = body.get("container") or {}
    return Place(
        channel=channel_of(body),
        ts=container.get("message_ts"),
        thread=container.get("thread_ts"),
        response_url=body.get("response_url"),
        ephemeral=bool(container.get("is_ephemeral")),
    )


def person_of(body: Payload) -> Person:
    """Who pressed."""
    user = body["user"]
    return Person(id=user["id"], name=user.get("username") or user.get("name") or user["id"])


def notes_of(body: Payload) -> tuple[str, ...]:
    """What is noted under an answer already; Slack sends ephemeral messages without their blocks."""
    shown = (body.get("message") or {}).get("blocks") or []
    noted = next((each for each in shown if isinstance(each, dict) and each.get("block_id") == blocks.NOTES), {})
    lines = noted.get("elements")
    told = ("".join(texts_in(line)) for line in (lines if isinstance(lines, list) else []))
    return tuple(inert(line, most=MOST_NOTE) for line in told if line)[-MOST_NOTES:]
