"""What Slack sends, as far as it is read here: a payload of another shape is none of Slack's.

Whoever reads a payload, Bolt or a listener, meets only what these models have checked: all else is left behind at the
door. A test mutates payloads as Slack documents them and finds that nothing behind the door fails on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from api.chat import blocks, modals
from knowledge.failures import Action, Cause

Payload: TypeAlias = dict[str, Any]
#: Ids, times and tokens of Slack's; what it documents has at most 255 characters.
Id = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _address(text: str) -> str:
    _URL.validate_python(text)
    return text


Address = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_address)]


class Sent(BaseModel):
    """A part of a payload; what it does not name is left behind."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Command(Sent):
    """A slash command, by whatever name the app gives it."""

    command: Annotated[str, StringConstraints(pattern=r"^/", max_length=100)]
    text: str = ""
    user_id: Id
    channel_id: Id
    trigger_id: Id
    response_url: Address


class CertificateCheck(Sent):
    """Slack looks whether a command's address has a certificate."""

    ssl_check: Literal["1"]


class Verification(Sent):
    """Slack's first request to a new address for events."""

    type: Literal["url_verification"]
    challenge: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class RateLimited(Sent):
    """More events than Slack sends to one app (30,000 an hour): it says that it drops some."""

    type: Literal["app_rate_limited"]


class MessageEvent(Sent):
    """A message, or a mention of the bot."""

    type: Literal["message", "app_mention"]
    subtype: str | None = None
    channel: Id
    channel_type: str | None = None
    user: Id | None = None
    bot_id: Id | None = None
    text: str | None = None
    ts: Id
    thread_ts: Id | None = None


class OtherEvent(Sent):
    """An event that nobody here has asked for."""

    type: Id


def _part(value: Any, name: str) -> Any:
    """Of what was sent, and of what was made of it: pydantic asks of both."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _kind(event: Any) -> str:
    return "message" if _part(event, "type") in ("message", "app_mention") else "other"


class Authorization(Sent):
    """For whom an event is sent."""

    user_id: Id | None = None
    is_bot: bool | None = None


class EventCallback(Sent):
    """Something of the Events API."""

    type: Literal["event_callback"]
    event_id: Id
    authorizations: list[Authorization] | None = None
    event: Annotated[
        Annotated[MessageEvent, Tag("message")] | Annotated[OtherEvent, Tag("other")], Discriminator(_kind)
    ]


class User(Sent):
    """Who pressed, or filled in."""

    id: Id
    username: str | None = None
    name: str | None = None


class Channel(Sent):
    """Where that was."""

    id: Id


class Message(Sent):
    """A message that stands there; what it is made of is read with care (see `questions.message_text`)."""

    text: str | None = None
    ts: Id | None = None
    thread_ts: Id | None = None
    blocks: list[Any] | None = None
    attachments: list[Any] | None = None


class Interaction(Sent):
    """What all interactions have."""

    user: User
    trigger_id: Id


class Container(Sent):
    """Where the message stands whose button was pressed."""

    channel_id: Id | None = None
    message_ts: Id | None = None
    thread_ts: Id | None = None
    is_ephemeral: bool | None = None


class OwnAction(Sent):
    """A button of ours: its value is what was put there, the incident, and the proposal where one is decided about."""

    type: Literal["button"]
    action_id: Id
    value: Annotated[str, StringConstraints(max_length=2_000)]

    @model_validator(mode="after")
    def _check(self) -> OwnAction:
        ids = [UUID(part) for part in self.value.split(" ")]
        if len(ids) != 1 + (self.action_id in (blocks.ACCEPT, blocks.REJECT)):
            raise ValueError("not the ids that such a button carries")
        return self


class OtherAction(Sent):
    """An element that nobody here listens to, as a link is."""

    type: Id
    action_id: Id


def _whose(action: Any) -> str:
    name = _part(action, "action_id")
    return "own" if isinstance(name, str) and name in blocks.ACTIONS else "other"


class BlockActions(Interaction):
    """A button was pressed."""

    type: Literal["block_actions"]
    channel: Channel | None = None
    container: Container | None = None
    message: Message | None = None
    response_url: Address | None = None
    actions: Annotated[
        list[Annotated[Annotated[OwnAction, Tag("own")] | Annotated[OtherAction, Tag("other")], Discriminator(_whose)]],
        Field(min_length=1),
    ]


class Shortcut(Interaction):
    """The shortcut in the menu of a message."""

    type: Literal["message_action"]
    callback_id: Id
    action_ts: Id
    channel: Channel
    message: Message
    response_url: Address


class Choice(Sent):
    """What was chosen of a list."""

    value: str


class Input(Sent):
    """What stands in a field of a modal."""

    value: str | None = None
    selected_option: Choice | None = None


class State(Sent):
    """All fields, by block and action."""

    values: dict[str, dict[str, Input]]


class View(Sent):
    """A modal that was filled in."""

    type: Literal["modal"]
    callback_id: Id
    private_metadata: Annotated[str, StringConstraints(max_length=3_000)]
    state: State


class Resolved(Sent):
    """What *Add resolution* takes."""

    summary: Annotated[str, StringConstraints(min_length=1, max_length=modals.MOST_SUMMARY)]
    action: Literal[*(each.value for each in Action)] | None = None  # type: ignore[valid-type]
    verdict: Literal["transient", "genuine"] | None = None


class Corrected(Sent):
    """What *Wrong* takes."""

    right: Literal[*(value for value, _ in modals.RIGHT)]  # type: ignore[valid-type]
    cause: Literal[*(each.value for each in Cause)] | None = None  # type: ignore[valid-type]
    why: Annotated[str, StringConstraints(max_length=modals.MOST_WHY)] | None = None


FORMS: Mapping[str, type[Sent]] = {modals.RESOLVE: Resolved, modals.WRONG: Corrected}


def _filled(view: View) -> View:
    """A modal of ours, filled in as it lets people; those of others as they are."""
    form = FORMS.get(view.callback_id)
    if form is not None:
        modals.About.from_text(view.private_metadata)
        form.model_validate(modals.given(view.model_dump(exclude_none=True)))
    return view


class ViewSubmission(Interaction):
    """*Save* of a modal."""

    type: Literal["view_submission"]
    view: Annotated[View, AfterValidator(_filled)]


_COMMANDS: TypeAdapter[Sent] = TypeAdapter(
    Annotated[
        Annotated[Command, Tag("command")] | Annotated[CertificateCheck, Tag("check")],
        Discriminator(lambda form: "command" if _part(form, "ssl_check") is None else "check"),
    ]
)
_INTERACTIONS: TypeAdapter[Sent] = TypeAdapter(
    Annotated[BlockActions | Shortcut | ViewSubmission, Discriminator("type")]
)
_EVENTS: TypeAdapter[Sent] = TypeAdapter(Annotated[Verification | RateLimited | EventCallback, Discriminator("type")])


def command(form: Mapping[str, str]) -> Payload:
    """The form of a slash command; raises `ValueError` for what is none."""
    return _read(_COMMANDS, dict(form))


def interaction(payload: Any) -> Payload:
    """What a form of an interaction holds: a button, a shortcut, a modal. Raises `ValueError` for what is none."""
    return _read(_INTERACTIONS, payload)


def event(body: Any) -> Payload:
    """A body of the Events API; raises `ValueError` for what is none."""
    return _read(_EVENTS, body)


def _read(shape: TypeAdapter[Sent], given: Any) -> Payload:
    try:
        return shape.validate_python(given).model_dump(exclude_none=True)
    except ValidationError as error:  # whose text quotes what was sent
        raise ValueError(f"{error.error_count()} fields are not as Slack sends them") from None
