"""E-mail addresses and card numbers."""

from __future__ import annotations

import re2

from knowledge.signature.scrub.edits import CARD, EMAIL, Edit, Match, rewrite

_EMAIL = re2.compile(rb"([\pL\pN._%+'\-]+)@((?:[\pL\pN](?:[\pL\pN\-]*[\pL\pN])?\.)+\pL[\pL\pN\-]*)")
#: Users of services, not people: `git@github.com` says what was done.
_SERVICE_USERS = frozenset({b"git", b"hg", b"svn"})
#: Grouped as printed on cards, or in one; the first digits are those that issuers use (ISO/IEC 7812).
_CARD = re2.compile(
    rb"(?:3[04-9]|4[0-9]|5[0-8]|6[0-9]|2[2-7])(?:[0-9]{2}[ \-][0-9]{4}[ \-][0-9]{4}[ \-][0-9]{1,7}"
    rb"|[0-9]{2}[ \-][0-9]{6}[ \-][0-9]{4,5}|[0-9]{11,17})"
)
_DIGITS = re2.compile(rb"[0-9]+")


def scrub_emails(data: bytes) -> bytes:
    """Replace e-mail addresses; users in URLs, ssh remotes and versions (`pkg@1.2.rc`) are none."""
    return rewrite(data, _EMAIL, _email) if b"@" in data else data


def scrub_cards(data: bytes) -> bytes:
    """Replace card numbers that stand alone and pass Luhn's check."""
    return rewrite(data, _CARD, _card)


def _email(data: bytes, match: Match) -> Edit | None:
    user, host = match.group(1).lstrip(b"'"), match.group(2)
    labels = host.split(b".")
    if user.lower() in _SERVICE_USERS or not user or all(label.isdigit() for label in labels[:-1]):
        return None
    if data[max(0, match.start() - 2) : match.start()] == b"//":
        return None
    return Edit(match.end() - len(host) - 1 - len(user), match.end(), EMAIL)


def _card(data: bytes, match: Match) -> Edit | None:
    if not _stands_alone(data, match.start(), match.end()):
        return None
    digits = b"".join(_DIGITS.findall(match.group()))
    return Edit(match.start(), match.end(), CARD) if 13 <= len(digits) <= 19 and _passes_luhn(digits) else None


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(0, start - 1) : start], data[end : end + 2]
    if before.isalnum() or before in (b"_", b"-", b".", b"/", b"+", b"#", b"@", b"\\"):
        return False
    return not (after[:1].isalnum() or after[:1] in (b"_", b"-", b"/") or (after[:1] == b"." and after[1:].isdigit()))


def _passes_luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1, annex B."""
    numbers = [byte - 0x30 for byte in reversed(digits)]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0
