"""What is asked: the text of a failure as it was typed, out of what Slack makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.chat.inert import escaped
from api.chat.questions import after_phrase, message_text, question, unmarked


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("a &lt;b&gt; &amp;&amp; c", "a <b> && c"),
        ("see <http://h.example|h.example> and <https://x.example/y>", "see h.example and https://x.example/y"),
        ("<@U1|ana> <@U2> <#C1|general> <!here> <!subteam^S1|ops>", "@ana @U2 #general @here @ops"),
        ("a < b", "a < b"),
        ("List<", "List<"),
    ],
)
def test_markup_is_undone(sent: str, typed: str) -> None:
    """Signatures are made of what the failure said."""
    assert typed == unmarked(sent)


@given(st.text())
def test_what_slack_escapes_comes_back(text: str) -> None:
    """Whatever it is."""
    assert text == unmarked(escaped(text))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("seen this before?", ""),
        ("Seen  this\nbefore ?! KeyError: x", "KeyError: x"),
        ("*seen this before:* x", "x"),
        ("Has anyone seen this before? x", "x"),
        ("seen this beforehand", None),
        ("KeyError: seen this before", None),
        ("", None),
    ],
)
def test_the_phrase_is_found_at_the_beginning(text: str, rest: str | None) -> None:
    """However it is spelt."""
    assert rest == after_phrase(text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("<@U0BOT> seen this before? ```KeyError: x```", "KeyError: x"),
        ("<@U0BOT> KeyError: &lt;x&gt;", "KeyError: <x>"),
        ("hey <@U0BOT>", "hey"),
        ("KeyError: x", "KeyError: x"),
    ],
)
def test_a_question_is_what_is_left(text: str, asked: str) -> None:
    """Without mention, phrase and fence."""
    assert asked == question(text, bot="U0BOT")


def test_alerts_of_other_bots_are_read() -> None:
    """Their texts are in blocks and attachments."""
    message: dict[str, Any] = {
        "text": "",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Task &lt;train&gt; failed"}}],
        "attachments": [{"fallback": "x", "title": "Log", "text": "KeyError: x", "fields": [{"value": "try 2"}]}],
    }

    assert "Task <train> failed\nLog\nKeyError: x\ntry 2" == message_text(message)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "blocks", "x"]), inner),
)


@given(st.dictionaries(st.sampled_from(["text", "blocks", "attachments", "title"]), json))
def test_any_message_has_a_text(message: dict[str, Any]) -> None:
    """Even if it is none."""
    assert isinstance(message_text(message), str)
