"""Answers as Slack's Block Kit.

Nothing here is mrkdwn: all text stands in `rich_text` and `plain_text` elements, which Slack shows as they are. So an
error's text makes no mention, link or formatting, whatever it holds; the only links are those that are built here.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from api.chat.answers import Answer, Cited, Waiting

Block: TypeAlias = dict[str, Any]

HELPED, WRONG, RESOLVE = "seenbefore_helped", "seenbefore_wrong", "seenbefore_resolve"
ACCEPT, REJECT = "seenbefore_accept", "seenbefore_reject"
#: All that people press here.
ACTIONS = frozenset({HELPED, WRONG, RESOLVE, ACCEPT, REJECT})
DECIDING = ((ACCEPT, "Accept"), (REJECT, "Reject"))
BUTTONS = ((HELPED, "It helped"), (WRONG, "Wrong"), (RESOLVE, "Add resolution"))
#: Notes are found again by it when a message is updated.
NOTES = "seenbefore_notes"


def message_of(answer: Answer) -> dict[str, Any]:
    """The arguments of a message: blocks, and the text that stands for them in notifications."""
    return message(blocks_of(answer), text=f"{answer.headline} {answer.decision}")


def message(blocks: list[Block], *, text: str) -> dict[str, Any]:
    """A message that unfurls and parses nothing; `text` holds words of ours only."""
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def blocks_of(answer: Answer) -> list[Block]:
    """Verdict, decision, why, the best precedents with who fixed them and how, and the buttons."""
    blocks = [
        rich(section(bold(answer.headline)), section(text(answer.decision))),
        rich(section(bold("Why: "), text(answer.reason or "no reason was given")), *map(_remark, answer.remarks)),
    ]
    blocks += [_precedent(each, number=number) for number, each in enumerate(answer.precedents, start=1)]
    if answer.page is not None:
        words = "The whole of what was cut is on its page" if answer.is_cut else "Its page"
        blocks.append(rich(section(link(answer.page, words))))
    blocks += proposed(answer.waiting, incident_id=answer.incident_id) if answer.waiting else []
    blocks += notes(answer.notes)
    if answer.incident_id is not None:
        blocks.append(buttons(answer.incident_id))
    return blocks


def proposed(waiting: Waiting, *, incident_id: str | None) -> list[Block]:
    """What waits for a person, told apart from what is advised; buttons where there is an incident to come back to."""
    by = text(f" by {waiting.by}. It is no advice until somebody accepts it:")
    told = rich(section(bold("Proposed, not yet accepted"), by), quote(waiting.summary))
    if incident_id is None:
        return [told]
    value = f"{incident_id} {waiting.id}"
    return [told, {"type": "actions", "elements": [_button(*each, value=value) for each in DECIDING]}]


def notes(lines: tuple[str, ...]) -> list[Block]:
    """What people did with the answer."""
    return [{**rich(*(section(text(line)) for line in lines)), "block_id": NOTES}] if lines else []


def buttons(incident_id: str) -> Block:
    """The three, each for this incident."""
    return {"type": "actions", "elements": [_button(*each, value=incident_id) for each in BUTTONS]}


def _button(action: str, label: str, *, value: str) -> Block:
    return {"type": "button", "action_id": action, "value": value, "text": plain(label)}


def rich(*elements: Block) -> Block:
    """A block of sections, quotes and preformatted text."""
    return {"type": "rich_text", "elements": list(elements)}


def section(*elements: Block) -> Block:
    """A line."""
    return {"type": "rich_text_section", "elements": list(elements)}


def preformatted(words: str) -> Block:
    """Text as a log shows it."""
    return {"type": "rich_text_preformatted", "elements": [text(words or "(nothing)")]}


def quote(words: str) -> Block:
    """What somebody said."""
    return {"type": "rich_text_quote", "elements": [text(words or "(nothing)")]}


def text(words: str) -> Block:
    """Words as they are."""
    return {"type": "text", "text": words}


def bold(words: str) -> Block:
    """Words as they are, in bold."""
    return {"type": "text", "text": words, "style": {"bold": True}}


def link(url: str, words: str) -> Block:
    """A link to a page of ours."""
    return {"type": "link", "url": url, "text": words}


def plain(words: str) -> Block:
    """A label."""
    return {"type": "plain_text", "text": words, "emoji": False}


def _remark(words: str) -> Block:
    return section(text(words))


def _precedent(cited: Cited, *, number: int) -> Block:
    heading = [bold(f"{number}. {cited.title}")]
    if cited.page is not None:
        heading += [text(" "), link(cited.page, "page")]
    parts = [section(*heading), preformatted(cited.template)]
    if cited.same:
        parts.append(section(text(cited.same)))
    parts.append(section(text(cited.fixed)))
    if cited.resolution:
        parts.append(quote(cited.resolution))
    return rich(*parts)
