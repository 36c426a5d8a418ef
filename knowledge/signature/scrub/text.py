"""The way of a text through all rules."""

from __future__ import annotations

from collections.abc import Callable

import re2

from knowledge.signature.scrub.assignments import scrub_assignments, scrub_commands, scrub_elements
from knowledge.signature.scrub.edits import Edit, Match, rewrite
from knowledge.signature.scrub.headers import scrub_cookies, scrub_headers
from knowledge.signature.scrub.personal import scrub_cards, scrub_emails
from knowledge.signature.scrub.private_keys import scrub_private_keys
from knowledge.signature.scrub.tokens import scrub_hooks, scrub_tokens
from knowledge.signature.scrub.urls import scrub_urls

#: Terminal sequences (ECMA-48): CSI, OSC, two-byte ones. What is left of ESC goes as well, or new ones could form.
_ANSI = re2.compile(
    rb"(?:\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][0-9A-Za-z]|[0-9=>@-Z\\^_a-z]))+"
)
#: A replaced secret can join what stood around it into a new candidate; more than two rounds are rare.
_MOST_ROUNDS = 8

#: What Unicode calls default-ignorable: nothing of it shows, so a secret with one inside reads like a secret.
_INVISIBLE = re2.compile(
    rb"[\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}-\x{200F}\x{202A}-\x{202E}"
    rb"\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{E0000}-\x{E0FFF}]+"
)

Rule = Callable[[bytes], bytes]


def _without_invisible(data: bytes) -> bytes:
    """Those beside ASCII go, which secrets are made of; between other letters they are spelling (Persian, emoji)."""
    return data if data.isascii() else rewrite(data, _INVISIBLE, _beside_ascii)


def _beside_ascii(data: bytes, match: Match) -> Edit | None:
    beside = data[max(0, match.start() - 1) : match.start()] + data[match.end() : match.end() + 1]
    return Edit(match.start(), match.end(), b"") if any(0x20 < byte < 0x7F for byte in beside) else None


#: Order matters: keys that span lines first, what keeps most of its surroundings next, the general rules last.
_RULES: tuple[Rule, ...] = (
    _without_invisible,
    scrub_private_keys,
    scrub_tokens,
    scrub_hooks,
    scrub_urls,
    scrub_headers,
    scrub_cookies,
    scrub_assignments,
    scrub_elements,
    scrub_commands,
    scrub_cards,
    scrub_emails,
)


def scrub(text: str) -> str:
    """Return the text without secrets, and without what may split one: terminal escapes, invisible characters.

    A secret becomes `[secret]`, a card number `[card]`, an e-mail address `[email]`; the rest stays as it is. Lone
    surrogates become U+FFFD. Scrubbing twice changes nothing; the time is linear in the length; no text raises.
    """
    data = _without_ansi(_encoded(text))
    for _ in range(_MOST_ROUNDS):
        scrubbed = _one_round(data)
        if scrubbed == data:
            break
        data = scrubbed
    return data.decode()


def _one_round(data: bytes) -> bytes:
    for rule in _RULES:
        data = rule(data)
    return data


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _without_ansi(data: bytes) -> bytes:
    return bytes(_ANSI.sub(b"", data)).replace(b"\x1b", b"") if b"\x1b" in data else data
