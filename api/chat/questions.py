"""What is asked in a chat message: the text of the failure, as it was before Slack marked it up."""

from __future__ import annotations

from typing import Any

PHRASES = ("have we seen this before", "has anyone seen this before", "seen this before", "seen before")
FENCE = "```"
#: Messages nest blocks and attachments a few levels deep.
DEEPEST = 8
#: Of these a message's parts hold their texts, in the order in which they are shown.
TEXTS = ("pretext", "title", "text", "fields", "elements", "value", "blocks", "attachments")


def unmarked(text: str) -> str:
    """A text as it was typed: Slack's `<…>` and `&lt;` undone."""
    parts: list[str] = []
    while True:
        before, opened, rest = text.partition("<")
        marked, closed, after = rest.partition(">")
        parts.append(before)
        if not opened or not closed:
            parts.append(opened + rest)
            break
        parts.append(_typed(marked))
        text = after
    return "".join(parts).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _typed(marked: str) -> str:
    """`@U1|ana` → `@ana`, `#C1|general` → `#general`, `!here` → `@here`, `http://a.b|a.b` → `a.b`."""
    target, _, label = marked.partition("|")
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:])
    return f"@{label or target[1:]}" if target.startswith("!") else label or target


def question(text: str, *, bot: str | None = None) -> str:
    """The failure that a message names: without the mention of the bot, the phrase, and a code fence."""
    if bot:
        text = text.replace(f"<@{bot}>", " ", 1)
    text = unmarked(text).strip()
    asked = after_phrase(text)
    return unfenced(text if asked is None else asked)


def after_phrase(text: str) -> str | None:
    """What follows "seen this before?"; None where a text does not begin with that."""
    words = text.lstrip(" \t\n*_~,:-")
    for phrase in PHRASES:
        begun = _begins(words, phrase)
        if begun is not None:
            return words[begun:].lstrip(" \t\n?!.,:;*_~-")
    return None


def _begins(text: str, phrase: str) -> int | None:
    """Where `text` goes on after the phrase, however it is spaced and capitalised."""
    place = 0
    for word in phrase.split():
        while place < len(text) and text[place].isspace():
            place += 1
        if text[place : place + len(word)].lower() != word:
            return None
        place += len(word)
    return place if place == len(text) or not text[place].isalnum() else None


def unfenced(text: str) -> str:
    """A text without the code fence around it."""
    text = text.strip()
    if text.startswith(FENCE) and text.endswith(FENCE) and len(text) > 2 * len(FENCE):
        return text[len(FENCE) : -len(FENCE)].strip()
    return text


def message_text(message: dict[str, Any]) -> str:
    """All that a message says: its own text, else what its blocks and attachments hold (alerts of other bots)."""
    own = message.get("text")
    parts = [unmarked(own)] if isinstance(own, str) and own.strip() else texts_in(message.get("blocks"))
    return "\n".join([*parts, *texts_in(message.get("attachments"))]).strip()


def texts_in(part: Any, *, depth: int = 0) -> list[str]:
    """What a part of a message shows, in order, whatever it is made of."""
    if isinstance(part, str):
        return [unmarked(part)] if part.strip() else []
    if depth >= DEEPEST:
        return []
    if isinstance(part, list):
        return [text for each in part for text in texts_in(each, depth=depth + 1)]
    if isinstance(part, dict):
        return [text for name in TEXTS for text in texts_in(part.get(name), depth=depth + 1)]
    return []
