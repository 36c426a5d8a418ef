"""Writes `docs/chat-transcript.md`: what goes to and fro between Slack, Mattermost and a real service.

`python -m tests.api.chat.transcript` makes it anew: a service of its own in a folder that is thrown away, and a Slack
that keeps what it gets.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from api.chat import blocks
from api.settings import Settings
from tests.api import conftest
from tests.api.chat.reading import incident_of, text_of, value_of
from tests.api.chat.slack import BOT, CHANNEL, SECRET, TOKEN, Call, FakeSlack, Workspace, fake_slack

FILE = Path(__file__).parents[3] / "docs" / "chat-transcript.md"
PATIENCE_S = 60.0
#: Characters of a line of JSON.
WIDEST = 110
SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
MISSING = "KeyError: 'customer_tenure' in features.py: the column is missing from the export"
HOSTILE = "KeyError: <!channel> <@U123ABC456> <https://evil.example|the runbook> *bold* `code` and \u202egnp.exe"
HEAD = """# A Slack transcript

Made by `python -m tests.api.chat.transcript`: a real service, and a Slack that keeps what it gets. Requests are signed
as Slack signs them. Addresses of the Slack in the test are shown as Slack's own; all else is as it went over the wire,
forms and their JSON unpacked.
"""


@dataclass
class Writing:
    """The page as it grows; each request and call of the service is written down once."""

    slack: FakeSlack
    lines: list[str] = field(default_factory=lambda: [HEAD])
    told: int = 0

    def step(self, title: str, words: str) -> None:
        """What is to be seen next."""
        self.lines += [f"## {title}", "", words, ""]

    def asked(self, response: httpx.Response) -> None:
        """What came in, and its answer."""
        request = response.request
        shown = {name: value for name, value in request.headers.items() if name.startswith(("x-slack", "content-type"))}
        head = "\n".join(f"{name}: {value}" for name, value in shown.items())
        self._fence("http", f"POST {request.url.path}\n{head}", "In:")
        self._fence("json", as_json(unpacked(request.content.decode())))
        answer = f"Answered {response.status_code} after {response.elapsed.total_seconds() * 1_000:.0f} ms"
        if response.content:
            self._fence("json", as_json(response.json()), f"{answer}:")
        else:
            self.lines += [f"{answer}, with an empty body.", ""]

    def sent(self, *methods: str, until: Callable[[list[Call]], bool] | None = None) -> list[Call]:
        """What the service sent since, once all of these have come."""
        deadline = time.monotonic() + PATIENCE_S
        while not (until or (lambda new: all(any(each.method == name for each in new) for name in methods)))(self._new):
            assert time.monotonic() < deadline, [each.method for each in self._new]
            time.sleep(0.05)
        new = self._new
        self.told += len(new)
        for call in new:
            self._fence("json", as_json(call.body), f"Out, `{call.method}`:")
        return new

    def text(self) -> str:
        """The page."""
        page = "\n".join(self.lines).replace(f"{self.slack.url}response/", "https://hooks.slack.com/commands/T0001/")
        return page.rstrip() + "\n"

    @property
    def _new(self) -> list[Call]:
        return self.slack.calls[self.told :]

    def _fence(self, kind: str, text: str, title: str | None = None) -> None:
        self.lines += [*([title, ""] if title else []), f"````{kind}", text, "````", ""]


def unpacked(body: str) -> Any:
    """A body as an object: JSON, a form, or JSON in a form."""
    if body.startswith("{"):
        return json.loads(body)
    form: dict[str, Any] = dict(parse_qsl(body, keep_blank_values=True))
    return {"payload": json.loads(form["payload"])} if "payload" in form else form


def as_json(value: Any, *, indent: int = 0) -> str:
    """What fits stands on one line; characters that hide are shown by their numbers, as JSON may."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, (dict, list)) and len(text) + indent > WIDEST and value:
        items = value.items() if isinstance(value, dict) else [(None, each) for each in value]
        keys = [(f"{json.dumps(key)}: " if key is not None else "", each) for key, each in items]
        inner = [" " * (indent + 1) + key + as_json(each, indent=indent + 1) for key, each in keys]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + "\n" + ",\n".join(inner) + "\n" + " " * indent + closing
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def write(workspace: Workspace, page: Writing) -> None:
    """The steps, one after the other."""
    client = workspace.client
    page.step("A command", "`/seenbefore` with an error. Acknowledged at once, answered by `response_url`.")
    page.asked(workspace.command(SLOW_DOWN))
    [answer] = page.sent("response_url")
    page.step("It helped", "The decision was `retry`: an outcome is recorded, and the answer replaced in its place.")
    page.asked(workspace.press(blocks.HELPED, incident_of(answer.body["blocks"]), ephemeral=True))
    page.sent("response_url")
    page.step("A mention in a thread", "The error is in the message that began the thread.")
    parent = {"type": "message", "ts": "1699999999.000001", "user": "U0BOB", "text": MISSING}
    workspace.slack.messages[parent["ts"]] = parent
    text = f"<@{BOT}> seen this before?"
    page.asked(workspace.event(workspace.message(text, kind="app_mention", thread_ts=parent["ts"])))
    answer = page.sent("conversations.replies", "chat.postMessage")[-1]
    incident = incident_of(answer.body["blocks"])
    page.step("Add resolution", "A modal opens; what is saved is kept with the name of who wrote it.")
    page.asked(workspace.press(blocks.RESOLVE, incident))
    view = page.sent("views.open")[-1].body["view"]
    page.asked(workspace.fill_in(view, summary="Put the column back into the export's query.", action="fix_then_rerun"))
    page.sent("response_url")
    page.step("Wrong", "What is right corrects the precedent, in its history under the name of who said so.")
    page.asked(workspace.press(blocks.WRONG, incident))
    view = page.sent("views.open")[-1].body["view"]
    page.asked(workspace.fill_in(view, right="genuine", cause="data_quality", why="The export dropped the column."))
    page.sent("response_url")
    page.step("A shortcut, on a hostile message", "Nothing of it mentions, links or formats; what hides is shown.")
    page.asked(workspace.shortcut(workspace.message(HOSTILE)))
    page.sent("chat.postMessage")
    _propose(workspace, page, incident=incident)
    page.step("A replay", "The same request a second time.")
    again = workspace.command(SLOW_DOWN)
    page.sent("response_url")
    page.asked(client.post(again.request.url.path, content=again.request.content, headers=again.request.headers))
    page.step(
        "A storm", "Three runs fail alike: one message, details in its thread. A fourth, then a retry that passes."
    )
    gale = {"text": "GaleError: the broker is gone", "attempt": 1}
    for run in range(3):
        failed = client.post("/advise", json=gale | {"run_id": f"r-{run}"})
    page.sent(until=lambda new: sum("Storm: 3 runs" in text_of(each.body) for each in new) == 1 and len(new) >= 4)
    client.post("/advise", json=gale | {"run_id": "r-3"})
    page.sent("chat.update")
    incident = failed.json()["incident_id"]
    client.post(f"/incidents/{incident}/outcome", json={"result": "succeeded", "attempt": 2})
    page.sent("chat.update")
    page.step("Mattermost", "The same answer as markdown, texts of failures in fences.")
    form = {
        "token": "token-of-the-tests",
        "command": "/seenbefore",
        "text": MISSING,
        "trigger_id": "t",
        "user_name": "ana",
    }
    page.asked(client.post("/chat/mattermost/commands", data=form))


def proposed(workspace: Workspace, page: Writing, *, incident: str) -> None:
    """What an agent says fixed it, and a person who accepts that."""
    page.step(
        "What an agent proposed", "Shown as what waits, apart from what is advised; *Accept* makes it a resolution."
    )
    said = {"summary": "Ask for the column by its new name.", "author": "export agent", "incident_id": incident}
    workspace.client.post("/resolutions", json=said).raise_for_status()
    page.asked(workspace.command(MISSING))
    [answer] = page.sent("response_url")
    page.asked(workspace.press(blocks.ACCEPT, value_of(answer.body["blocks"], blocks.ACCEPT), ephemeral=True))
    page.sent("response_url")


def _propose(workspace: Workspace, page: Writing, *, incident: str) -> None:
    """What an agent says fixed it, and a person who accepts that."""
    page.step(
        "What an agent proposed", "Shown as what waits, apart from what is advised; *Accept* makes it a resolution."
    )
    said = {"summary": "Ask for the column by its new name.", "author": "export agent", "incident_id": incident}
    workspace.client.post("/resolutions", json=said).raise_for_status()
    page.asked(workspace.command(MISSING))
    [answer] = page.sent("response_url")
    page.asked(workspace.press(blocks.ACCEPT, value_of(answer.body["blocks"], blocks.ACCEPT), ephemeral=True))
    page.sent("response_url")


def main() -> None:
    """Make the page."""
    conftest.START_LIMIT_S = 600.0  # the starter precedents are embedded anew
    with ExitStack() as stack:
        slack = stack.enter_context(fake_slack())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(
            data=folder / "data",
            slack_signing_secret=SECRET,
            slack_bot_token=TOKEN,
            slack_api_url=slack.url,
            slack_channel=CHANNEL,
            mattermost_token="token-of-the-tests",
            public_url="https://seenbefore.example.com",
        )
        url = stack.enter_context(conftest.running_service(settings))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        page = Writing(slack)
        write(Workspace(client, slack), page)
        FILE.write_text(page.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
