"""A channel that is told by itself: by two replicas at once, and after a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from aiohttp import web

from api import composition
from api.chat import telling
from api.chat.announcing import LISTED
from api.settings import Settings
from api.web.pages.ask import AskForm
from knowledge import notices
from knowledge.store.embedded import EmbeddedPostgres
from tests.api.chat.reading import leading, size, text_of
from tests.api.chat.slack import CHANNEL, SECRET, TOKEN, Call, FakeSlack, Workspace, fake_slack
from tests.api.conftest import running_service
from tests.hostile import MENTIONS

PATIENCE_S = 60.0
#: By then a service has looked for what is new a few times.
SETTLED_S = 1.0

Replica: TypeAlias = Callable[[], AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="module")
def channel() -> Iterator[FakeSlack]:
    """A Slack of this module's own: nobody else is told here."""
    with fake_slack() as slack:
        yield slack


@pytest.fixture(scope="module")
def shared_url(new_data: Callable[[], Path]) -> Iterator[str]:
    """A PostgreSQL that several services share, with the starter precedents in it."""
    with EmbeddedPostgres(new_data() / "postgres") as server:
        yield server.url


@pytest.fixture
def replica(
    shared_url: str,
    new_data: Callable[[], Path],
    channel: FakeSlack,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Replica:
    """Make services that share a database, and a channel and a workspace that are the test's own."""
    monkeypatch.setattr(telling, "UPDATED_EVERY", timedelta(seconds=1))
    monkeypatch.setattr(composition, "TELL_EVERY_S", 0.2)
    monkeypatch.setattr(notices, "PACE", timedelta(seconds=0.2))
    channel.calls.clear()
    channel.answers.clear()
    workspace = request.node.name[:60].replace("_", "-")

    @contextmanager
    def start() -> Iterator[httpx.Client]:
        settings = Settings(
            data=new_data(),
            database_url=shared_url,
            slack_signing_secret=SECRET,
            slack_bot_token=TOKEN,
            slack_api_url=channel.url,
            slack_channel=CHANNEL,
            chat_workspace=workspace,
            public_url="https://seen.example",
        )
        headers = {"X-Workspace": workspace}
        with running_service(settings) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            yield client

    return start


def failed(client: httpx.Client, text: str, **more: object) -> str:
    """A run fails; the incident."""
    answer = client.post("/advise", json={"text": text, "pipeline": "fraud", "step": "train", **more})
    incident: str = answer.raise_for_status().json()["incident_id"]
    return incident


def shown(calls: list[Call]) -> list[str]:
    """What people see of messages."""
    return [text_of(each.body["blocks"]) for each in calls]


def first_posts(slack: FakeSlack) -> list[str]:
    """What was posted to the channel itself, and not into a thread."""
    return shown([each for each in slack.of("chat.postMessage") if "thread_ts" not in each.body])


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def wait_for_words(words: str, told: Callable[[], list[str]]) -> None:
    """Until one of the messages has them."""
    wait_for(lambda: any(words in each for each in told()))


def test_each_is_told_once(replica: Replica, channel: FakeSlack) -> None:
    """By whichever of two replicas; with its details in the thread; not again after a restart; and not while people
    only ask about it."""
    texts = [f"{fruit}Error: the basket is empty" for fruit in ("Plum", "Pear", "Kiwi", "Fig")]
    with replica() as one, replica() as other:
        time.sleep(SETTLED_S)
        for number, text in enumerate(texts):
            failed((one, other)[number % 2], text, run_id=f"r-{number}")
        wait_for(lambda: len(channel.of("chat.postMessage")) == 2 * len(texts))
        failed(one, texts[0], run_id="r-9")
        Workspace(other, channel).command("MelonError: asked about before it failed")
        channel.wait("response_url")
        time.sleep(SETTLED_S)
        before = len(first_posts(channel))
    with replica() as again:
        failed(again, "MelonError: asked about before it failed", run_id="r-10")
        wait_for_words("MelonError", lambda: first_posts(channel))
        wait_for(lambda: len(channel.of("chat.postMessage")) == 2 * len(texts) + 2)
        time.sleep(SETTLED_S)
    posted = first_posts(channel)

    assert (len(texts), len(texts) + 1) == (before, len(posted))
    assert all("A failure that was not seen before\n in pipeline fraud, step train, run r-" in each for each in posted)
    assert len(texts) + 1 == len([each for each in channel.of("chat.postMessage") if "thread_ts" in each.body])


def test_a_storm_is_one_message(replica: Replica, channel: FakeSlack) -> None:
    """Brought up to date in its place while it goes on, and once more when it is over."""
    text = "GaleError: the broker is gone"

    def updates() -> list[str]:
        return shown(channel.of("chat.update"))

    with replica() as client:
        time.sleep(SETTLED_S)
        incident = [failed(client, text, run_id=f"r-{run}", attempt=1) for run in range(3)][-1]
        wait_for_words("Storm: 3 runs hit", lambda: first_posts(channel))
        failed(client, text, run_id="r-3", attempt=1)
        wait_for_words("Storm: 4 runs hit", updates)
        client.post(f"/incidents/{incident}/outcome", json={"result": "succeeded", "attempt": 2}).raise_for_status()
        wait_for_words("Storm over: 4 runs hit", updates)
        told = len(channel.calls)
        time.sleep(3 * SETTLED_S)
    posts = channel.of("chat.postMessage")

    assert 1 == len([each for each in first_posts(channel) if each.startswith("Storm")])
    assert 1 == len({each.body["ts"] for each in channel.of("chat.update")})
    assert {each.body["ts"] for each in channel.of("chat.update")} <= {each.body.get("thread_ts") for each in posts}
    assert told == len(channel.calls)


def test_slacks_pause_is_kept(replica: Replica, channel: FakeSlack) -> None:
    """`Retry-After`: nothing at all is sent before, and then the same."""

    def limited(_: dict[str, object]) -> web.Response:
        if len(channel.of("chat.postMessage")) == 1:
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "3"})
        return web.json_response({"ok": True, "ts": f"{len(channel.calls)}.1"})

    channel.answers["chat.postMessage"] = limited
    with replica() as client:
        time.sleep(SETTLED_S)
        failed(client, "PauseError: a first", run_id="r-1")
        wait_for(lambda: len(channel.of("chat.postMessage")) >= 3)
    first, second = channel.of("chat.postMessage")[:2]

    assert second.at - first.at >= 3
    assert first.body["blocks"] == second.body["blocks"]


def test_many_at_once_are_one_message(replica: Replica, channel: FakeSlack) -> None:
    """Hostile ones too; what was imported from long ago, and what people asked, is no news."""
    texts = [text for text in MENTIONS.values() for _ in range(3)]
    lines = [{"text": f"Hostile{number}Error: {text}", "pipeline": text} for number, text in enumerate(texts)]
    old = {"text": "OldError: of last year", "occurred_at": "2025-11-01T00:00:00Z"}
    ndjson = "\n".join(json.dumps(each) for each in [*lines, old])
    with replica() as client:
        time.sleep(SETTLED_S)
        kind = {"Content-Type": "application/x-ndjson"}
        client.post("/incidents/import", content=ndjson, headers=kind).raise_for_status()
        Workspace(client, channel).command("AskedError: in chat alone")
        chosen = {"Cookie": f"seenbefore_workspace={client.headers['X-Workspace']}"}
        pasted = client.post("/ui/ask", data={"text": "PastedError: on a page alone"}, headers=chosen)
        channel.wait("response_url")
        wait_for_words(f"{len(lines)} failures that were not seen before", lambda: first_posts(channel))
        time.sleep(SETTLED_S)
    posts = channel.of("chat.postMessage")

    assert 1 == len(posts)
    assert [] == leading(posts[0].body["blocks"])
    assert size(posts[0].body["blocks"][0]) <= 3_000
    assert f"and {len(lines) - LISTED} more" in text_of(posts[0].body["blocks"])
    assert 303 == pasted.status_code
    assert not [name for name in ("OldError", "AskedError", "PastedError") if name in text_of(posts[0].body["blocks"])]


def test_what_people_ask_on_a_page_is_no_news() -> None:
    """By the ids that the page gives: nobody else is told that somebody has pasted something."""
    ids = AskForm(text="PastedError: on a page alone").external_ids(now=datetime.now(UTC))

    assert [True, True] == [any(fnmatch(id, each.replace("%", "*")) for each in telling.ASKED) for id in ids]
