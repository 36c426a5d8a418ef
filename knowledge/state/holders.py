"""Who holds a sub-task that was claimed without a name: the service gives one, so that no two have the same."""

from __future__ import annotations

import secrets

#: Characters of the owner's name in that of a holder, and hexadecimal digits of what tells two of them apart.
MOST_OF_OWNER, DIGITS = 200, 16
HEX = frozenset("0123456789abcdef")


def issue(owner: str) -> str:
    """A holder's name that nobody else has: `preprocess-agent#0f3c…`."""
    return f"{_of(owner)}{secrets.token_hex(DIGITS // 2)}"


def is_issued(holder: str, *, owner: str) -> bool:
    """Whether the name was issued to somebody of this owner, and not chosen by whoever claimed."""
    digits = holder.removeprefix(_of(owner))
    return holder != digits and len(digits) == DIGITS and HEX.issuperset(digits)


def _of(owner: str) -> str:
    return f"{owner[:MOST_OF_OWNER]}#"
