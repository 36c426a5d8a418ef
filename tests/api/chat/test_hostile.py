"""Texts that want to be more than texts: of none a mention, a link or a format comes out, in either chat.

Every text of the corpus stands in every place of the fullest answer; some of each kind go all the way.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import httpx
import pytest
from markdown_it import MarkdownIt

from api.chat import blocks, mattermost
from api.chat.inert import CUT, inert
from tests.api.chat.reading import leading, size, text_of
from tests.api.chat.slack import Workspace
from tests.api.chat.test_limits import answer
from tests.hostile import CHARACTERS, MENTIONS, MUCH, TEXTS

#: What Slack lets people send in one message.
MOST_SENT = 40_000
OWN = "https://seen.example/"
#: Of every kind some go all the way.
ALL_THE_WAY = ("script", *MENTIONS, "as a person", "equals", *CHARACTERS, *MUCH)


def hidden(text: str) -> list[str]:
    """Characters that nobody sees, or that turn the direction of reading."""
    return [
        char for char in text if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]


def fixed_by(known: httpx.Client, text: str) -> None:
    """A failure of that text, resolved in that text by one who calls himself that."""
    incident = known.post("/incidents", json={"text": text, "pipeline": text[:200], "step": text[:200]}).json()
    said = {"summary": text[:20_000], "author": text[:200]}
    known.post(f"/incidents/{incident['id']}/resolution", json=said).raise_for_status()


def check_slack(message: dict[str, Any]) -> None:
    """Slack reads it as it is, and takes it."""
    assert [] == leading(message["blocks"])
    assert [] == hidden(text_of(message["blocks"]))
    assert not set("<>@#`*_~") & set(message["text"])
    assert max(map(size, message["blocks"])) <= 3_000


def check_mattermost(message: dict[str, Any]) -> None:
    """All of it stands in code blocks: what is parsed outside of them is ours."""
    parsed = [read(part) for part in (message["text"], *(each["text"] for each in message["attachments"]))]

    assert [] == [url for links, _ in parsed for url in links if not url.startswith(OWN)]
    assert [] == [words for _, outside in parsed for words in outside if set("<>@#`~_") & set(words) or "evil" in words]
    assert [] == hidden(str(message["text"]))


@pytest.mark.parametrize("name", TEXTS)
def test_both_show_it_as_it_is(name: str) -> None:
    """In every place of an answer: as failure, as what fixed it, as what is proposed, and as names."""
    made = answer(TEXTS[name][:MOST_SENT], public_url=OWN)

    check_slack(blocks.message_of(made))
    check_mattermost(mattermost.message_of(made))


@pytest.mark.parametrize("name", ALL_THE_WAY)
def test_both_show_what_was_told(workspace: Workspace, known: httpx.Client, name: str) -> None:
    """From the failure that is told, what fixed it and by whom, to the answers over the wire."""
    text = f"HostileError: {TEXTS[name]}"[:MOST_SENT]
    fixed_by(known, text)
    workspace.command(text)
    form = {"token": "mattermost-token", "text": text, "trigger_id": name}

    check_slack(workspace.slack.wait("response_url").body)
    check_mattermost(workspace.client.post("/chat/mattermost/commands", data=form).json())


def read(markdown: str) -> tuple[list[str], list[str]]:
    """The links of a markdown text, and its words outside of code."""
    links, words = [], []
    waiting: list[Any] = MarkdownIt("commonmark", {"linkify": False}).parse(markdown)
    while waiting:
        token = waiting.pop()
        waiting += token.children or []
        links += [str(token.attrs[name]) for name in ("href", "src") if name in token.attrs]
        if token.type in ("text", "html_inline", "html_block"):
            words.append(token.content)
    return links, words


@pytest.mark.parametrize("most", [10, 100, 3_000])
@pytest.mark.parametrize("name", TEXTS)
def test_inert_texts_are_short_and_hide_nothing(name: str, most: int) -> None:
    """Whatever is shown by its number counts."""
    shown = inert(TEXTS[name], most=most)

    assert len(shown) <= most
    assert [] == hidden(shown)
    assert shown.endswith(CUT) or len(TEXTS[name].strip()) <= most


def test_what_is_short_and_sound_stays() -> None:
    """Letters of all scripts, and the shape of a log."""
    text = "Ошибка: né\n\tat λ (配置.py:7) 🔥"

    assert text == inert(text, most=100)
