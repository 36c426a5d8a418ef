"""Mattermost's slash command: the same answers as markdown, texts of errors in fences that they cannot leave."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

import httpx

from api.chat.answers import Answer, Cited
from api.chat.asking import FAULT, NO_ANSWER, Asking
from api.chat.questions import after_phrase, unfenced
from api.chat.working import Working
from api.problems import Unproven
from knowledge.errors import KnowledgeError

Message: TypeAlias = dict[str, Any]

USAGE = "Paste an error or a log after the command."
#: What takes longer is answered later, by `response_url`.
AT_ONCE_S = 2.0
LATER = "Looking …"
#: A message has at most 16,383 characters there, and one of them at most 12 bytes in a form; names and ids beside it.
MOST_BYTES = 250_000
TOKEN = b"token="

log = logging.getLogger(__name__)


class Mattermost:
    """Answers slash commands that carry the token."""

    def __init__(self, token: str, *, asking: Asking) -> None:
        self._token = token.encode()
        self._asking = asking
        self._working = Working()

    async def close(self) -> None:
        """Wait a moment for what was begun, then end it."""
        await self._working.close()

    async def answer(self, body: bytes) -> Message:
        """The answer to a command; raises `Unproven` for one without the token."""
        form = self._checked(body)
        text = form.get("text", "")
        asked = after_phrase(text)
        question = unfenced(text if asked is None else asked)
        work = self._working.begin(self._ask(question, form=form), otherwise=said(f"{NO_ANSWER} {FAULT}"))
        done, _ = await asyncio.wait({work}, timeout=AT_ONCE_S)
        if done:
            return work.result()
        self._working.begin(_send_later(work, url=form.get("response_url", "")), otherwise=None)
        return said(LATER)

    def _checked(self, body: bytes) -> dict[str, str]:
        """The fields of a command. Anybody may send anything: nothing of it is parsed before the token is found."""
        if len(body) > MOST_BYTES or not hmac.compare_digest(_token_of(body), self._token):
            raise Unproven("This command does not carry Mattermost's token.", field="token")
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        except ValueError:
            raise Unproven("This is no command of Mattermost's.", field="body") from None

    async def _ask(self, text: str, *, form: dict[str, str]) -> Message:
        if not text.strip():
            return said(USAGE)
        trigger = form.get("trigger_id") or f"{form.get('channel_id')}:{form.get('user_id')}"
        try:
            answer = await self._asking.ask(text, external_id=f"mattermost:{trigger}")
        except KnowledgeError as error:
            return said(f"{NO_ANSWER}\n{fenced(str(error))}")
        return message_of(answer)


def _token_of(body: bytes) -> bytes:
    """The one token of a form; nothing where it has none, or several."""
    found = [each for each in body.split(b"&") if each.startswith(TOKEN)]
    return unquote_to_bytes(found[0][len(TOKEN) :].replace(b"+", b" ")) if len(found) == 1 else b""


async def _send_later(work: asyncio.Task[Message], *, url: str) -> None:
    message = await work
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            (await client.post(url, json=message)).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("Mattermost took no later answer: %s", type(error).__name__)


def said(text: str) -> Message:
    """An answer for the one who asked."""
    return {"response_type": "ephemeral", "text": text}


def message_of(answer: Answer) -> Message:
    """An answer: words of ours as markdown, all others in fences."""
    parts = [f"**{answer.headline}**", answer.decision, "Why:", fenced(answer.reason)]
    parts += list(answer.remarks)
    attachments = [_attachment(each, number=number) for number, each in enumerate(answer.precedents, start=1)]
    if answer.waiting is not None:
        parts += ["Proposed, not yet accepted; it is no advice until somebody accepts it on the page *Proposals*:"]
        parts += [fenced(f"{answer.waiting.by}: {answer.waiting.summary}")]
    if answer.page is not None:
        parts.append(f"[{'The whole of what was cut' if answer.is_cut else 'Its page'}]({answer.page})")
    return said("\n".join(parts)) | {"attachments": attachments}


def _attachment(cited: Cited, *, number: int) -> Message:
    parts = [f"**{number}. {cited.title}**", fenced(cited.template)]
    parts += [fenced(cited.same)] if cited.same else []
    parts += [fenced("\n".join(filter(None, (cited.fixed, cited.resolution))))]
    parts += [f"[Page]({cited.page})"] if cited.page else []
    return {"fallback": f"{number}. {cited.title}", "text": "\n".join(parts)}


def fenced(text: str) -> str:
    """Text in a code block that is longer than any fence in it: no mention, link or formatting comes out of there."""
    longest, run = 2, 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"
