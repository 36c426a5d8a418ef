"""Slack waits 3 s: an answer that takes longer is acknowledged before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from knowledge.service import KnowledgeService
from tests.api.chat.slack import BOT, SECRET, TOKEN, FakeSlack, Workspace
from tests.api.conftest import running_service

SLOW_S = 4.0
LIMIT_S = 3.0


@pytest.fixture
def slow(new_data: Callable[[], Path], slack_api: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A service whose advice takes longer than Slack waits."""
    advise = KnowledgeService.advise

    async def late(self: KnowledgeService, *given: object, **named: object) -> object:
        await asyncio.sleep(SLOW_S)
        return await advise(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(KnowledgeService, "advise", late)
    settings = Settings(
        data=new_data(),
        slack_signing_secret=SECRET,
        slack_bot_token=TOKEN,
        slack_api_url=slack_api.url,
        mattermost_token="mattermost-token",
    )
    slack_api.calls.clear()
    slack_api.answers.clear()
    with running_service(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield Workspace(client, slack_api)


def test_answers_come_later_than_acknowledgements(slow: Workspace) -> None:
    """A command, an event, and Mattermost's command, whose answer follows by `response_url`."""
    slack = slow.slack
    form = {"token": "mattermost-token", "text": "SlowDown", "response_url": slack.response_url, "trigger_id": "m"}
    begun = time.monotonic()
    statuses = [
        slow.command("SlowDown").status_code,
        slow.event(slow.message(f"<@{BOT}> SlowDown", kind="app_mention")).status_code,
        slow.client.post("/chat/mattermost/commands", data=form).status_code,
    ]
    acknowledged_s = time.monotonic() - begun
    late = [slack.wait("response_url"), slack.wait("chat.postMessage"), slack.wait("response_url", count=2)]

    assert [200, 200, 200] == statuses
    assert acknowledged_s < LIMIT_S
    assert all(each.at - begun >= SLOW_S for each in late)
