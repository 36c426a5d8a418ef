"""`POST /chat/…`: where Slack and Mattermost call. Neither has an API key: each request carries its own proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.chat.composing import EXTRA, Chat
from api.context import JsonAnswer
from api.problems import Problem

if TYPE_CHECKING:
    from api.chat.connecting import Slack

router = APIRouter(prefix="/chat", include_in_schema=False)


@router.post("/slack/commands")
@router.post("/slack/events")
@router.post("/slack/actions")
async def slack(request: Request) -> Response:
    """Commands; mentions and messages; buttons, shortcuts and modals. Which it is says what it carries."""
    chat: Chat = request.app.state.parts.chat
    if chat.slack is None:
        raise Problem(
            404,
            f"Slack is not set up here: {EXTRA}, SEENBEFORE_SLACK_SIGNING_SECRET and SEENBEFORE_SLACK_BOT_TOKEN.",
        )
    return await _taken_once(chat.slack, await chat.slack.door.checked(request))


async def _taken_once(slack: Slack, payload: dict[str, Any]) -> Response:
    """Slack sends an event again where it was answered late, or with an error: only then it is not known yet."""
    if "event_id" not in payload:
        return await slack.listeners.handle(payload)
    event = f"slack event {payload['event_id']}"
    if not await slack.arrivals.is_first(event):
        return Response()
    try:
        return await slack.listeners.handle(payload)
    except Exception:
        await slack.arrivals.forget(event)
        raise


@router.post("/mattermost/commands")
async def mattermost(request: Request) -> Response:
    """A slash command of Mattermost's."""
    chat: Chat = request.app.state.parts.chat
    if chat.mattermost is None:
        raise Problem(404, "Mattermost is not set up here: SEENBEFORE_MATTERMOST_TOKEN.")
    return JsonAnswer(await chat.mattermost.answer(await request.body()))
