"""Slack as the service meets it: requests signed as its documentation says, and a Web API that keeps what it gets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from aiohttp import web

SECRET = "signing-secret-of-the-tests"
TOKEN = "xoxb-not-a-real-token"
BOT = "U0BOT"
CHANNEL = "C0FAILURES"
PATIENCE_S = 10.0
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

numbers = itertools.count(1)


def signature(body: bytes, *, timestamp: str, secret: str = SECRET) -> str:
    """`v0=` and the HMAC-SHA256 of `v0:timestamp:body`."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def signed(body: bytes, *, kind: str, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of a request of Slack's."""
    timestamp = str(int(time.time() if at is None else at))
    return {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(body, timestamp=timestamp, secret=secret),
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
    }


@dataclass
class Call:
    """What the service sent: the Web API's method or `response_url`, and the arguments."""

    method: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)


class FakeSlack:
    """Slack's Web API on a loopback port: it keeps what it gets, and answers as Slack's documentation shows."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Callable[[dict[str, Any]], web.Response]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.url = ""

    @property
    def response_url(self) -> str:
        """A fresh one: Slack makes one for each command and each press."""
        return f"{self.url}response/{next(numbers)}"

    async def handle(self, request: web.Request) -> web.Response:
        """One call."""
        path = request.path.removeprefix("/api/")
        body = dict(request.query) | _read(await request.text(), request.content_type)
        method = "response_url" if path.startswith("response/") else path
        self.calls.append(Call(method, body))
        if method in self.answers:
            return self.answers[method](body)
        if method == "response_url":
            return web.Response(text="ok")
        return web.json_response({"ok": True, "channel": body.get("channel"), **self._result(method, body)})

    def _result(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "chat.postMessage":
            return {"ts": f"{1_700_000_000 + next(numbers)}.000100"}
        if method == "conversations.replies":
            message = self.messages.get(str(body["ts"]))
            return {"messages": [message] if message else []}
        return {"ts": body["ts"]} if "ts" in body else {}

    def of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [each for each in self.calls if each.method == method]

    def wait(self, method: str, *, count: int = 1, patience_s: float = PATIENCE_S) -> Call:
        """The call of that number, once it has come."""
        until = time.monotonic() + patience_s
        while len(self.of(method)) < count:
            assert time.monotonic() < until, f"{method} did not come: {[each.method for each in self.calls]}"
            time.sleep(0.01)
        return self.of(method)[count - 1]


def refused(code: str) -> Callable[[dict[str, Any]], web.Response]:
    """Slack's answer to what it does not do."""
    return lambda _: web.json_response({"ok": False, "error": code})


def _read(text: str, kind: str) -> dict[str, Any]:
    if kind == "application/json":
        body: dict[str, Any] = json.loads(text)
        return body
    form: dict[str, Any] = dict(parse_qsl(text))
    for name in ("blocks", "view", "metadata"):
        if name in form:
            form[name] = json.loads(form[name])
    return form


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """A Slack of its own, in a thread."""
    slack, started, stop = FakeSlack(), threading.Event(), threading.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/{path:.*}", slack.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        started.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="fake Slack")
    thread.start()
    try:
        assert started.wait(10)
        yield slack
    finally:
        stop.set()
        thread.join()


class Workspace:
    """A Slack workspace with the app in it: what people do there reaches the service as signed requests."""

    def __init__(self, client: httpx.Client, slack: FakeSlack) -> None:
        self.client = client
        self.slack = slack

    def send(self, way: str, body: bytes, *, kind: str, **headers: str) -> httpx.Response:
        """A request of Slack's."""
        given = signed(body, kind=kind) | headers
        return self.client.post(f"/chat/slack/{way}", content=body, headers=given)

    def command(self, text: str, **more: str) -> httpx.Response:
        """`/seenbefore <text>`."""
        form = command_form(text, response_url=self.slack.response_url) | more
        return self.send("commands", urlencode(form).encode(), kind=FORM)

    def event(self, event: dict[str, Any], *, event_id: str | None = None, retry: int | None = None) -> httpx.Response:
        """Something of the Events API."""
        body = event_body(event) | ({"event_id": event_id} if event_id else {})
        content, headers = json.dumps(body).encode(), {}
        if retry is not None:
            headers = signed(content, kind=JSON, at=time.time() + retry)
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
        return self.send("events", content, kind=JSON, **headers)

    def message(self, text: str, *, kind: str = "message", **more: Any) -> dict[str, Any]:
        """What `event` sends for a message in the channel."""
        return message_event(text, kind=kind) | more

    def interact(self, payload: dict[str, Any], **more: Any) -> httpx.Response:
        """A button, a shortcut or a modal."""
        return self.send("actions", urlencode({"payload": json.dumps(payload | more)}).encode(), kind=FORM)

    def press(self, action: str, value: str, *, ephemeral: bool = False, **more: Any) -> httpx.Response:
        """A button under an answer."""
        pressed = press_payload(action, value, response_url=self.slack.response_url, ephemeral=ephemeral)
        return self.interact(pressed, **more)

    def shortcut(self, message: dict[str, Any]) -> httpx.Response:
        """ "Seen this before?" in the menu of a message."""
        return self.interact(shortcut_payload(message, response_url=self.slack.response_url))

    def fill_in(self, view: dict[str, Any], **given: str) -> httpx.Response:
        """Save a modal that was opened."""
        return self.interact(submission_payload(view, **given))


def command_form(text: str, *, response_url: str) -> dict[str, str]:
    """`/seenbefore <text>`, as Slack documents it."""
    return {
        "token": "legacy",
        "team_id": "T0001",
        "team_domain": "example",
        "channel_id": CHANNEL,
        "channel_name": "failures",
        "user_id": "U0ANA",
        "user_name": "ana",
        "command": "/seenbefore",
        "text": text,
        "api_app_id": "A0001",
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": f"{next(numbers)}.trigger",
    }


def event_body(event: dict[str, Any]) -> dict[str, Any]:
    """Something of the Events API."""
    return {
        "token": "legacy",
        "team_id": "T0001",
        "api_app_id": "A0001",
        "type": "event_callback",
        "event_id": f"Ev{next(numbers):08}",
        "event_time": int(time.time()),
        "authorizations": [{"team_id": "T0001", "user_id": BOT, "is_bot": True, "is_enterprise_install": False}],
        "event": event,
    }


def message_event(text: str, *, kind: str = "message") -> dict[str, Any]:
    """A message in the channel."""
    return {
        "type": kind,
        "user": "U0ANA",
        "text": text,
        "ts": f"{1_690_000_000 + next(numbers)}.000200",
        "channel": CHANNEL,
        "channel_type": "channel",
    }


def _interaction(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "team": {"id": "T0001", "domain": "example"},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T0001"},
        "api_app_id": "A0001",
        "token": "legacy",
        "trigger_id": f"{next(numbers)}.trigger",
        **more,
    }


def press_payload(action: str, value: str, *, response_url: str, ephemeral: bool = False) -> dict[str, Any]:
    """A button that was pressed."""
    container = {"type": "message", "message_ts": "1700000001.000100", "channel_id": CHANNEL}
    button = {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1.2"}
    return _interaction(
        "block_actions",
        container=container | {"is_ephemeral": ephemeral},
        channel={"id": CHANNEL, "name": "failures"},
        response_url=response_url,
        actions=[button],
    )


def shortcut_payload(message: dict[str, Any], *, response_url: str) -> dict[str, Any]:
    """A message whose shortcut was used."""
    return _interaction(
        "message_action",
        callback_id="seen_this_before",
        action_ts=f"{next(numbers)}.1",
        message_ts=message["ts"],
        channel={"id": CHANNEL, "name": "failures"},
        message=message,
        response_url=response_url,
    )


def submission_payload(view: dict[str, Any], **given: str) -> dict[str, Any]:
    """A modal that was saved."""
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        name, kind = block["block_id"], block["element"]["type"]
        if kind == "static_select":
            chosen = {"value": given[name]} if name in given else None
            values[name] = {name: {"type": kind, "selected_option": chosen}}
        else:
            values[name] = {name: {"type": kind, "value": given.get(name)}}
    shown = view | {"id": "V0001", "state": {"values": values}}
    return _interaction("view_submission", view=shown, response_urls=[])
