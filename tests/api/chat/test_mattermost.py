"""Mattermost's slash command."""

from __future__ import annotations

import asyncio
import gc
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.chat import mattermost
from api.chat.asking import FAULT, Asking
from api.chat.mattermost import Mattermost
from api.problems import Unproven
from tests.api.chat.slack import FakeSlack
from tests.api.chat.test_slack import SLOW_DOWN

TOKEN = "mattermost-token"
WAY = "/chat/mattermost/commands"


def command(client: httpx.Client, text: str, **more: str) -> httpx.Response:
    """What Mattermost sends."""
    form = {
        "channel_id": "c1",
        "channel_name": "failures",
        "command": "/seenbefore",
        "response_url": "http://127.0.0.1:9/none",
        "team_domain": "example",
        "team_id": "t1",
        "text": text,
        "token": TOKEN,
        "trigger_id": f"trigger-{hash(text)}",
        "user_id": "u1",
        "user_name": "ana",
    }
    return client.post(WAY, data=form | more)


def test_a_command_is_answered(client: httpx.Client) -> None:
    """With what Slack is answered with: verdict, decision, why, two precedents."""
    answer = command(client, SLOW_DOWN).json()

    assert "ephemeral" == answer["response_type"]
    assert "transient (rate limit)" in answer["text"]
    assert "Retry in " in answer["text"]
    assert ["**1.", "**2."] == [each["text"][:4] for each in answer["attachments"]]
    assert "https://seen.example/ui/incidents/" in answer["text"]


def test_nothing_to_look_for_is_said(client: httpx.Client) -> None:
    """And how to do it."""
    assert "Paste an error" in command(client, "  ").json()["text"]


@pytest.mark.parametrize("token", ["", "mattermost-toke", "mattermost-tokenx", "m\u00e4ttermost-token", "\x00"])
def test_another_token_is_refused(client: httpx.Client, token: str) -> None:
    """And nothing is recorded."""
    assert 401 == command(client, SLOW_DOWN, token=token).status_code


@pytest.mark.parametrize("body", [b"text=x&token=mattermost-token&token=other", b"text=\xff&token=mattermost-token"])
def test_what_is_no_command_is_refused(client: httpx.Client, body: bytes) -> None:
    """Two tokens, and what is no text."""
    assert 401 == client.post(WAY, content=body).status_code


@pytest.mark.parametrize("body", [b"%41=%41&" * 30_000 + b"token=x", f"token={TOKEN}&text=".encode() + b"%41" * 90_000])
async def test_nothing_is_parsed_before_the_token_is_found(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """Anybody may send megabytes; nor is more than Mattermost sends parsed of who has the token."""
    monkeypatch.delattr(mattermost, "parse_qsl")
    with pytest.raises(Unproven):
        await Mattermost(TOKEN, asking=asking).answer(body)


def test_the_longest_command_is_answered(client: httpx.Client) -> None:
    """As many characters as Mattermost lets people write, each as long as it gets on the way."""
    assert 200 == command(client, "\U0001f525" * 16_383).status_code


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    """What fails as nobody has foreseen, a moment after it was asked, with words that quote what was asked."""

    async def ask(_: Asking, text: str, *, external_id: str) -> Any:
        await asyncio.sleep(0.2)
        raise ValueError(f"{text} {external_id}")

    monkeypatch.setattr(Asking, "ask", ask)
    nothing: Any = None
    return Asking(nothing, nothing, workspace="chat", public_url=None)


@pytest.mark.parametrize("at_once_s", [0.01, 10.0])
async def test_what_nobody_foresaw_is_told_without_its_text(
    asking: Asking,
    slack_api: FakeSlack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    at_once_s: float,
) -> None:
    """The asker learns that there is no answer, at once or later; the log has the class of the error and no paste."""
    monkeypatch.setattr(mattermost, "AT_ONCE_S", at_once_s)
    slack_api.calls.clear()
    chat = Mattermost(TOKEN, asking=asking)
    form = {"token": TOKEN, "text": "SecretError: 4711", "response_url": slack_api.response_url, "trigger_id": "t"}
    answer = await chat.answer(urlencode(form).encode())
    if at_once_s < 1:
        assert mattermost.LATER == answer["text"]
        answer = (await asyncio.to_thread(slack_api.wait, "response_url")).body
    await chat.close()
    gc.collect()  # asyncio tells of errors that nobody asked for once their tasks are gone

    assert FAULT in answer["text"]
    assert "ValueError" in caplog.text
    assert "4711" not in caplog.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_any_body_without_the_token_is_refused(client: httpx.Client, body: bytes) -> None:
    """Never a fault of the service."""
    assert 401 == client.post(WAY, content=body).status_code


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_text_is_answered(client: httpx.Client, text: str) -> None:
    """NUL and emptiness too: Mattermost shows what is wrong."""
    answer = command(client, text)

    assert 200 == answer.status_code
    assert answer.json()["text"]


def test_mattermost_is_not_there_where_it_is_not_set_up(service_url: str) -> None:
    """It says what is missing."""
    answer = httpx.post(f"{service_url}{WAY}", data={"token": TOKEN})

    assert 404 == answer.status_code
    assert "SEENBEFORE_MATTERMOST_TOKEN" in answer.json()["detail"]
