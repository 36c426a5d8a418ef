"""Who is let in: what Slack signed within five minutes, once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import cast
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from api.chat.door import Door
from api.problems import Unproven
from knowledge.arrivals import Arrivals
from tests.api.chat.slack import BOT, FORM, JSON, SECRET, Workspace, command_form, signed
from tests.api.chat.test_payloads import SOUND, WRONG, body_of, damaged, places

WAYS = ("commands", "events", "actions")
BODY = urlencode(command_form("", response_url="http://127.0.0.1:9/none")).encode()


def post(client: httpx.Client, body: bytes, headers: dict[str, str], *, way: str = "commands") -> httpx.Response:
    """A request as it comes."""
    return client.post(f"/chat/slack/{way}", content=body, headers=headers)


@pytest.mark.parametrize("way", WAYS)
def test_unsigned_is_refused(client: httpx.Client, way: str) -> None:
    """Nobody is asked anything of."""
    answer = post(client, BODY, {"Content-Type": FORM}, way=way)

    assert 401 == answer.status_code
    assert "urn:seenbefore:problem:unproven" == answer.json()["type"]


@pytest.mark.parametrize("away_s", [-301, -86_400, 301, 86_400])
def test_stale_is_refused(client: httpx.Client, away_s: int) -> None:
    """Five minutes, either way."""
    assert 401 == post(client, BODY, signed(BODY, kind=FORM, at=time.time() + away_s)).status_code


def test_forged_is_refused(client: httpx.Client) -> None:
    """Another secret, another body, another time."""
    good = signed(BODY, kind=FORM)
    forged = [
        (BODY, signed(BODY, kind=FORM, secret="guessed")),
        (BODY + b"&text=more", good),
        (BODY, good | {"X-Slack-Request-Timestamp": str(int(time.time()) - 1)}),
        (BODY, good | {"X-Slack-Signature": good["X-Slack-Signature"].upper()}),
        (BODY, good | {"X-Slack-Signature": good["X-Slack-Signature"][3:]}),
    ]

    assert [401] * len(forged) == [post(client, body, headers).status_code for body, headers in forged]


def test_a_replay_is_refused(workspace: Workspace) -> None:
    """What was taken once is not taken again, wherever it is sent to."""
    body = urlencode(command_form("", response_url=workspace.slack.response_url)).encode()
    headers = signed(body, kind=FORM)
    statuses = [
        post(workspace.client, body, headers, way=way).status_code for way in ("commands", "commands", "events")
    ]

    assert [200, 401, 401] == statuses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Slack-Request-Timestamp", ""),
        ("X-Slack-Request-Timestamp", "now"),
        ("X-Slack-Request-Timestamp", "1e9"),
        ("X-Slack-Request-Timestamp", "-1"),
        ("X-Slack-Request-Timestamp", "9" * 400),
        ("X-Slack-Request-Timestamp", "\u0661\u0662"),
        ("X-Slack-Signature", ""),
        ("X-Slack-Signature", "v0="),
        ("X-Slack-Signature", "v1=" + "0" * 64),
        ("X-Slack-Signature", "v0=\u00fc"),
    ],
)
def test_malformed_headers_are_refused(client: httpx.Client, name: str, value: str) -> None:
    """The library raises on some of these."""
    headers: dict[str, str | bytes] = {**signed(BODY, kind=FORM), name: value.encode()}

    assert 401 == client.post("/chat/slack/commands", content=BODY, headers=headers).status_code


def test_two_signatures_are_refused(client: httpx.Client) -> None:
    """Which one counts is nobody's guess."""
    headers = list(signed(BODY, kind=FORM).items())

    answer = client.post("/chat/slack/commands", content=BODY, headers=[*headers, headers[2]])

    assert 401 == answer.status_code


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, b"{"),
        (JSON, b'{"a": NaN}'),
        (JSON, b'{"a": "\\ud800"}'),
        (JSON, b"\xff\xfe"),
        (FORM, b"payload=1"),
        (FORM, b"payload=%7B"),
        (FORM, b"payload=[]"),
        (FORM, b"\xff"),
        (FORM, b"&".join(b"a%d=1" % n for n in range(1_000))),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_signed_nonsense_is_refused(client: httpx.Client, kind: str, body: bytes, way: str) -> None:
    """What cannot be Slack's, though it is signed."""
    # Some of it is no text, which the secret signs all the same.
    answer = post(client, body, signed(body, kind=kind), way=way)

    assert 401 == answer.status_code


latin = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80).map(
    str.strip
)


class Unasked:
    """What has come before is not asked for where nothing is signed."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """A loop."""
    with asyncio.Runner() as opened:
        yield opened


@settings(max_examples=300, deadline=None)
@given(timestamp=latin, signature=latin, body=st.binary(max_size=200))
def test_any_headers_and_body_are_refused(runner: asyncio.Runner, timestamp: str, signature: str, body: bytes) -> None:
    """Never a fault of the service."""
    headers = [
        (b"x-slack-request-timestamp", timestamp.encode("latin-1")),
        (b"x-slack-signature", signature.encode("latin-1")),
    ]

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    with pytest.raises(Unproven):
        runner.run(Door(SECRET, arrivals=cast(Arrivals, Unasked())).checked(request))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), way=st.sampled_from(WAYS))
def test_no_damaged_payload_is_a_fault_of_ours(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, data: st.DataObject, way: str
) -> None:
    """All the way, with the work that is begun: it is taken or refused, and nothing fails behind the answer."""
    kind, _, payload = data.draw(st.sampled_from(SOUND))
    place = data.draw(st.sampled_from(list(places(payload))))
    body, content_type = body_of(damaged(payload, place=place, by=data.draw(st.sampled_from(WRONG))), kind=kind)
    answer = post(workspace.client, body, signed(body, kind=content_type), way=way)

    assert answer.status_code in (200, 401)
    assert [] == [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_fault_of_ours_is_logged_as_one_and_asked_for_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack sends an event again that was answered with an error; it is answered then, as if it came at first."""
    text = "a text that no log shows"
    message = workspace.message(f"<@{BOT}> {text}", kind="app_mention")
    with monkeypatch.context() as broken:
        broken.setattr("api.chat.slack.question", lambda *_, **__: 1 / 0)
        failed = workspace.event(message, event_id="Ev-fault")
    with httpx.Client(base_url=workspace.client.base_url, headers=workspace.client.headers) as fresh:
        again = Workspace(fresh, workspace.slack).event(message, event_id="Ev-fault", retry=1)
    workspace.slack.wait("chat.postMessage")

    assert (500, 200) == (failed.status_code, again.status_code)
    assert "ZeroDivisionError" in caplog.text
    assert text not in caplog.text
