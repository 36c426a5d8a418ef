"""Who is let in: what Slack signed within five minutes, once."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.chat.slack import Workspace, signed

WAYS = ("commands", "events", "actions")
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODY = urlencode({"command": "/seenbefore", "text": "", "trigger_id": "1"}).encode()


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
    body = urlencode({"command": "/seenbefore", "text": "", "trigger_id": "replayed"}).encode()
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


FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
latin = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80).map(
    str.strip
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    *("type", "event", "payload", "actions", "view", "user", "team", "channel", "message", "container", "event_id"),
    *("authorizations", "enterprise", "callback_id", "command", "text", "response_url", "challenge", "state"),
)
KINDS = ("event_callback", "url_verification", "block_actions", "view_submission", "message_action", "shortcut", "x")


@FAST
@given(timestamp=latin, signature=latin, body=st.binary(max_size=200), way=st.sampled_from(WAYS))
def test_any_headers_and_body_are_refused(
    client: httpx.Client, timestamp: str, signature: str, body: bytes, way: str
) -> None:
    """Never a fault of the service."""
    headers: dict[str, str | bytes] = {
        "X-Slack-Request-Timestamp": timestamp.encode("latin-1"),
        "X-Slack-Signature": signature.encode("latin-1"),
    }

    assert 401 == client.post(f"/chat/slack/{way}", content=body, headers=headers).status_code


@FAST
@given(
    payload=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    kind=st.sampled_from(KINDS),
    way=st.sampled_from(WAYS),
    as_form=st.booleans(),
)
def test_any_signed_payload_is_no_fault_of_ours(
    workspace: Workspace, payload: dict[str, object], kind: str, way: str, as_form: bool
) -> None:
    """It is taken, or refused with a reason; the payloads of another version of Slack are no 5xx."""
    text = json.dumps({"type": kind} | payload)
    body = urlencode({"payload": text}).encode() if as_form else text.encode()
    answer = post(workspace.client, body, signed(body, kind=FORM if as_form else JSON), way=way)

    assert answer.status_code < 500
