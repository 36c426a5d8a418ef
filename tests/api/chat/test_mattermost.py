"""Mattermost's slash command."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
