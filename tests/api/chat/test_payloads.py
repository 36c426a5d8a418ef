"""What Slack never sends is refused, however well it is signed; nothing that is let in is met by a fault of ours.

Payloads as Slack documents them are damaged in every way that JSON allows, and go through the door, Bolt and the
listeners, all of them real; only the work that a listener begins is left out here (`test_door` has all of it).
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, cast
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response

from api.chat import blocks, modals
from api.chat.asking import Asking
from api.chat.door import payload_of
from api.chat.sending import Place, Sending
from api.chat.slack import SlackChat
from api.problems import Unproven
from tests.api.chat.slack import (
    BOT,
    FORM,
    JSON,
    command_form,
    event_body,
    message_event,
    press_payload,
    shortcut_payload,
    submission_payload,
)

URL = "http://127.0.0.1:9/actions/T0001/1/abc"  # nobody answers there
INCIDENT, PROPOSAL = str(uuid4()), str(uuid4())
ABOUT = modals.About(uuid4(), Place(channel="C1", ts="1.1", response_url=URL), notes=("ana: recorded it.",))
ASIDE = {"message": {"type": "message", "ts": "1.1", "blocks": blocks.notes(("ana: recorded it.",))}}
EVENTS: dict[str, Any] = {
    "verification": {"type": "url_verification", "token": "legacy", "challenge": "3eZbrw1aBm2rZgRNFdxV"},
    "rate limited": {"type": "app_rate_limited", "team_id": "T0001", "minute_rate_limited": 1518467820},
    "mention": event_body(message_event(f"<@{BOT}> seen this before?", kind="app_mention")),
    "reply": event_body(message_event("Seen this before? boom") | {"thread_ts": "1.1"}),
    "edit": event_body(
        {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "1.2", "message": {"user": "U1"}}
    ),
    "another event": event_body({"type": "channel_created", "channel": {"id": "C1", "name": "new"}}),
}
INTERACTIONS: dict[str, Any] = {
    "press": press_payload(blocks.HELPED, INCIDENT, response_url=URL, ephemeral=True),
    "press on a note": press_payload(blocks.RESOLVE, INCIDENT, response_url=URL) | ASIDE,
    "accept": press_payload(blocks.ACCEPT, f"{INCIDENT} {PROPOSAL}", response_url=URL),
    "a link": press_payload("url", "x", response_url=URL),
    "shortcut": shortcut_payload(message_event("boom") | {"attachments": [{"text": "boom"}]}, response_url=URL),
    "resolution": submission_payload(modals.resolve(ABOUT), summary="Pin it.", action="fix_then_rerun"),
    "correction": submission_payload(modals.wrong(ABOUT), right="genuine", cause="data_quality", why="It was."),
    "another modal": submission_payload(modals.wrong(ABOUT) | {"callback_id": "another"}, right="genuine"),
}
COMMANDS = {
    "command": command_form("payload of boom", response_url=URL),
    "another command": command_form("boom", response_url=URL) | {"command": "/seenbefore-staging"},
    "certificate": {"ssl_check": "1", "token": "legacy"},
}
WRONG: tuple[Any, ...] = (None, True, 0, -1.5, "", "x", "\u202e", "9" * 5_000, [], [[]], {}, {"id": []}, [{}])


class Dry(SlackChat):
    """Begins nothing."""

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()


@pytest.fixture(scope="module")
def chat() -> Iterator[tuple[asyncio.Runner, SlackChat]]:
    """The listeners on Bolt, and the loop that they run in."""
    with asyncio.Runner() as runner:

        async def make() -> SlackChat:
            client = AsyncWebClient(token="xoxb-nobody's")
            nobody = cast(Asking, type("Nobody", (), {"service": None, "proposals": None, "workspace": "w"}))
            return Dry(asking=nobody, sending=Sending(client), client=client)

        yield runner, runner.run(make())


def body_of(payload: Any, *, kind: str) -> tuple[bytes, str]:
    """A body and its type: `events`, `actions` or `commands`."""
    if kind == "events":
        return json.dumps(payload).encode(), JSON
    form = {"payload": json.dumps(payload)} if kind == "actions" else {k: str(v) for k, v in dict(payload).items()}
    return urlencode(form).encode(), FORM


def status_of(chat: tuple[asyncio.Runner, SlackChat], payload: Any, *, kind: str) -> int:
    """How it is answered; what is raised behind the door is a fault of ours, and comes out of here."""
    runner, slack = chat
    body, content_type = body_of(payload, kind=kind)
    try:
        taken = payload_of(body, kind=content_type)
    except Unproven as refused:
        return refused.response().status_code
    answered: Response = runner.run(slack.handle(taken))
    return answered.status_code


SOUND = [
    *(("events", name, each) for name, each in EVENTS.items()),
    *(("actions", name, each) for name, each in INTERACTIONS.items()),
    *(("commands", name, each) for name, each in COMMANDS.items()),
]


@pytest.mark.parametrize(("kind", "payload"), [each[::2] for each in SOUND], ids=[each[1] for each in SOUND])
def test_what_slack_sends_is_taken(chat: tuple[asyncio.Runner, SlackChat], kind: str, payload: Any) -> None:
    """Also what nobody here has asked for: Slack would send it again."""
    assert 200 == status_of(chat, payload, kind=kind)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("commands", {"text": "boom"}),
        ("commands", COMMANDS["command"] | {"command": "seenbefore"}),
        ("commands", COMMANDS["command"] | {"response_url": "javascript:alert(1)"}),
        ("commands", {}),
        ("events", COMMANDS["command"]),
        ("events", {}),
        ("events", {"type": "event_callback"}),
        ("events", EVENTS["mention"] | {"event": None}),
        ("events", EVENTS["mention"] | {"event": [{}]}),
        ("events", EVENTS["mention"] | {"event": {"type": "message", "channel": {"id": "C1"}, "ts": "1.1"}}),
        ("events", EVENTS["mention"] | {"authorizations": {"0": {}}}),
        ("events", {"type": "url_verification"}),
        ("events", {"type": "block_actions"}),
        ("events", INTERACTIONS["press"]),
        ("actions", EVENTS["mention"]),
        ("actions", {"type": "of another time"}),
        ("actions", INTERACTIONS["press"] | {"actions": []}),
        ("actions", INTERACTIONS["press"] | {"actions": {}}),
        ("actions", {name: each for name, each in INTERACTIONS["press"].items() if name != "actions"}),
        ("actions", INTERACTIONS["press"] | {"user": "U1"}),
        ("actions", press_payload(blocks.HELPED, "1", response_url=URL)),
        ("actions", press_payload(blocks.ACCEPT, INCIDENT, response_url=URL)),
        ("actions", INTERACTIONS["resolution"] | {"view": {"callback_id": modals.RESOLVE}}),
        ("actions", INTERACTIONS["resolution"] | {"view": INTERACTIONS["resolution"]["view"] | {"state": None}}),
        (
            "actions",
            INTERACTIONS["resolution"] | {"view": INTERACTIONS["resolution"]["view"] | {"private_metadata": "{}"}},
        ),
        ("actions", submission_payload(modals.wrong(ABOUT), right="maybe")),
        ("actions", submission_payload(modals.resolve(ABOUT), summary="")),
    ],
)
def test_what_slack_never_sends_is_refused(
    chat: tuple[asyncio.Runner, SlackChat], kind: str, payload: dict[str, Any]
) -> None:
    """Unknown forms, parts that are missing, and values that no button or field of ours has."""
    assert 401 == status_of(chat, payload, kind=kind)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All that can be damaged in a payload; what a modal looks like is not read."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        if (*path, key) == ("view", "blocks"):
            continue
        yield (*path, key)
        yield from places(each, (*path, key))


def damaged(payload: Any, *, place: tuple[Any, ...], by: Any) -> Any:
    """A copy with another value in that place, or without it where that is `...`."""
    copied = copy.deepcopy(payload)
    inner = copied
    for key in place[:-1]:
        inner = inner[key]
    if by is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = by
    return copied


@settings(max_examples=400, deadline=None)
@given(data=st.data(), sound=st.sampled_from(SOUND), times=st.integers(1, 3))
def test_no_damage_is_met_by_a_fault_of_ours(
    chat: tuple[asyncio.Runner, SlackChat], data: st.DataObject, sound: tuple[str, str, Any], times: int
) -> None:
    """Taken or refused: at every level, of every type, alone and together."""
    kind, _, payload = sound
    for _ in range(times):
        left = list(places(payload))
        if left:
            place = data.draw(st.sampled_from(left))
            payload = damaged(payload, place=place, by=data.draw(st.sampled_from((..., *WRONG))))

    assert status_of(chat, payload, kind=kind) in (200, 401)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [each[::2] for each in SOUND if each[0] != "commands"],
    ids=[each[1] for each in SOUND if each[0] != "commands"],
)
def test_every_place_is_damaged_once(
    chat: tuple[asyncio.Runner, SlackChat], kind: str, payload: dict[str, Any]
) -> None:
    """By nothing, by what it is not, and by what is deeper than any message."""
    deep: list[Any] = []
    for _ in range(60):
        deep = [deep]
    for place in places(payload):
        for by in (..., None, {}, "x"):
            assert status_of(chat, damaged(payload, place=place, by=by), kind=kind) in (200, 401), (place, by)
        assert 401 == status_of(chat, damaged(payload, place=place, by=deep), kind=kind), place


async def test_a_fault_of_ours_is_none_of_slacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out as it is, so that it is logged as ours and answered with an error: Slack sends the event again."""

    def fails(*_: Any, **__: Any) -> str:
        raise RuntimeError("a fault")

    client = AsyncWebClient(token="xoxb-nobody's")
    nobody = cast(Asking, type("Nobody", (), {"service": None, "proposals": None, "workspace": "w"}))
    slack = SlackChat(asking=nobody, sending=Sending(client), client=client)
    monkeypatch.setattr("api.chat.slack.question", fails)

    for kind, payload in (("events", EVENTS["mention"]), ("commands", COMMANDS["command"])):
        body, content_type = body_of(payload, kind=kind)
        with pytest.raises(RuntimeError, match="a fault"):
            await slack.handle(payload_of(body, kind=content_type))


async def test_the_clients_logger_keeps_its_level() -> None:
    """Bolt sets the level of the logger that is named like its app: that must not be the client's."""
    clients = logging.getLogger("seenbefore")
    before = clients.level
    clients.setLevel(logging.INFO)
    try:
        client = AsyncWebClient(token="xoxb-nobody's")
        nobody = cast(Asking, type("Nobody", (), {"service": None, "proposals": None, "workspace": "w"}))
        SlackChat(asking=nobody, sending=Sending(client), client=client)

        assert logging.INFO == clients.level
        assert clients.isEnabledFor(logging.INFO)
    finally:
        clients.setLevel(before)
