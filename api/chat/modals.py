"""The two modals: what fixed it, and what is right where an answer was wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from api.chat.blocks import plain
from api.chat.sending import Place
from knowledge.failures import Action, Cause, Verdict

View: TypeAlias = dict[str, Any]

WRONG, RESOLVE = "seenbefore_wrong_form", "seenbefore_resolve_form"
#: Characters of what a person writes; Slack takes 3,000 at most.
MOST_SUMMARY, MOST_WHY = 3_000, 500
FAILED_AGAIN = "failed_again"
RIGHT = (
    (FAILED_AGAIN, "I ran it again and it failed again"),
    (Verdict.TRANSIENT.value, "It is transient: run again, it passes"),
    (Verdict.GENUINE.value, "It is genuine: someone must change something"),
    (Verdict.UNKNOWN.value, "Nobody can tell which it is"),
)


@dataclass(frozen=True, slots=True)
class About:
    """What a modal is about, carried through Slack in its `private_metadata`."""

    incident_id: UUID
    place: Place
    notes: tuple[str, ...]

    def to_text(self) -> str:
        """At most 3,000 characters, which Slack takes."""
        place = {name: value for name, value in asdict(self.place).items() if value}
        return orjson.dumps({"incident_id": self.incident_id, "place": place, "notes": self.notes}).decode()

    @classmethod
    def from_text(cls, text: str) -> About:
        """Raises `ValueError` for what was not written here."""
        return _ABOUT.validate_json(text)


_ABOUT = TypeAdapter(About)


def resolve(about: About, *, asked: str = "What fixed it?") -> View:
    """Asks for a resolution."""
    return _modal(
        RESOLVE,
        title="Add resolution",
        about=about,
        inputs=[
            _text("summary", label=asked, most=MOST_SUMMARY, hint="The next one who meets this failure reads it."),
            _select("action", label="What to do about it", options=[(each.value, _words(each)) for each in Action]),
            _select("verdict", label="What it is", options=RIGHT[1:3]),
        ],
    )


def wrong(about: About) -> View:
    """Asks what is right."""
    return _modal(
        WRONG,
        title="What is right?",
        about=about,
        inputs=[
            _select("right", label="What is right?", options=RIGHT, optional=False),
            _select("cause", label="Cause", options=[(each.value, _words(each)) for each in Cause]),
            _text("why", label="Why", most=MOST_WHY, optional=True, hint="Kept in the precedent's history."),
        ],
    )


def given(view: View) -> dict[str, str]:
    """What a person filled in, by input; what was left empty is not there."""
    found: dict[str, str] = {}
    for block, states in view["state"]["values"].items():
        state = states.get(block) or {}
        value = (state.get("selected_option") or {}).get("value") or state.get("value")
        if value:
            found[block] = str(value)
    return found


def _modal(callback: str, *, title: str, about: About, inputs: list[View]) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": about.to_text(),
        "title": plain(title),
        "submit": plain("Save"),
        "close": plain("Cancel"),
        "blocks": inputs,
    }


def _text(name: str, *, label: str, most: int, hint: str, optional: bool = False) -> View:
    element = {"type": "plain_text_input", "action_id": name, "multiline": True, "max_length": most}
    return {**_input(name, label=label, element=element, optional=optional), "hint": plain(hint)}


def _select(name: str, *, label: str, options: Iterable[tuple[str, str]], optional: bool = True) -> View:
    choices = [{"text": plain(words), "value": value} for value, words in options]
    element = {"type": "static_select", "action_id": name, "options": choices}
    return _input(name, label=label, element=element, optional=optional)


def _input(name: str, *, label: str, element: View, optional: bool) -> View:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}


def _words(value: Action | Cause) -> str:
    return value.value.replace("_", " ").capitalize()
