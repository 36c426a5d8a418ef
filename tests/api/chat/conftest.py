"""A running service that a fake Slack talks with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from tests.api.chat.slack import SECRET, TOKEN, FakeSlack, Workspace, fake_slack
from tests.api.conftest import running_service


@pytest.fixture(scope="session")
def slack_api() -> Iterator[FakeSlack]:
    """Slack's Web API."""
    with fake_slack() as slack:
        yield slack


@pytest.fixture(scope="session")
def chat_url(new_data: Callable[[], Path], slack_api: FakeSlack) -> Iterator[str]:
    """The address of a service that is set up for Slack and Mattermost."""
    settings = Settings(
        data=new_data(),
        slack_signing_secret=SECRET,
        slack_bot_token=TOKEN,
        slack_api_url=slack_api.url,
        mattermost_token="mattermost-token",
        public_url="https://seen.example",
        chat_workspace="chat",
    )
    with running_service(settings) as url:
        yield url


@pytest.fixture
def client(chat_url: str) -> Iterator[httpx.Client]:
    """HTTP to the service, under the name that the world knows it by."""
    with httpx.Client(base_url=chat_url, headers={"Host": "seen.example"}, timeout=30) as opened:
        yield opened


@pytest.fixture
def known(chat_url: str) -> Iterator[httpx.Client]:
    """The service's API in the workspace that chat asks in."""
    with httpx.Client(base_url=chat_url, headers={"X-Workspace": "chat"}, timeout=30) as opened:
        yield opened


@pytest.fixture
def workspace(client: httpx.Client, slack_api: FakeSlack) -> Iterator[Workspace]:
    """A Slack workspace; what was sent to it before is forgotten."""
    slack_api.calls.clear()
    slack_api.answers.clear()
    yield Workspace(client, slack_api)
