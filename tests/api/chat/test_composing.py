"""Chat is there where it is set up, costs nothing elsewhere, and says what is missing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, cast

import httpx
import pytest
from starlette.responses import PlainTextResponse

import api.chat
from api.auth import Gate
from api.chat import composing
from api.guard import Guard
from api.settings import Settings, SettingsError, load_settings
from knowledge.proposing import Proposals
from knowledge.service import KnowledgeService
from knowledge.store.database import Database

NOTHING = cast(Any, None)


async def opened(settings: Settings) -> composing.Chat:
    """Chat as these settings make it."""
    made = composing.opened(
        settings,
        service=cast(KnowledgeService, NOTHING),
        proposals=cast(Proposals, NOTHING),
        database=cast(Database, NOTHING),
        clock=NOTHING,
    )
    async with made as chat:
        return chat


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"slack_bot_token": "xoxb"},
        {"slack_signing_secret": "s"},
        {"slack_signing_secret": " ", "slack_bot_token": "x"},
    ],
)
async def test_slack_needs_both_secrets(given: dict[str, str]) -> None:
    """One alone, or an empty one, sets up nothing."""
    assert (await opened(Settings(**given))).slack is None  # type: ignore[arg-type]


async def test_a_channel_is_told_where_one_is_named() -> None:
    """And only there."""
    slack = {"slack_signing_secret": "s", "slack_bot_token": "x"}
    silent = await opened(Settings(**slack))  # type: ignore[arg-type]
    telling = await opened(Settings(**slack, slack_channel="C1"))  # type: ignore[arg-type]

    assert silent.slack is not None
    assert silent.slack.telling is None
    assert telling.slack is not None
    assert telling.slack.telling is not None


async def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is served."""
    monkeypatch.delitem(sys.modules, "api.chat.connecting", raising=False)
    monkeypatch.delattr(api.chat, "connecting", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp", None)

    with pytest.raises(SettingsError, match=r"aiohttp is not installed: pip install 'seenbefore-server\[slack\]'"):
        await opened(Settings(slack_signing_secret="s", slack_bot_token="x"))  # type: ignore[arg-type]


def test_the_service_starts_without_slacks_libraries() -> None:
    """They are imported where Slack is set up."""
    script = "import sys, api.app; print({'slack_bolt', 'slack_sdk', 'aiohttp'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "set()" == done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [("public_url", "javascript:alert(1)"), ("slack_api_url", "slack.com"), ("chat_workspace", "$starter")],
)
def test_settings_that_cannot_be_are_refused(name: str, value: str) -> None:
    """By their names."""
    with pytest.raises(SettingsError, match=f"SEENBEFORE_{name.upper()}"):
        load_settings(**{name: value})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/chat/slack/events", 200),
        ("/chat/mattermost/commands", 200),
        ("/chats", 421),
        ("/advise", 421),
        ("//chat/x", 421),
    ],
)
async def test_only_chat_comes_under_any_name(path: str, status: int) -> None:
    """Its requests carry their own proof; all others are for this machine's names while there are no API keys."""
    gate = Gate(cast(Database, None), open=True)
    app: Any = Guard(
        PlainTextResponse("in"), max_body=10, gate=gate, host="127.0.0.1", page=lambda *_: PlainTextResponse("page")
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        answer = await client.post(f"http://seen.example{path}", content=b"a=1")

    assert status == answer.status_code
