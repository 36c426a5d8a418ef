"""What a form sends, checked against a model. The guard has bounded it and refused hostile bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from api.problems import Problem
from ingest.records import problem_in_words

#: Fields that a form of ours may have, with room.
MOST_FIELDS = 50
#: What pydantic calls a value.
VALUES = ("Input", "String", "Value", "UUID")
WORDS: Mapping[str, str] = {
    "missing": "is needed",
    "extra_forbidden": "nothing here has that name",
    "int_parsing": "it should be a whole number",
}
#: Fields that stand under another name than their own.
LABELS: Mapping[str, str] = {
    "text": "Error",
    "run_id": "Run",
    "attempt": "Attempt that failed",
    "max_attempts": "Attempts that your policy allows",
    "summary": "What fixed it",
    "reason": "Why",
    "author": "Your name",
}


class Form(BaseModel):
    """Fields of a form. What people leave empty counts as not given; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


AnyForm = TypeVar("AnyForm", bound=Form)


async def read_form(request: Request, model: type[AnyForm]) -> AnyForm:
    """The fields that were sent; a 422 problem names the first that cannot be taken."""
    return checked(await fields_of(request), model)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields as they were sent, without empty ones; of several under one name the last."""
    return {name: value for name, value in await pairs_of(request) if value.strip()}


async def pairs_of(request: Request) -> list[tuple[str, str]]:
    """All fields in their order, with names that come twice, lines ended as everywhere but in browsers' forms.

    NUL characters are left out: logs hold them, PostgreSQL does not take them, and whoever pastes cannot see them.
    """
    longest = request.app.state.parts.settings.max_body_bytes
    sent = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=longest)
    texts = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    return [(_readable(name), _readable(value)) for name, value in texts]


async def values_of(request: Request, name: str) -> list[str]:
    """All that was sent under one name, as of boxes that were ticked; after `fields_of`, which bounds the form."""
    return [value for given, value in await pairs_of(request) if given == name and value.strip()]


def _readable(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\0", "")


def checked(fields: Mapping[str, str], model: type[AnyForm]) -> AnyForm:
    """The fields as the model has them; a 422 problem names the first that cannot be taken."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "form"
        label = LABELS.get(name) or name[:80].replace("_", " ").capitalize()
        said = WORDS.get(first["type"]) or plainly(problem_in_words(first))
        raise Problem(422, f"{label}: {said}.", field=name[:80]) from None


def plainly(problem: str) -> str:
    """What pydantic says of a value, for people who have written it."""
    if "valid UUID" in problem:
        return "it should be an id, as addresses of pages have it"
    subject, should, what = problem.partition(" should ")
    return f"it{should}{what}" if should and subject in VALUES else problem
