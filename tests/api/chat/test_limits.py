"""What is sent to Slack is within what Slack takes: its own library's models say so, and its documented limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from api.chat import announcing, blocks, modals
from api.chat.answers import SHOWN, Answer, answer_of
from api.chat.blocks import message_of
from api.chat.sending import Place
from api.chat.slack import MOST_NOTE, MOST_NOTES
from tests.api.chat.reading import elements, size, text_of
from tests.hostile import TEXTS

#: Characters and numbers, as Slack documents them.
BLOCKS, MODAL_BLOCKS, BLOCK_ID, ACTION_ID, VALUE, BUTTON, METADATA = 50, 100, 255, 255, 2_000, 75, 3_000
TEXT, TITLE, LABEL, OPTION, OPTIONS, URL, ACTIONS_ELEMENTS, BLOCK_TEXT = 40_000, 24, 2_000, 75, 100, 3_000, 25, 3_000
LONG = 'long <!channel> \\ " & \u202e ' * 4_000


def answer(text: str, *, public_url: str = "https://" + "a" * 240 + ".example") -> Answer:
    """The fullest answer there is, of one text everywhere."""
    entry = {
        "precedent_id": str(uuid4()),
        "source": "incident",
        "title": None,
        "template": text,
        "resolution": text,
        "verdict": "transient",
        "cause": "service_unavailable",
        "similarity": 0.912345,
        "same_because": [text[:200]] * 20,
        "differs_in": [text[:200]] * 20,
        "retries": {"succeeded": 10**9, "failed": 10**9},
    }
    known = {
        "occurrences": 10**9,
        "last_seen": "2026-11-20T08:15:00Z",
        "resolutions": [{"summary": text, "author": text, "created_at": "2026-11-20T08:15:00Z"}],
    }
    advice = {
        "incident_id": str(uuid4()),
        "seen_before": True,
        "verdict": "transient",
        "cause": "service_unavailable",
        "confidence": 0.94,
        "decision": {"action": "retry", "retry_delay_s": 86_400.5, "max_attempts": 10**6, "reason": text},
        "evidence": [entry | {"precedent_id": str(uuid4())} for _ in range(10)],
        "storm": {"runs": 10**9, "since": "2026-11-20T08:15:00Z"},
        "regression": {"fixed_in": {}},
        "degraded": ["index"],
    }
    ids = [each["precedent_id"] for each in advice["evidence"][:SHOWN]]
    made = answer_of(
        advice,
        precedents=dict.fromkeys(ids, known),
        proposal={"id": str(uuid4()), "proposed_by": text, "summary": text},
        public_url=public_url,
    )
    return replace(made, notes=tuple("n" * MOST_NOTE for _ in range(MOST_NOTES)))


def storm(text: str) -> dict[str, Any]:
    """A storm of that text, over."""
    return {
        "state": "recovered",
        "runs": 10**9,
        "incidents": 10**9,
        "since": "2026-11-20T08:15:00Z",
        "ended_at": "2026-11-21T08:15:00Z",
        "wait_s": 86_400.0,
        "template": text,
        "precedent_id": str(uuid4()),
    }


def misfits(message: dict[str, Any]) -> list[str]:
    """All that Slack would refuse of a message."""
    found = [] if len(message["blocks"]) <= BLOCKS else ["too many blocks"]
    found += [] if 0 < len(message["text"]) <= TEXT else ["text"]
    for block in message["blocks"]:
        parsed = Block.parse(block)
        parsed.validate_json()
        found += [] if parsed.to_dict() == block else [f"{block['type']} is read as something else"]
        found += [f"{block['type']} of {size(block)} characters"] if size(block) > BLOCK_TEXT else []
    ids = [each["block_id"] for each in message["blocks"] if "block_id" in each]
    found += [] if len(ids) == len(set(ids)) else ["a block_id comes twice"]
    return found + [problem for each in elements(message["blocks"]) for problem in _misfits(each)]


def _misfits(part: dict[str, Any]) -> list[str]:
    limits = {"block_id": BLOCK_ID, "action_id": ACTION_ID, "value": VALUE, "url": URL}
    found = [f"{name} {part[name]!r}" for name, most in limits.items() if not 1 <= len(part.get(name, "x")) <= most]
    if part.get("type") == "button" and not 1 <= len(part["text"]["text"]) <= BUTTON:
        found.append("a button's text")
    if part.get("type") == "actions":
        names = [each["action_id"] for each in part["elements"]]
        found += [] if len(names) == len(set(names)) <= ACTIONS_ELEMENTS else ["the elements of actions"]
    if part.get("type") in ("text", "plain_text") and not part["text"]:
        found.append("an empty text")
    return found


WORDS = {"empty": "", "short": "x", "long": LONG, "grows": "\u202e" * 9_000, "grows most": "\U000e0041" * 9_000}


@pytest.mark.parametrize("name", [*WORDS, *TEXTS])
def test_answers_fit(name: str) -> None:
    """The fullest one, of nothing, of long texts, of those that grow where they are shown, and of hostile ones."""
    assert [] == misfits(message_of(answer((WORDS | TEXTS)[name])))


@pytest.mark.parametrize("name", WORDS)
def test_notices_of_storms_fit(name: str) -> None:
    """With long texts, and without a page to lead to."""
    told = [
        announcing.of_storm(storm(WORDS[name]) | more, public_url=url).message
        for more in ({}, {"ended_at": None, "state": "active"})
        for url in (None, "https://seen.example")
    ]

    assert [] == [problem for each in told for problem in misfits(each)]


def test_notices_of_many_fit() -> None:
    """A line each, of names as long as they may be."""
    incident = {"template": LONG, "pipeline": LONG, "step": LONG, "run_id": LONG}
    message = announcing.together([incident] * announcing.LISTED, count=10**9)

    assert [] == misfits(message)
    assert "more" in text_of(message["blocks"])


@pytest.mark.parametrize("make", [modals.wrong, modals.resolve], ids=["wrong", "resolve"])
def test_modals_fit(make: Any) -> None:
    """Also what they carry along: a place and the notes under the answer, each as long as it may be."""
    place = Place(channel="C" * 20, ts="1" * 20, thread="1" * 20, response_url="https://hooks.slack.com/" + "a" * 300)
    about = modals.About(uuid4(), place, notes=('"' * MOST_NOTE,) * MOST_NOTES)
    view = make(about)
    View(**view).validate_json()
    options = [each["options"] for each in elements(view) if "options" in each]

    assert about == modals.About.from_text(view["private_metadata"])
    assert len(view["private_metadata"]) <= METADATA
    assert all(1 <= len(view[name]["text"]) <= TITLE for name in ("title", "submit", "close"))
    assert len(view["blocks"]) <= MODAL_BLOCKS
    assert all(len(block["label"]["text"]) <= LABEL for block in view["blocks"])
    assert all(1 <= len(each) <= OPTIONS for each in options)
    assert all(1 <= len(option["text"]["text"]) <= OPTION for each in options for option in each)
    assert all(len(option["value"]) <= OPTION for each in options for option in each)
    assert [] == [problem for each in elements(view) for problem in _misfits(each)]


def test_buttons_carry_what_they_are_about() -> None:
    """Both ids of a decision, and the incident of an answer."""
    made = answer("x")
    assert made.waiting is not None
    values = {each["action_id"]: each["value"] for each in elements(message_of(made)["blocks"]) if "action_id" in each}

    assert blocks.ACTIONS == values.keys()
    assert f"{made.incident_id} {made.waiting.id}" == values[blocks.ACCEPT] == values[blocks.REJECT]
    assert {made.incident_id} == {values[each] for each in (blocks.HELPED, blocks.WRONG, blocks.RESOLVE)}
