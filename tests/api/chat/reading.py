"""Reading Block Kit as Slack does: which elements mention, link or format, and what people see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Elements of rich text that name somebody, or lead somewhere.
LEADING = frozenset({"user", "usergroup", "channel", "broadcast", "link", "team", "emoji", "date", "color"})
MOST_CHARACTERS = 3_000


def elements(part: Any) -> Iterator[dict[str, Any]]:
    """All objects of a message, however deep."""
    if isinstance(part, dict):
        yield part
        for each in part.values():
            yield from elements(each)
    elif isinstance(part, list):
        for each in part:
            yield from elements(each)


def leading(blocks: list[dict[str, Any]], *, own: str = "https://seen.example/") -> list[dict[str, Any]]:
    """What mentions, links or may be read as mrkdwn, but for links to our own pages."""
    found = [each for each in elements(blocks) if each.get("type") in LEADING | {"mrkdwn", "image", "markdown"}]
    return [each for each in found if not (each["type"] == "link" and each["url"].startswith(own))]


def text_of(part: Any) -> str:
    """All that people see, a line a text."""
    return "\n".join(each["text"] for each in elements(part) if isinstance(each.get("text"), str))


def size(block: dict[str, Any]) -> int:
    """The characters of a block."""
    return sum(len(each["text"]) for each in elements(block) if isinstance(each.get("text"), str))


def value_of(blocks: list[dict[str, Any]], action: str) -> str:
    """What the button of that action carries."""
    return next(str(each["value"]) for each in elements(blocks) if each.get("action_id") == action)


def incident_of(blocks: list[dict[str, Any]]) -> str:
    """The incident that the buttons are for."""
    actions = next(each for each in blocks if each["type"] == "actions")
    value: str = actions["elements"][0]["value"]
    return value
